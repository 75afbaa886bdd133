"""What `govsim rerun` and `govsim export` do and print, once settings are read."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from app.interop.chats import NoChats
from app.interop.export import FORMATS, SINGLE, ExportError, write_export
from app.interop.research_log import NothingToExport
from app.jobs.rerun import check_rerun
from app.settings import Settings
from app.store.bundled import named_runs
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


async def export_runs(
    settings: Settings, names: Sequence[str], kind: str, out: Path | None, *, prompts: bool = False
) -> None:
    """Write runs, and those of experiments, as files and say where; *prompts* puts requests into a page too.

    A single run goes to *out*; more than one go into it, each under its id, and what has nothing for this format is
    told and left out.

    Raises:
        app.store.runs.UnknownRun: if there is no such run.
        app.store.runs.UnknownExperiment: if there is no such experiment.
        ExportError: if there is no such format, it cannot be made, or none of several runs has anything for it.
        app.interop.research_log.NothingToExport: if the research format has nothing to hold.
        app.interop.chats.NoChats: if there are no chats.
    """
    chosen = next((known for known in FORMATS if known == kind), None)
    if chosen is None:
        raise ExportError(f"There is no format '{kind}'. Choose one of: {', '.join(FORMATS)}.")
    ending = f".{SINGLE[chosen]}" if chosen in SINGLE else ""
    database = open_database(settings.database_url)

    async def write(run: str, place: Path) -> Path:
        whole = await read_whole(database, run)
        return await asyncio.to_thread(write_export, whole, chosen, place, settings.assets, prompts=prompts)

    try:
        runs = [run.id for run in (await named_runs(database, names))[0]]
        if len(runs) == 1 and runs == list(names):
            written = await write(runs[0], out or Path(f"{runs[0]}{ending or f'-{chosen}'}"))
            typer.echo(f"Run {runs[0]} is in {written}.")
            return
        folder = out or Path(f"{names[0]}-{chosen}" if len(names) == 1 else f"runs-{chosen}")
        done = 0
        for run in runs:
            try:
                await write(run, folder / f"{run}{ending}")
                done += 1
            except (NoChats, NothingToExport) as error:
                typer.echo(f"{run} is left out: {error}", err=True)
    finally:
        await database.close()
    if not done:
        raise ExportError("None of these runs has anything to export in this format.")
    typer.echo(f"{done} run{'' if done == 1 else 's'} in {folder}.")
