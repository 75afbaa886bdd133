"""`govsim backup` and `govsim restore`: an instance in one file, and back."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app import __version__
from app.command_line import errors, fail
from app.settings import load_settings
from app.store.connect import open_database

T = TypeVar("T")


def backup(
    target: Annotated[str, typer.Argument(help="A new file, a folder to put one into, or - for standard output.")],
    check: Annotated[bool, typer.Option("--check", help="Write nothing: verify the backup that TARGET names.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write all runs, shares and tests into one file while the instance goes on; or verify such a file."""
    if check:
        _check(Path(target), as_json=as_json)
        return
    if target == "-" and as_json:
        fail("Standard output takes either the backup or JSON: name a file.")
    settings = load_settings()
    _interruptible(_backup(settings.database_url, settings.migrations, target, force=force, as_json=as_json))


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what is in the database first; no worker may be playing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Restore a backup into the database that GOVSIM_DATABASE_URL names, all of it or nothing."""
    from app.keeping.restore import restore as put_back

    settings = load_settings()
    stale_after = timedelta(seconds=settings.stale_after_s)
    done = _interruptible(
        put_back(
            file,
            settings.database_url,
            settings.migrations,
            replace=replace,
            stale_after=stale_after,
            progress=_progress(quiet=as_json),
        )
    )
    told = _told(done.manifest) | {"queued_again": done.queued_again}
    if as_json:
        typer.echo(json.dumps(told))
        return
    typer.echo(f"Restored the backup of {_when(done.manifest.made_at)}: {_contents(done.manifest.rows)}.")
    if done.queued_again:
        typer.echo(f"{done.queued_again} that were being played then are queued; a worker goes on with them.")


async def _backup(url: str, migrations: Path, target: str, *, force: bool, as_json: bool) -> None:
    from app.keeping.backup import place_for, whole_or_nothing, write_backup
    from app.store.schema import newest_revision

    database = open_database(url)
    facts = {"program": __version__, "revision": newest_revision(migrations)}
    try:
        if target == "-":
            await write_backup(database, sys.stdout.buffer, **facts, progress=_progress(quiet=False))
            return
        path = place_for(Path(target), datetime.now(UTC))
        with whole_or_nothing(path, replace=force) as stream:
            manifest = await write_backup(database, stream, **facts, progress=_progress(quiet=as_json))
    finally:
        await database.close()
    size = path.stat().st_size
    if as_json:
        typer.echo(json.dumps({"file": str(path), "bytes": size} | _told(manifest)))
    else:
        typer.echo(f"{path}: {_contents(manifest.rows)}, {size / 1e6:.1f} MB.")


def _check(path: Path, *, as_json: bool) -> None:
    from app.keeping.archive import Archive

    with Archive(path) as archive:
        manifest = archive.verify()
    if as_json:
        typer.echo(json.dumps({"file": str(path), "whole": True} | _told(manifest)))
        return
    typer.echo(f"{path} is whole: {_contents(manifest.rows)}.")
    typer.echo(
        f"Made {_when(manifest.made_at)} by version {manifest.program}, schema {manifest.revision}, "
        f"from {manifest.source}."
    )


def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run *work*; SIGTERM ends it like Ctrl+C, so that nothing half done is left behind."""

    async def run() -> T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(run())
    except (asyncio.CancelledError, KeyboardInterrupt):
        fail("Stopped before it was done. Nothing was written.")


def _progress(*, quiet: bool) -> Callable[[str, int], None]:
    """Return what tells a person in front of a terminal how far it is."""
    if quiet or not sys.stderr.isatty():
        return lambda table, rows: None
    counts: dict[str, int] = {}

    def tell(table: str, rows: int) -> None:
        counts[table] = counts.get(table, 0) + rows
        errors.print(f"{table}: {counts[table]:,} rows", end="\r")

    return tell


def _told(manifest: Any) -> dict[str, Any]:
    return {
        "made_at": manifest.made_at.isoformat(),
        "program": manifest.program,
        "schema": manifest.revision,
        "source": manifest.source,
        "rows": manifest.rows,
    }


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _contents(rows: dict[str, int]) -> str:
    named = (
        ("run", "runs"),
        ("event", "events"),
        ("call", "calls"),
        ("share", "share links"),
        ("subskill_run", "tests"),
    )
    return ", ".join(f"{rows.get(table, 0):,} {words}" for table, words in named)
