from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.databases import on_both
from tests.fakes.process import FakeModelServer
from tests.support import Instance

database_kind = on_both


@pytest.fixture(scope="session")
def running_server() -> Iterator[FakeModelServer]:
    with FakeModelServer(seed=1) as server:
        yield server


@pytest.fixture
def server(running_server: FakeModelServer) -> FakeModelServer:
    running_server.reset()
    return running_server


@pytest.fixture
async def instance(tmp_path: Path, database_url: str, server: FakeModelServer) -> AsyncIterator[Instance]:
    """An instance of its own: a database, a models file naming the fake server, and processes to start."""
    instance = Instance(
        tmp_path, server.models_toml("lab", attempts=2, backoff_s=0.05, max_concurrency=25), database_url
    )
    yield instance
    await instance.close()
