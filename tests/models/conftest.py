"""One fake model server for the tests of this room; each test finds it as it was started."""

from collections.abc import Iterator

import pytest

from tests.fakes.process import FakeModelServer


@pytest.fixture(scope="session")
def running_server() -> Iterator[FakeModelServer]:
    with FakeModelServer(seed=7) as server:
        yield server


@pytest.fixture
def server(running_server: FakeModelServer) -> FakeModelServer:
    running_server.reset()
    return running_server
