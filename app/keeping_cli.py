"""`govsim backup`, `restore` and `retain`: an instance in one file, back, and without what is old."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app import __version__
from app.command_line import errors, fail, settings_and_schema
from app.settings import load_settings

if TYPE_CHECKING:
    from app.store.retention import Rule

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


def retain(
    prompts: Annotated[
        str | None, typer.Option("--prompts-older-than", help="Drop prompts of runs that ended so long ago: 90d, 12w.")
    ] = None,
    calls: Annotated[
        str | None, typer.Option("--calls-older-than", help="Drop their calls, prompts and completions.")
    ] = None,
    runs: Annotated[
        str | None, typer.Option("--runs-older-than", help="Delete such runs; say in which states with --state.")
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="finished, cancelled, failed or interrupted; for --runs-older-than.")
    ] = None,
    shared: Annotated[bool, typer.Option("--shared", help="Delete runs with working share links too.")] = False,
    compact: Annotated[
        bool, typer.Option("--compact", help="Then rewrite the database without its empty parts.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped; drop nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Drop prompts, calls or runs that are old; events and metrics stay with every run that stays."""
    from app.store.retention import Rule

    rules = [
        Rule(what=what, older_than=_age(option, text))
        for what, option, text in (("prompts", "--prompts-older-than", prompts), ("calls", "--calls-older-than", calls))
        if text is not None
    ]
    if runs is not None:
        if not state:
            fail("Say which runs --runs-older-than deletes: --state cancelled, for example; as often as you like.")
        age = _age("--runs-older-than", runs)
        rules.append(Rule.model_validate({"what": "run", "older_than": age, "states": state, "shared": shared}))
    elif state or shared:
        fail("--state and --shared belong to --runs-older-than.")
    if not rules and not compact:
        fail(
            "Name a rule: --prompts-older-than 90d, --calls-older-than 365d, or --runs-older-than 365d "
            "with --state cancelled."
        )
    url = settings_and_schema().database_url
    _interruptible(
        _retain(url, rules, compact=compact, dry=dry_run, as_json=as_json),
        "Stopped. What was dropped so far is dropped; run it again to go on.",
    )


def _age(option: str, text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", text)
    if found is None:
        fail(f"{option} takes days or weeks, 90d or 12w, not '{text}'.")
    return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


async def _retain(url: str, rules: Sequence["Rule"], *, compact: bool, dry: bool, as_json: bool) -> None:
    from app.store import space
    from app.store.connect import open_database
    from app.store.retention import apply, drop_unused_prompt_sets

    database = open_database(url)
    told: list[dict[str, Any]] = []
    try:
        for rule in rules:
            found = [dropped async for dropped in apply(database, rule, dry=dry)]
            size = sum(one.bytes for one in found)
            told.append({"what": rule.what, "rule": rule.days, "runs": [one.run_id for one in found], "bytes": size})
        sets = 0 if dry or not rules else await drop_unused_prompt_sets(database)
        if compact and not dry:
            await space.compact(database)
        room = await space.room(database)
    finally:
        await database.close()
    if as_json:
        object_ = {"dry_run": dry, "dropped": told, "prompt_sets": sets, "size": room.used, "free": room.free}
        typer.echo(json.dumps(object_))
        return
    for item in told:
        verb = "would be dropped" if dry else "dropped"
        what = {"prompts": "Prompts of", "calls": "Calls of", "run": "Whole:"}[item["what"]]
        typer.echo(
            f"{what} {_counted(len(item['runs']), 'run')} {verb} ({item['rule']}), {item['bytes'] / 1e6:.1f} MB."
        )
    free = f", {room.free / 1e6:.1f} MB of them free for what comes" if room.free is not None else ""
    typer.echo(f"The database takes {room.used / 1e6:.1f} MB{free}.")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


async def _backup(url: str, migrations: Path, target: str, *, force: bool, as_json: bool) -> None:
    from app.keeping.backup import place_for, whole_or_nothing, write_backup
    from app.store.address import missing_file
    from app.store.connect import open_database
    from app.store.schema import newest_revision

    if missing := missing_file(url):
        fail(missing)
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


def _interruptible(work: Coroutine[Any, Any, T], said: str = "Stopped before it was done. Nothing was written.") -> T:
    """Run *work*; SIGTERM ends it like Ctrl+C, so that nothing half done is left behind, and *said* is told."""

    async def run() -> T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(run())
    except (asyncio.CancelledError, KeyboardInterrupt):
        fail(said)


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


def purge(
    runs: Annotated[list[str] | None, typer.Argument(help="Deleted runs; none: all that --older-than says.")] = None,
    older_than: Annotated[str, typer.Option("--older-than", help="Deleted so long ago: 7d, 2w, 0d for all.")] = "7d",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove deleted runs for good. What they spent stays counted."""
    age = timedelta(0) if older_than == "0d" else _age("--older-than", older_than)
    url = settings_and_schema().database_url
    gone = _interruptible(_purge(url, runs or [], age), "Stopped. What was removed so far is gone; run it again.")
    typer.echo(json.dumps({"removed": gone}) if as_json else f"{_counted(len(gone), 'run')} removed for good.")


async def _purge(url: str, runs: Sequence[str], age: timedelta) -> list[str]:
    from app.jobs.housekeeping import purge_old
    from app.store.connect import open_database
    from app.store.shelf import purge as purge_run

    database = open_database(url)
    try:
        if not runs:
            return await purge_old(database, age)
        for run_id in runs:
            await purge_run(database, run_id)
        return list(runs)
    finally:
        await database.close()
