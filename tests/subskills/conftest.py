from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.store.connect import Database
from tests.fakes.process import FakeModelServer
from tests.support import Instance, fresh_database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database, _ = fresh_database(tmp_path)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def running_server() -> Iterator[FakeModelServer]:
    with FakeModelServer(seed=1) as server:
        yield server


@pytest.fixture
def server(running_server: FakeModelServer) -> FakeModelServer:
    running_server.reset()
    return running_server


@pytest.fixture
async def instance(tmp_path: Path, server: FakeModelServer) -> AsyncIterator[Instance]:
    """An instance of its own: a database, a models file naming the fake server, and processes to start."""
    instance = Instance(tmp_path, server.models_toml("lab", attempts=2, backoff_s=0.05, max_concurrency=25))
    yield instance
    await instance.close()
