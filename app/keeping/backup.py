"""Makes a backup while the instance goes on: one consistent state of all tables in one file."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from app.keeping.archive import ArchiveWriter, Manifest
from app.store.connect import Database
from app.store.portable import shape_of
from app.store.schema import revision_of
from app.store.transfer import chunks, kept_tables, take_time

SUFFIX = ".govsim-backup"


class BackupRefused(Exception):
    """No backup was made; the message says why. Nothing was left behind."""


def place_for(target: Path, made_at: datetime) -> Path:
    """Return the file to write: *target*, or one named by the moment where *target* is a folder."""
    return target / f"govsim-{made_at:%Y-%m-%dT%H%M%SZ}{SUFFIX}" if target.is_dir() else target


@contextmanager
def whole_or_nothing(path: Path, *, replace: bool) -> Iterator[IO[bytes]]:
    """Give a stream whose bytes appear at *path* all at once when the block ends, and not at all if it fails.

    The file is readable by its owner only: it holds what people asked and were told.

    Raises:
        BackupRefused: if *path* is there already and *replace* is not set.
        OSError: if the file cannot be written.
    """
    if path.exists() and not replace:
        raise BackupRefused(f"{path} is there already. Name another file, or say --force to replace it.")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def write_backup(
    database: Database,
    stream: IO[bytes],
    *,
    program: str,
    revision: str,
    progress: Callable[[str, int], None] = lambda table, rows: None,
) -> Manifest:
    """Write one consistent state of *database* to *stream* and return the manifest.

    Rows go through in chunks, so memory stays bounded; on SQLite as on PostgreSQL others read and write meanwhile.

    Args:
        database: what is kept.
        stream: takes the file; it need not be seekable.
        program: the version of GovSim Observatory.
        revision: the schema that this program works with.
        progress: told the table and the number of rows after each chunk.

    Raises:
        BackupRefused: if the database has another schema than *revision*.
        OSError: if the stream cannot take it.
    """
    async with database.read() as connection:
        await take_time(connection)
        stored = await connection.run_sync(revision_of)
        if stored != revision:
            raise BackupRefused(
                f"The database has schema {stored}, this program works with {revision}. Back it up with the version "
                "that wrote it, or bring it up to date first: govsim db upgrade."
            )
        writer = ArchiveWriter(
            stream,
            program=program,
            revision=revision,
            made_at=datetime.now(UTC),
            source=connection.dialect.name,
        )
        for table in kept_tables():
            writer.start_table(table.name, shape_of(table))
            async for rows in chunks(connection, table):
                writer.add(rows)
                progress(table.name, len(rows))
        return writer.finish()
