"""Copies an instance from one database to another, whatever kinds they are: all of it, proved equal, or nothing."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Table, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.address import database_url, is_postgresql, missing_file, refusal, shown
from app.store.connect import Database, open_database
from app.store.portable import shape_of, write_row
from app.store.rebuild import rebuilding
from app.store.runs import now
from app.store.schema import move_schema, newest_revision, revision_of
from app.store.tables import RunRow, SubskillRunRow
from app.store.transfer import chunks, copy_tables, count_rows, kept_tables, occupied, take_time

Progress = Callable[[str, int], None]
NAMED = 5


class CopyRefused(Exception):
    """Nothing was copied and the target is as it was; the message says why."""


async def copy_database(
    source_url: str,
    target_url: str,
    migrations: Path,
    *,
    stale_after: timedelta,
    progress: Progress = lambda table, rows: None,
) -> dict[str, int]:
    """Copy all runs, tests, shares and prompt sets from one database into an empty one; return rows by table.

    The target is brought to the current schema and filled in one transaction. Before that is committed, every row of
    both is read and compared, and the source must not have changed meanwhile.

    Args:
        source_url: an instance at the current schema, on which nobody plays; it is only read.
        target_url: a database in which nothing is; a SQLite file may be missing.
        migrations: the folder of the database migrations.
        stale_after: a player that has been silent for longer is not counted as playing.
        progress: told the table and the number of rows after each chunk.

    Raises:
        CopyRefused: if the source is missing, of another schema, played on or changing, or the target is not empty.
        DatabaseError: if one of them cannot be reached.
    """
    source_address, target_address = database_url(source_url), database_url(target_url)
    if shown(source_address) == shown(target_address):
        raise CopyRefused("Both addresses name the same database.")
    if missing := missing_file(source_url):
        raise CopyRefused(missing)
    source = open_database(source_url)
    try:
        await _reach(source)
        with _nothing_left_behind(target_address):
            return await _copy(source, target_url, migrations, stale_after, progress)
    except DBAPIError as error:
        raise CopyRefused(f"The copy did not work out: {error.orig}. The target is as it was.") from error
    finally:
        await source.close()


async def _reach(source: Database) -> None:
    try:
        async with source.read() as connection:
            await connection.run_sync(revision_of)
    except DBAPIError as error:
        raise refusal(source.url, error) from error


async def _copy(
    source: Database, target_url: str, migrations: Path, stale_after: timedelta, progress: Progress
) -> dict[str, int]:
    tables = kept_tables()
    async with source.changes() as changed, source.read() as theirs:
        await changed()
        await take_time(theirs)
        await _refuse_other_schema(theirs, migrations)
        await _refuse_if_played(theirs, stale_after)
        async with rebuilding(target_url) as ours:
            await ours.run_sync(move_schema, migrations, "head")
            if full := await occupied(ours, tables):
                raise CopyRefused(
                    f"The target is not empty: there are rows in {', '.join(full)}. Copy into a new database."
                )
            counts = await copy_tables(theirs, ours, tables, progress)
            for table in tables:
                await _compare(theirs, ours, table, counts[table.name])
            if await changed():
                raise CopyRefused(
                    "Something was written into the source during the copy. "
                    "Stop its web process and its workers, then copy again. The target is as it was."
                )
    return counts


async def _refuse_other_schema(connection: AsyncConnection, migrations: Path) -> None:
    stored, wanted = await connection.run_sync(revision_of), newest_revision(migrations)
    if stored != wanted:
        raise CopyRefused(
            f"The source has schema {stored}, this program works with {wanted}. "
            "Bring the source up to date first: govsim db upgrade."
        )


async def _refuse_if_played(connection: AsyncConnection, stale_after: timedelta) -> None:
    playing = []
    for row in (RunRow, SubskillRunRow):
        query = select(row.id).where(row.state == "playing", row.heartbeat >= now() - stale_after).order_by(row.id)
        playing += [found.id for found in await connection.execute(query)]
    if playing:
        more = f" and {len(playing) - NAMED} more" if len(playing) > NAMED else ""
        raise CopyRefused(
            f"Runs are being played in the source: {', '.join(playing[:NAMED])}{more}. "
            "Pause them, or wait until they are over; then stop the workers and copy."
        )


async def _compare(theirs: AsyncConnection, ours: AsyncConnection, table: Table, copied: int) -> None:
    stored = await count_rows(ours, table)
    if stored != copied:
        raise CopyRefused(f"{table.name} has {stored} rows instead of {copied}. The target is as it was.")
    wanted, found = await digests(theirs, table), await digests(ours, table)
    if wanted != found:
        wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        runs = f" of {', '.join(wrong[:NAMED])}" if wrong != [""] else ""
        raise CopyRefused(f"Rows of {table.name}{runs} came out different. The target is as it was.")


async def digests(connection: AsyncConnection, table: Table) -> dict[str, str]:
    """Return a SHA-256 over all values of a table: one a run where its rows belong to runs, else one under ""."""
    shape = shape_of(table)
    found: dict[str, Any] = {}
    async for rows in chunks(connection, table):
        for row in rows:
            found.setdefault(row.get("run_id", ""), hashlib.sha256()).update(write_row(row, shape))
    return {name: value.hexdigest() for name, value in found.items()}


@contextmanager
def _nothing_left_behind(target: URL) -> Iterator[None]:
    """Remove the SQLite file that a copy that failed has made."""
    path = None if is_postgresql(target) or not target.database else Path(target.database)
    new = path is not None and not path.exists()
    try:
        yield
    except BaseException:
        if path is not None and new:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        raise
