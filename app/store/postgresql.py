"""PostgreSQL: a pool of connections, many transactions at once, wake-ups by LISTEN and NOTIFY.

`read()` is a REPEATABLE READ, READ ONLY transaction: one consistent state. `write()` is READ COMMITTED: rows that are
read to be decided on are locked, and whatever may only be there once has a unique constraint.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.store.address import DatabaseError

CHANNEL = "govsim"
CONNECT_TIMEOUT_S = 10
# A process that freezes inside a transaction keeps its locks no longer than this.
IDLE_IN_TRANSACTION_MS = 10_000
# A listener whose server is gone without a word learns it within this time.
PROBE_S = 5.0

# Only a transaction that has written (or locked) something has an id; the others wake nobody.
_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '') WHERE pg_current_xact_id_if_assigned() IS NOT NULL")


def connect_arguments(url: URL) -> dict[str, Any]:
    """Return what a connection is opened with beyond its URL; what the URL says itself stands."""
    wanted: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "govsim",
        "options": f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
    }
    return {name: value for name, value in wanted.items() if name not in url.query}


class PostgresqlDatabase:
    """An open PostgreSQL database; see `app.store.connect.Database`."""

    def __init__(self, url: URL) -> None:
        self.url = url
        # A connection that a restarted server left dead is noticed before it is used.
        self._engine = create_async_engine(
            url,
            pool_size=5,
            max_overflow=15,
            pool_timeout=60,
            pool_pre_ping=True,
            connect_args=connect_arguments(url),
            isolation_level="READ COMMITTED",
        )
        self._readers = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._listeners = create_async_engine(
            url, poolclass=NullPool, connect_args=connect_arguments(url), isolation_level="AUTOCOMMIT"
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for queries; what it sees is one consistent state."""
        async with self._readers.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self, *, quiet: bool = False) -> AsyncIterator[AsyncConnection]:
        """Give a connection inside a transaction; its commit wakes whoever listens, unless it is *quiet*."""
        async with self._engine.begin() as connection:
            yield connection
            if not quiet:
                await connection.execute(_NOTIFY)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
        """Give a function that tells whether a notification has come; asking costs no round trip.

        Raises:
            DatabaseError: from the function, if the connection is lost. A new one says yes at first.
        """
        async with self._listeners.connect() as connection:
            await connection.exec_driver_sql(f"LISTEN {CHANNEL}")
            driver: psycopg.AsyncConnection[Any] = (await connection.get_raw_connection()).driver_connection  # type: ignore[assignment]
            first, clock = True, asyncio.get_running_loop().time
            probed = clock()

            async def changed() -> bool:
                nonlocal first, probed
                try:
                    if clock() - probed >= PROBE_S:
                        await driver.execute("SELECT 1")
                        probed = clock()
                    found = [notice async for notice in driver.notifies(timeout=0)]
                except psycopg.Error as error:
                    raise DatabaseError(f"The database no longer tells what is written: {error}") from error
                before, first = first, False
                return before or bool(found)

            yield changed

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
        await self._listeners.dispose()
