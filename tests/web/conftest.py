from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.commons.config import EpisodeConfig
from app.jobs.player import Player
from app.main import create_app
from app.models.hub import ModelHub
from app.settings import Settings
from app.store.connect import Database
from app.store.leases import claim_next
from app.store.runs import launch
from app.web.services import Services, services_of
from tests.support import ROOT, scripted_config
from tests.web.page import Element, parse

BASE = "http://127.0.0.1:8000"
MODELS = """
[endpoints.local]
base_url = "http://127.0.0.1:9/v1"
models = ["echo", "other"]

[endpoints.paid]
base_url = "https://paid.example/v1"
api_key_env = "PAID_TEST_KEY"
models = ["big"]
"""


@dataclass
class Site:
    """A running application on a fresh database, and a client as a browser's own page would be."""

    app: FastAPI
    client: httpx.AsyncClient

    @property
    def services(self) -> Services:
        return services_of(self.app)

    @property
    def database(self) -> Database:
        return self.services.database

    async def page(self, path: str, status: int = 200) -> Element:
        response = await self.client.get(path)
        assert response.status_code == status, response.text[:500]
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        return parse(response.text)

    async def json(self, path: str, status: int = 200) -> Any:
        response = await self.client.get(path)
        assert response.status_code == status, response.text[:500]
        return response.json()

    async def queue(self, *configs: EpisodeConfig, experiment: str | None = None) -> list[str]:
        _, ids = await launch(
            self.database,
            configs or [scripted_config()],
            prompt_sets={},
            engine_version="1",
            experiment=experiment,
        )
        return ids

    async def play(self, *configs: EpisodeConfig, experiment: str | None = None) -> list[str]:
        """Store runs and play them to their end."""
        ids = await self.queue(*configs, experiment=experiment)
        hub = ModelHub([])
        for _ in ids:
            claim = await claim_next(self.database, "test")
            assert claim is not None
            await Player(self.database, hub, claim).run()
        return ids


@asynccontextmanager
async def open_site(folder: Path, **settings: Any) -> AsyncIterator[Site]:
    models = folder / "models.toml"
    models.write_text(MODELS)
    chosen = Settings(
        **{"database_url": f"sqlite:///{folder / 'web.db'}", "models_file": models, "assets": ROOT, "password": None}
        | settings
    )
    app = create_app(chosen)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=BASE))
        yield Site(app, client)


@pytest.fixture
async def site(tmp_path: Path, database_url: str) -> AsyncIterator[Site]:
    async with open_site(tmp_path, database_url=database_url) as opened:
        yield opened


@pytest.fixture
async def locked(tmp_path: Path, database_url: str) -> AsyncIterator[Site]:
    async with open_site(tmp_path, database_url=database_url, password="correct horse") as opened:
        yield opened
