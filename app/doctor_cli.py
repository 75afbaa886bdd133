"""`govsim doctor`: looks at everything an instance rests on and says what to do."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from app import __version__
from app.command_line import errors, hub_of, start_logs
from app.keeping.findings import Finding, ok, problem
from app.settings import Settings, SettingsError, load_settings

SECRET = ("password", "token", "secret", "key")
MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Read every record, not a sample; takes a while.")] = False,
    models: Annotated[bool, typer.Option("--models", help="Make one tiny call to each model.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Count anew the columns that are copies of a record.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Examine settings, files, database, workers, records and models (exit code 1: something is wrong)."""
    try:
        settings = load_settings()
    except SettingsError as error:
        found = [problem("settings", str(error), "Mend or unset the variable.")]
    else:
        # What is looked at is told here; log lines beside it would only repeat it.
        start_logs(settings, "error")
        found = asyncio.run(_examine(settings, deep=deep, ask_models=models, fix=fix, quiet=as_json))
    _print(found, as_json=as_json)
    raise typer.Exit(1 if any(one.level == "problem" for one in found) else 0)


async def _examine(settings: Settings, *, deep: bool, ask_models: bool, fix: bool, quiet: bool) -> list[Finding]:
    from app.keeping import examine_place
    from app.keeping.examine_models import examine_local, examine_models
    from app.models.base import ModelError

    found = examine_place.examine_program(__version__)
    found += _settings(settings)
    found += examine_place.examine_assets(settings.assets)
    found += await asyncio.to_thread(examine_place.examine_port, settings.host, settings.port)
    found += await _examine_database(settings, deep=deep, fix=fix, quiet=quiet)
    found += examine_place.examine_models_file(settings.models_path)
    found += examine_local(settings.local_models)
    try:
        hub = hub_of(settings)
    except (ModelError, OSError) as error:
        return [*found, problem("models", str(error), "Mend the models file; nothing starts until then.")]
    async with hub:
        return found + await examine_models(hub, ask=ask_models)


def _settings(settings: Settings) -> list[Finding]:
    from app.web.security import ExposureError, check_exposure

    lines = [f"GOVSIM_{name.upper()} = {_shown(name, value)}" for name, value in settings]
    changed = len(settings.model_fields_set)
    found = [ok("settings", f"{changed} of {len(lines)} settings are set, the others stand at their default.", *lines)]
    try:
        check_exposure(settings.host, settings.password)
    except ExposureError as error:
        found.append(problem("settings", str(error), "govsim serve does not start as it is."))
    return found


def _shown(name: str, value: object) -> str:
    from app.store.address import DatabaseError, shown

    if any(word in name for word in SECRET):
        return "not set" if value is None else "set"
    if name == "database_url":
        try:
            return shown(str(value))
        except DatabaseError:
            return "(not a database URL)"
    return "not set" if value is None else str(value)


async def _examine_database(settings: Settings, *, deep: bool, fix: bool, quiet: bool) -> list[Finding]:
    from app.keeping.examine_database import examine_database, examine_work
    from app.keeping.examine_place import examine_folder
    from app.keeping.examine_records import examine_records
    from app.store.address import DatabaseError, database_url, is_postgresql
    from app.store.connect import open_database

    try:
        url = database_url(settings.database_url)
    except DatabaseError as error:
        return [problem("database", str(error), "Mend GOVSIM_DATABASE_URL.")]
    found: list[Finding] = []
    if not is_postgresql(url) and url.database and url.database != ":memory:":
        file = Path(url.database)
        found += examine_folder(file)
        if not file.exists():  # noqa: ASYNC240 - nothing else runs
            return [*found, ok("database", f"There is no database at {file} yet; it is made at the first start.")]
    database = open_database(settings.database_url)
    try:
        about, readable = await examine_database(database, settings.migrations, deep=deep)
        found += about
        if readable:
            found += await examine_work(database, timedelta(seconds=settings.stale_after_s))
            found += await examine_records(database, deep=deep, fix=fix, progress=_progress(quiet))
    finally:
        await database.close()
    return found


def _progress(quiet: bool) -> Callable[[int, int], None]:
    def tell(done: int, of: int) -> None:
        if not quiet and sys.stderr.isatty():
            errors.print(f"records: {done:,} of {of:,}", end="\r")

    return tell


def _print(found: list[Finding], *, as_json: bool) -> None:
    counts = Counter(one.level for one in found)
    if as_json:
        told = {"problems": counts["problem"], "warnings": counts["warning"]}
        typer.echo(json.dumps(told | {"findings": [one.model_dump() for one in found]}, indent=2, ensure_ascii=False))
        return
    for one in found:
        typer.echo(f"{MARKS[one.level]}  {one.about}: {one.text}")
        if one.advice:
            typer.echo(f"         -> {one.advice}")
        if one.level != "ok" or one.about == "settings":
            for line in one.details[:50]:
                typer.echo(f"           {line}")
    problems, warnings = counts["problem"], counts["warning"]
    typer.echo(
        "Nothing is wrong."
        if not problems and not warnings
        else f"{problems} problem{'' if problems == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}."
    )
