"""Puts a backup into a database: all of it or nothing, whatever kind of database it came from."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import Table, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.keeping.archive import Archive, Manifest, TablePart, UnusableBackup
from app.store.address import database_url
from app.store.controls import obeyed
from app.store.portable import table_of
from app.store.rebuild import rebuilding
from app.store.runs import add_log, now
from app.store.schema import known_revisions, move_schema, newest_revision, table_names
from app.store.search_index import forget_everything
from app.store.tables import RunRow, SubskillRunRow
from app.store.transfer import clear, count_rows, kept_tables, occupied, put, renumber

Progress = Callable[[str, int], None]


class RestoreRefused(Exception):
    """Nothing was restored and the database is as it was; the message says why."""


class Restored(BaseModel):
    """What a restore did: rows by table, and how many runs and subskill tests were being played when it was made."""

    manifest: Manifest
    revision: str
    queued_again: int


async def restore(
    path: Path,
    url: str,
    migrations: Path,
    *,
    replace: bool = False,
    stale_after: timedelta,
    progress: Progress = lambda table, rows: None,
) -> Restored:
    """Restore the backup at *path* into the database at *url*.

    The whole file is verified before anything is written; then all rows go in within one transaction, at the schema
    they were written with, which is brought to the current one at the end.

    Args:
        path: the backup.
        url: a database that is empty or not there yet; any with *replace*.
        migrations: the folder of the database migrations.
        replace: delete what is there.
        stale_after: a player that has been silent for longer is not counted as alive.
        progress: told the table and the number of rows after each part.

    Raises:
        UnusableBackup: if the file is damaged, no backup, or newer than this program.
        RestoreRefused: if the database is not empty, is being played on, or cannot hold the backup.
        DatabaseError: if the database cannot be reached.
    """
    with Archive(path) as archive:
        manifest = archive.manifest
        if manifest.revision not in known_revisions(migrations):
            raise UnusableBackup(
                f"The backup was written by version {manifest.program} with schema {manifest.revision}, which this "
                "version does not know. Upgrade the program, then restore."
            )
        archive.verify()
        _check_room(url, manifest)
        try:
            async with rebuilding(url) as connection:
                queued_again = await _rebuild(connection, archive, migrations, replace, stale_after, progress)
        except SQLAlchemyError as error:
            what = error.orig if isinstance(error, DBAPIError) else error
            raise RestoreRefused(f"The backup does not go into the database: {what}. Nothing was changed.") from error
        return Restored(manifest=manifest, revision=newest_revision(migrations), queued_again=queued_again)


async def _rebuild(
    connection: AsyncConnection,
    archive: Archive,
    migrations: Path,
    replace: bool,
    stale_after: timedelta,
    progress: Progress,
) -> int:
    """Fill the database and return how many runs are queued again because nobody plays them any more."""
    await connection.run_sync(move_schema, migrations, "head")
    tables = kept_tables()
    full = await occupied(connection, tables)
    if full and not replace:
        raise RestoreRefused(
            f"The database is not empty: there are rows in {', '.join(full)}. Restore into a new one "
            "(GOVSIM_DATABASE_URL), or say --replace to delete what is there."
        )
    if full:
        await _refuse_if_played(connection, stale_after)
        await forget_everything(connection)
        await clear(connection, tables)
    await connection.run_sync(move_schema, migrations, archive.manifest.revision)
    filled = await _fill(connection, archive, progress)
    await renumber(connection, [table for table in tables if table.name in filled])
    await connection.run_sync(move_schema, migrations, "head")
    return await _queue_again(connection, archive.manifest)


async def _fill(connection: AsyncConnection, archive: Archive, progress: Progress) -> set[str]:
    present = await connection.run_sync(table_names)
    for table in archive.manifest.tables:
        if table.name not in present:
            raise UnusableBackup(
                f"The backup has a table {table.name}, which schema {archive.manifest.revision} lacks."
            )
        target = table_of(table.name, table.columns)
        for rows in archive.parts(table):
            await put(connection, target, rows)
            progress(table.name, len(rows))
        await _check_count(connection, target, table)
    return {table.name for table in archive.manifest.tables}


async def _check_count(connection: AsyncConnection, target: Table, table: TablePart) -> None:
    stored = await count_rows(connection, target)
    if stored != table.rows:
        raise RestoreRefused(f"{table.name} has {stored} rows instead of {table.rows}. Nothing was changed.")


async def _refuse_if_played(connection: AsyncConnection, stale_after: timedelta) -> None:
    for table in (RunRow, SubskillRunRow):
        query = select(table.owner).where(table.state == "playing", table.heartbeat >= now() - stale_after).limit(1)
        row = (await connection.execute(query)).first()
        if row is not None:
            raise RestoreRefused(f"Runs are being played ({row.owner}). Stop the workers first, then restore.")


async def _queue_again(connection: AsyncConnection, manifest: Manifest) -> int:
    """Queue what was being played when the backup was made: whoever played it does not play it here."""
    said = f"Restored from a backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC"
    freed = {"owner": None, "heartbeat": None, "control": None}
    runs = (await connection.execute(select(RunRow.id, RunRow.control).where(RunRow.state == "playing"))).all()
    for run in runs:
        values, text = obeyed(run.control) if run.control else ({"state": "queued"}, "Queued again.")
        await connection.execute(
            update(RunRow).where(RunRow.id == run.id).values(epoch=RunRow.epoch + 1, **(freed | values))
        )
        await add_log(connection, run.id, "state", f"{said}. {text}")
    query = select(SubskillRunRow.id, SubskillRunRow.control).where(SubskillRunRow.state == "playing")
    tests = (await connection.execute(query)).all()
    for test in tests:
        values = obeyed(test.control)[0] if test.control else {"state": "queued"}
        await connection.execute(
            update(SubskillRunRow)
            .where(SubskillRunRow.id == test.id)
            .values(epoch=SubskillRunRow.epoch + 1, **(freed | values))
        )
    return len(runs) + len(tests)


def _check_room(url: str, manifest: Manifest) -> None:
    """Refuse what the disk of a SQLite database cannot hold; of a server's disk we know nothing."""
    address = database_url(url)
    if address.get_backend_name() != "sqlite" or not address.database or address.database == ":memory:":
        return
    folder = Path(address.database).absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if manifest.size > free:
        raise RestoreRefused(
            f"The backup unfolds to {manifest.size / 1e9:.1f} GB; {free / 1e9:.1f} GB are free in {folder}."
        )
