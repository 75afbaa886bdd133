"""The ASGI application: `uvicorn --factory app.main:create_app`, or `govsim serve`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import __version__
from app.models.endpoints import load_endpoints
from app.models.hub import ModelHub
from app.settings import Settings, environment, load_settings
from app.store.connect import open_database
from app.store.migrate import upgrade
from app.web import urls
from app.web.application import build
from app.web.assets import Assets
from app.web.gate import Gate
from app.web.services import Services
from app.web.templates import Templates
from app.web.watch import Watcher


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application.

    Args:
        settings: read from the environment if not given.

    Raises:
        app.settings.SettingsError: if a setting is not valid.
        app.models.base.ModelError: if the models file, or a key, cannot be used.
    """
    chosen = settings or load_settings()
    # What can be wrong is wrong here, before anything listens.
    endpoints = load_endpoints(chosen.models_path, environment())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(upgrade, chosen.database_url, chosen.migrations)
        assets = await asyncio.to_thread(Assets, chosen.static)
        database = open_database(chosen.database_url)
        watcher = Watcher(database)
        app.state.services = Services(
            database=database,
            watcher=watcher,
            models=ModelHub(endpoints),
            prompt_folders=chosen.prompt_folders,
            assets=assets,
            templates=Templates(chosen.templates, assets),
            gate=Gate(chosen.password),
            version=__version__,
            daily=chosen.daily_budget,
        )
        watcher.start()
        try:
            yield
        finally:
            await watcher.stop()
            await database.close()

    return build(lifespan, version=__version__, openapi_url=urls.openapi())
