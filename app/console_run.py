"""What `govsim rerun` and `govsim export` do and print, once settings are read."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from app.interop.export import FORMATS, SINGLE, ExportError, write_export
from app.jobs.rerun import check_rerun
from app.settings import Settings
from app.store.connect import open_database
from app.store.whole import read_whole


async def check_run(settings: Settings, run_id: str, prompt_folders: Sequence[Path], *, as_json: bool) -> int:
    """Check that a run can be played again from its record; return the exit code: 0 equal, 1 it differs.

    Raises:
        app.store.runs.UnknownRun: if there is no such run.
        app.jobs.rerun.NotRerunnable: if it was imported.
    """
    database = open_database(settings.database_url)
    try:
        report = await check_rerun(database, run_id, prompt_folders)
    finally:
        await database.close()
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
        return 0 if report.equal else 1
    typer.echo(f"Run {run_id}: {report.text}" if report.equal else f"Run {run_id} differs. {report.text}")
    for field in report.difference.fields if report.difference else ():
        typer.echo(f"  {field.name}\n    recorded  {field.recorded}\n    now       {field.now}")
    for text in report.versions:
        typer.echo(f"  {text}")
    if report.dropped:
        typer.echo(f"  {report.dropped} Requests are compared by their hash.")
    return 0 if report.equal else 1


async def export_run(settings: Settings, run_id: str, kind: str, out: Path | None, *, prompts: bool = False) -> None:
    """Write a run as files and say where; *prompts* puts requests and answers into a page too.

    Raises:
        app.store.runs.UnknownRun: if there is no such run.
        ExportError: if there is no such format, or it cannot be made.
        app.interop.research_log.NothingToExport: if the research format has nothing to hold.
        app.interop.chats.NoChats: if there are no chats.
    """
    chosen = next((known for known in FORMATS if known == kind), None)
    if chosen is None:
        raise ExportError(f"There is no format '{kind}'. Choose one of: {', '.join(FORMATS)}.")
    database = open_database(settings.database_url)
    try:
        whole = await read_whole(database, run_id)
    finally:
        await database.close()
    place = out or Path(f"{run_id}.{SINGLE[chosen]}" if chosen in SINGLE else f"{run_id}-{chosen}")
    written = await asyncio.to_thread(write_export, whole, chosen, place, settings.assets, prompts=prompts)
    typer.echo(f"Run {run_id} is in {written}.")
