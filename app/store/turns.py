"""One transaction at a time, where rows alone cannot be locked because the decision is about all of them."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def take_turns(connection: AsyncConnection, name: str) -> None:
    """Wait until no other transaction has its turn under *name*; ours lasts until the transaction ends.

    On SQLite there is nothing to do: only one transaction writes at a time.
    """
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        await connection.execute(lock, {"name": f"govsim {name}"})
