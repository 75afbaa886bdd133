"""What can be asked of a database about itself: kind, size, integrity, clock. Nothing here writes."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.space import room


class DatabaseFacts(BaseModel):
    """A database as it describes itself. Sizes in bytes; `clock_s` is how far its clock is ahead of ours.

    `major` is PostgreSQL's major version, `encoding` its encoding, `journal` SQLite's journal mode, `wal` the size of
    its write-ahead log; each None on the other kind. `damage` lists what an integrity check complains of.
    """

    kind: str
    version: str
    size: int
    free: int | None
    clock_s: float
    major: int | None = None
    encoding: str | None = None
    journal: str | None = None
    wal: int | None = None
    damage: tuple[str, ...] = ()


async def describe(database: Database, *, deep: bool = False) -> DatabaseFacts:
    """Return what *database* says of itself.

    The integrity of a SQLite file is checked by `quick_check`, with *deep* by `integrity_check`, which reads every
    index too; both read the whole file.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: if it cannot be read.
    """
    space = await room(database)
    async with database.read() as connection:
        facts = await (_postgresql if connection.dialect.name == "postgresql" else _sqlite)(connection, deep)
    if database.url.database and facts.kind == "sqlite":
        facts = facts.model_copy(update={"wal": _log_size(database.url.database)})
    return facts.model_copy(update={"size": space.used, "free": space.free})


def _log_size(file: str) -> int:
    log = Path(f"{file}-wal")
    return log.stat().st_size if log.exists() else 0


async def _sqlite(connection: AsyncConnection, deep: bool) -> DatabaseFacts:
    check = "integrity_check" if deep else "quick_check"
    damage = [str(row[0]) for row in await connection.exec_driver_sql(f"PRAGMA {check}(20)") if row[0] != "ok"]
    lost = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).mappings().fetchmany(20)
    damage += [f"a row of {row['table']} points to a row of {row['parent']} that is missing" for row in lost]
    return DatabaseFacts(
        kind="sqlite",
        version=str((await connection.exec_driver_sql("SELECT sqlite_version()")).scalar_one()),
        journal=str((await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one()),
        size=0,
        free=None,
        clock_s=0.0,
        damage=tuple(damage),
    )


async def _postgresql(connection: AsyncConnection, deep: bool) -> DatabaseFacts:
    async def ask(query: str) -> str:
        return str((await connection.execute(text(query))).scalar_one())

    before = datetime.now(UTC)
    theirs = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    after = datetime.now(UTC)
    return DatabaseFacts(
        kind="postgresql",
        version=(await ask("SHOW server_version")).split()[0],
        major=int(await ask("SHOW server_version_num")) // 10_000,
        encoding=await ask("SHOW server_encoding"),
        size=0,
        free=None,
        clock_s=(theirs - (before + (after - before) / 2)).total_seconds(),
    )
