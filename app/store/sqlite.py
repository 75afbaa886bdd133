"""SQLite: one writing connection per process, a pool of readers that never wait for it.

Write transactions begin with `BEGIN IMMEDIATE` (WAL, synchronous=FULL): two writers, in one process or in several, take
turns, so whoever reads and then writes inside `write()` is alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 30_000


class SqliteDatabase:
    """An open SQLite file; see `app.store.connect.Database`."""

    def __init__(self, url: URL) -> None:
        self.url = url
        # Reader connections are kept: opening one costs a thread and six statements.
        self._writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)
        self._readers = create_async_engine(url, pool_size=8, max_overflow=24, pool_timeout=30)
        _prepare(self._writer, begin="BEGIN IMMEDIATE")
        _prepare(self._readers, begin="BEGIN")
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for queries; what it sees is one consistent state."""
        async with self._readers.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self, *, quiet: bool = False) -> AsyncIterator[AsyncConnection]:
        """Give the writing connection inside a transaction; whoever looks at the file sees that it changed."""
        async with self._turn, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
        """Give a function that looks at SQLite's `data_version`, which other connections' writes change."""
        async with self._readers.connect() as connection:
            seen: int | None = None

            async def changed() -> bool:
                nonlocal seen
                version = (await connection.exec_driver_sql("PRAGMA data_version")).scalar_one()
                # Inside a transaction the version stands still.
                await connection.rollback()
                before, seen = seen, version
                return bool(version != before)

            yield changed

    async def close(self) -> None:
        """Close all connections."""
        await self._writer.dispose()
        await self._readers.dispose()


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
