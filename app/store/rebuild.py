"""One long transaction in which a whole database is put together: schema and rows, all or nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.store.address import DatabaseError, database_url, is_postgresql, make_folder, refusal
from app.store.postgresql import connect_arguments
from app.store.schema import take_turns
from app.store.sqlite import BUSY_TIMEOUT_MS
from app.store.transfer import take_time


@asynccontextmanager
async def rebuilding(url: str) -> AsyncIterator[AsyncConnection]:
    """Give a connection in a transaction that is committed on leaving and rolled back on an error.

    On SQLite foreign keys are looked at once, at the end: while tables are rebuilt, a row may have to wait for the row
    it points to.

    Raises:
        DatabaseError: if the database cannot be reached; at the end, if a row points to one that is not there.
    """
    address = database_url(url)
    make_folder(address)
    if is_postgresql(address):
        engine = create_async_engine(address, poolclass=NullPool, connect_args=connect_arguments(address))
    else:
        engine = create_async_engine(address, poolclass=NullPool)
        _prepare(engine)
    try:
        try:
            connection = await engine.connect()
        except DBAPIError as error:
            raise refusal(address, error) from error
        try:
            async with connection.begin():
                await connection.run_sync(take_turns)
                await take_time(connection)
                yield connection
                if not is_postgresql(address):
                    await _find_lost_rows(connection)
        finally:
            await connection.close()
    finally:
        await engine.dispose()


async def _find_lost_rows(connection: AsyncConnection) -> None:
    lost = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).mappings().first()
    if lost is not None:
        raise DatabaseError(f"A row of {lost['table']} points to a row of {lost['parent']} that is missing.")


def _prepare(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
