"""The ASGI application: `uvicorn --factory app.main:create_app`, or `govsim serve`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from app import __version__
from app.jobs.local_server import LocalServer
from app.logs import secrets_in, set_up_logs
from app.models.hub import ModelHub
from app.settings import Settings, environment, load_settings
from app.store.connect import open_database
from app.store.migrate import upgrade
from app.store.permits import SharedLedger
from app.web import urls
from app.web.application import build
from app.web.assets import Assets
from app.web.gate import Gate
from app.web.instance import Instance
from app.web.local import LocalModels
from app.web.meters import WebMeters
from app.web.services import Services
from app.web.templates import Templates
from app.web.watch import Watcher


def create_app(settings: Settings | None = None, local: LocalServer | None = None) -> FastAPI:
    """Return the application.

    Args:
        settings: read from the environment if not given.
        local: the server of local models that is kept beside it, if there is one.

    Raises:
        app.settings.SettingsError: if a setting is not valid.
        app.models.base.ModelError: if the models file, or a key, cannot be used.
    """
    chosen = settings or _settings()
    # What can be wrong is wrong here, before anything listens.
    endpoints = chosen.endpoints(environment())

    meters = WebMeters()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(upgrade, chosen.database_url, chosen.migrations)
        assets = await asyncio.to_thread(Assets, chosen.static)
        async with AsyncExitStack() as stack:
            database = open_database(chosen.database_url)
            stack.push_async_callback(database.close)
            watcher = Watcher(database)
            watcher.start()
            stack.push_async_callback(watcher.stop)
            ledger = SharedLedger(database, chosen.stale_after_s)
            app.state.services = Services(
                database=database,
                watcher=watcher,
                models=await stack.enter_async_context(ModelHub(endpoints, ledger=ledger)),
                prompt_folders=chosen.prompt_folders,
                assets=assets,
                folder=chosen.assets,
                templates=Templates(chosen.templates, assets),
                gate=Gate(chosen.password, metrics_token=chosen.metrics_token),
                version=__version__,
                daily=chosen.daily_budget,
                meters=meters,
                instance=Instance(database),
                local=LocalModels(chosen.local_models, chosen.local_url, local),
            )
            yield

    return build(lifespan, meters, version=__version__, openapi_url=urls.openapi())


def _settings() -> Settings:
    """Return the settings of a process that we did not start ourselves, with its logs set up as they say."""
    settings = load_settings()
    set_up_logs(settings.log_format, settings.log_level or "info", secrets_in(environment()) | settings.secrets)
    return settings
