"""Connections: one writer, many readers.

On SQLite all writes of a process go through one connection in `BEGIN IMMEDIATE` transactions (WAL, synchronous=FULL);
readers have a pool of their own and never wait for it. No model is ever awaited inside a transaction.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 30_000


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


def database_url(text: str) -> URL:
    """Return *text* as a URL with the asynchronous driver we use.

    Raises:
        DatabaseError: if it is no database URL, or names a database we do not speak to.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise DatabaseError("GOVSIM_DATABASE_URL is not a database URL; write for example sqlite:///runs.db") from None
    drivers = {"sqlite": "sqlite+aiosqlite"}
    backend = url.get_backend_name()
    if backend not in drivers:
        raise DatabaseError(f"GOVSIM_DATABASE_URL names '{backend}'; this version stores runs in sqlite:///PATH")
    return url.set(drivername=drivers[backend])


class Database:
    """An open database: `read()` for queries, `write()` for one transaction at a time."""

    def __init__(self, url: URL, writer: AsyncEngine, readers: AsyncEngine) -> None:
        self.url = url
        self._writer = writer
        self._readers = readers
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for queries; what it sees is one consistent state."""
        async with self._readers.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give the writing connection inside a transaction, committed on leaving, rolled back on an error."""
        async with self._turn, self._writer.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self._writer.dispose()
        await self._readers.dispose()

    async def data_version(self, connection: AsyncConnection) -> int:
        """Return a number that changes when another connection has written (SQLite's data_version)."""
        return int((await connection.exec_driver_sql("PRAGMA data_version")).scalar_one())


def open_database(text: str) -> Database:
    """Open the database at URL *text*; the folder of a SQLite file is made if it is missing.

    Raises:
        DatabaseError: if the URL or the folder cannot be used.
    """
    url = database_url(text)
    if url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"The folder of {url.database} cannot be made: {error.strerror}") from error
    # Reader connections are kept: opening one costs a thread and six statements.
    writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)
    readers = create_async_engine(url, pool_size=8, max_overflow=24, pool_timeout=30)
    _prepare(writer, begin="BEGIN IMMEDIATE")
    _prepare(readers, begin="BEGIN")
    return Database(url, writer, readers)


def _prepare(engine: AsyncEngine, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # We issue BEGIN ourselves: the driver's own would come too late to be IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
