"""How much room a database takes, and giving back what deleted rows leave empty."""

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.store.connect import Database
from app.store.sqlite import BUSY_TIMEOUT_MS


class Room(BaseModel):
    """Bytes of the database; `free` of them hold nothing and are used again before it grows (None: not known)."""

    used: int
    free: int | None


async def room(database: Database) -> Room:
    """Return how large the database is."""
    async with database.read() as connection:
        if connection.dialect.name == "postgresql":
            size = await connection.execute(text("SELECT pg_database_size(current_database())"))
            return Room(used=size.scalar_one(), free=None)
        pragmas = ("page_count", "freelist_count", "page_size")
        pages, free, size = [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one() for name in pragmas]
        return Room(used=pages * size, free=free * size)


async def compact(database: Database) -> None:
    """Rewrite the database without its empty parts, and give them back to the disk.

    SQLite writes the file anew: that takes as much free disk as the database is large, and whoever writes meanwhile
    waits. PostgreSQL's VACUUM lets empty space be used again at once and blocks nobody.

    Raises:
        sqlalchemy.exc.OperationalError: if the disk is full, or others did not stop writing for 30 seconds.
    """
    # Neither database vacuums inside a transaction.
    engine = create_async_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                await connection.exec_driver_sql("VACUUM (ANALYZE)")
                return
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            await connection.exec_driver_sql("VACUUM")
            # In WAL mode the new pages are in the log until they are moved to the file.
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        await engine.dispose()
