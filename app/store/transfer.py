"""Moves whole tables: what a backup, a restore and a copy from database to database walk over.

Tables come in an order in which each row finds the rows it points to; rows come in chunks by primary key, so that
memory stays bounded however large a table is. Values are Python's own (aware moments, bytes, JSON as objects), the
same from SQLite and PostgreSQL. A table whose `info` says `transient` holds what processes say of themselves now, and
stays behind.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.tables import Base

CHUNK_ROWS = 500

Rows = list[dict[str, Any]]


def kept_tables() -> list[Table]:
    """Return the tables that are worth keeping, each after those its rows point to."""
    return [table for table in Base.metadata.sorted_tables if not table.info.get("transient")]


async def take_time(connection: AsyncConnection) -> None:
    """Let the transaction at hand be idle while files are read or written; PostgreSQL would end it otherwise."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


async def count_rows(connection: AsyncConnection, table: Table) -> int:
    """Return how many rows *table* has."""
    return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def occupied(connection: AsyncConnection, tables: Iterable[Table]) -> list[str]:
    """Return the names of the tables that have rows."""
    return [table.name for table in tables if (await connection.execute(select(*table.primary_key).limit(1))).first()]


async def chunks(connection: AsyncConnection, table: Table, size: int = CHUNK_ROWS) -> AsyncIterator[Rows]:
    """Give all rows of *table* by primary key, at most *size* at a time, each as {column: value}.

    Read within one transaction of a snapshot (`Database.read()`), they are one consistent state.
    """
    key = list(table.primary_key)
    query = select(table).order_by(*key).limit(size)
    after: Sequence[Any] | None = None
    while True:
        page = query if after is None else query.where(tuple_(*key) > tuple_(*after))
        rows = [dict(row._mapping) for row in await connection.execute(page)]
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = [rows[-1][column.name] for column in key]


async def put(connection: AsyncConnection, table: Table, rows: Rows) -> None:
    """Insert *rows* as they are, keys included; call `renumber` once all are in."""
    if rows:
        await connection.execute(insert(table), rows)


async def renumber(connection: AsyncConnection, tables: Iterable[Table]) -> None:
    """Let the numbers that the database gives out go on after the highest one stored (PostgreSQL's sequences)."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        column = table.autoincrement_column
        if column is None:
            continue
        highest = f"(SELECT max({column.name}) FROM {table.name})"
        sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
        await connection.execute(text(f"SELECT setval({sequence}, coalesce({highest}, 1), {highest} IS NOT NULL)"))


async def clear(connection: AsyncConnection, tables: Sequence[Table]) -> None:
    """Delete all rows of *tables*, given in the order of `kept_tables`."""
    for table in reversed(tables):
        await connection.execute(delete(table))


async def copy_tables(
    source: AsyncConnection,
    target: AsyncConnection,
    tables: Sequence[Table],
    progress: Callable[[str, int], None] = lambda table, rows: None,
) -> dict[str, int]:
    """Copy all rows of *tables* from one database to another and return how many each had.

    Args:
        source: a connection that sees one consistent state.
        target: a connection in a transaction; the caller commits it.
        tables: in the order of `kept_tables`; in the target they are there and empty.
        progress: told the table and the number of rows after each chunk.
    """
    counts = {}
    for table in tables:
        counts[table.name] = 0
        async for rows in chunks(source, table):
            await put(target, table, rows)
            counts[table.name] += len(rows)
            progress(table.name, len(rows))
    await renumber(target, tables)
    return counts
