"""Connections: `open_database` gives a `Database`, on SQLite or PostgreSQL, and nobody above asks which.

Both keep the same promises. What `read()` gives sees one consistent state. What is done inside `write()` is committed
whole or not at all; whoever reads there what it decides on takes those rows with `.with_for_update()`. No model is ever
awaited inside a transaction.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.address import DatabaseError as DatabaseError
from app.store.address import database_url, is_postgresql, make_folder
from app.store.postgresql import PostgresqlDatabase
from app.store.sqlite import SqliteDatabase

Changed = Callable[[], Awaitable[bool]]
"""Tells whether anybody, in whatever process, has committed a write since it was last asked."""


class Database(Protocol):
    """An open database."""

    @property
    def url(self) -> URL:
        """Where it is; it may hold a password (`app.store.address.shown` shows it without)."""
        ...

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Give a connection for queries; what it sees is one consistent state."""
        ...

    def write(self, *, quiet: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        """Give a connection inside a transaction, committed on leaving, rolled back on an error.

        A *quiet* write is one that nobody who looks at a page waits for, such as a heartbeat: it wakes no stream.
        """
        ...

    def changes(self) -> AbstractAsyncContextManager[Changed]:
        """Give a function that tells whether anything was written since it was last asked; at first it says yes.

        It answers at once and costs little, so it can be asked ten times a second. While it is held it must be asked
        again and again, or given up.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def open_database(text: str) -> Database:
    """Open the database at URL *text*; the folder of a SQLite file is made if it is missing.

    Raises:
        DatabaseError: if the URL or the folder cannot be used.
    """
    url = database_url(text)
    if is_postgresql(url):
        return PostgresqlDatabase(url)
    make_folder(url)
    return SqliteDatabase(url)
