"""Databases for all rooms: SQLite, and PostgreSQL too in rooms and modules that say so."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.store.connect import Database, open_database
from tests.databases import PostgresServer, database_of, shared_server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """The PostgreSQL server of this test session; without one the tests that need it fail."""
    base = tmp_path_factory.getbasetemp()
    # Beside pytest-xdist each process has a folder of its own in one that they share.
    meeting_place = base.parent if hasattr(request.config, "workerinput") else base
    with shared_server(meeting_place) as server:
        yield server


@pytest.fixture
def database_kind() -> str:
    """Which database a test is about; `database_kind = on_both` in a conftest or a module makes it each in turn."""
    return "sqlite"


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database of this test's own."""
    with database_of(database_kind, tmp_path, request) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open, migrated database of this test's own."""
    opened = open_database(database_url)
    yield opened
    await opened.close()
