"""The `govsim` command. Each command reads the settings, calls one service and reports in plain sentences.

Exit codes: 0 done, 1 something did not work out (it is named), 2 a wrong call, configuration or environment.
"""

import asyncio
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from app.budget_cli import budget
from app.command_line import (
    collect_seldom,
    errors,
    fail,
    hub_of,
    keeping,
    number_or_none,
    serving_local,
    settings_and_schema,
    start_logs,
)
from app.compare_cli import compare
from app.db_cli import db
from app.doctor_cli import doctor
from app.experiments_cli import experiments
from app.keeping_cli import backup, purge, restore, retain
from app.local_cli import local
from app.local_train_cli import evaluate, train
from app.prompts_cli import prompt_commands
from app.record_cli import bundle, cite, export, rerun
from app.run_cli import run
from app.settings import load_settings
from app.subskills_cli import import_subskills, subskills

app = typer.Typer(
    name="govsim",
    help="GovSim Observatory: launch, watch, inspect and share GovSim episodes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(db, name="db")
app.add_typer(prompt_commands, name="prompts")
local.command()(train)
local.command()(evaluate)
app.add_typer(local, name="local")
app.add_typer(experiments, name="experiments")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = None,
    worker: Annotated[bool, typer.Option(help="Start a worker process beside the web process.")] = True,
) -> None:
    """Start the web application, and a worker process that plays its runs."""
    from app.serve import run_server

    settings = settings_and_schema("info")
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    collect_seldom()
    run_server(settings.model_copy(update=changes), with_worker=worker, fail=fail)


@app.command()
def worker(
    runs_at_once: Annotated[
        int | None, typer.Option("--runs", min=1, help="Runs played at once; by default GOVSIM_RUNS_PER_WORKER.")
    ] = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Play queued runs and ask queued subskill tests until stopped.

    Told to stop (Ctrl+C, SIGTERM), it gives calls under way up to 10 seconds to come home and hands its runs
    back to the other workers; the same signal again ends it at once.
    """
    from app.jobs.housekeeping import keep_house
    from app.jobs.indexing import keep_indexing
    from app.jobs.queue import open_queue
    from app.jobs.roll_call import RollCall, on_the_list
    from app.jobs.supervise import follow_parent, stop_when_told
    from app.jobs.worker import Worker
    from app.store.connect import open_database
    from app.store.news import news_of
    from app.store.permits import SharedLedger
    from app.store.purse import Purse
    from app.subskills.worker import SubskillWorker

    settings, server = serving_local(settings_and_schema("info"), ["local/"])

    async def work() -> None:
        stop = asyncio.Event()
        stop_when_told(stop)
        follower = asyncio.create_task(follow_parent(parent, stop)) if parent else None
        database = open_database(settings.database_url)
        try:
            async with hub_of(settings).sharing(SharedLedger(database, settings.stale_after_s)) as hub:
                stale_after = timedelta(seconds=settings.stale_after_s)
                capacity = runs_at_once or settings.runs_per_worker
                retry_after_s = settings.retry_after_s
                purse = Purse(database, hub.price_of, settings.daily_budget)
                runs = Worker(
                    database,
                    hub,
                    capacity=capacity,
                    stale_after=stale_after,
                    retry_after_s=retry_after_s,
                    purse=purse,
                )
                tests = SubskillWorker(
                    database, hub, owner=runs.owner, stale_after=stale_after, retry_after_s=retry_after_s, purse=purse
                )
                roll_call = RollCall(
                    database,
                    hub.meter,
                    owner=runs.owner,
                    role="worker",
                    capacity=capacity,
                    busy=lambda: (runs.playing, tests.testing, stop.is_set()),
                )
                opened = partial(open_queue, database)
                async with news_of(database) as news, on_the_list(roll_call), keeping(server):
                    await asyncio.gather(
                        runs.work(stop, opened, news),
                        tests.work(stop, opened, news),
                        purse.keep_waking(stop),
                        keep_house(database, settings.keep_prompts, stop),
                        keep_indexing(database, stop),
                    )
        finally:
            if follower is not None:
                follower.cancel()
            await database.close()

    collect_seldom()
    asyncio.run(work())


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Run folders, folders of runs, or log files.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and measure only; store nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Import logs of the GovSim research code, or a bundle (a .zip of `govsim bundle`)."""
    from app.console import import_paths, read_paths
    from app.interop.unbundle import is_bundle

    for path in paths:
        if not path.exists():
            fail(f"There is nothing at {path}.")
    bundles = [path for path in paths if path.suffix == ".zip" and is_bundle(path)]
    if bundles and (dry_run or len(bundles) != len(paths)):
        fail("A bundle is imported by itself, without --dry-run and without logs beside it.")
    if bundles:
        from app.console_bundle import import_bundle

        settings = settings_and_schema()
        raise typer.Exit(max([asyncio.run(import_bundle(settings, path, as_json=as_json)) for path in bundles]))
    if dry_run:
        raise typer.Exit(read_paths(paths, as_json=as_json))
    raise typer.Exit(asyncio.run(import_paths(paths, settings_and_schema(), as_json=as_json)))


@app.command()
def models(
    check: Annotated[
        bool, typer.Option("--check", help="Make one tiny call to each model; exit 1 if any fails.")
    ] = False,
    temperature: Annotated[str, typer.Option(help="Sampling temperature of the checks; none: not sent.")] = "0",
    top_p: Annotated[str, typer.Option(help="Nucleus sampling of the checks; none: not sent.")] = "1",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the model endpoints that are configured, or check that they answer."""
    from app.console import print_checks, print_models
    from app.models.check import STANDARD

    settings = load_settings()
    if check:
        settings, server = serving_local(settings, hub_of(settings).names())
        changes = {
            "temperature": number_or_none("--temperature", temperature),
            "top_p": number_or_none("--top-p", top_p),
        }
        sampling = STANDARD.model_copy(update=changes)

        async def ask() -> int:
            async with keeping(server):
                return await print_checks(hub_of(settings), sampling, as_json=as_json)

        raise typer.Exit(asyncio.run(ask()))
    print_models(hub_of(settings), as_json=as_json)


for command in (run, rerun, export, bundle, cite, compare, subskills, budget, backup, restore, retain, purge, doctor):
    app.command()(command)
app.command("import-subskills")(import_subskills)


def main() -> None:
    """Run the command; errors that a user can mend are one sentence and exit code 2."""
    start_logs()
    try:
        app()
    except Exception as error:
        from app.mistakes import told

        sentence = told(error)
        if sentence is None:
            raise
        errors.print(f"govsim: {sentence}")
        sys.exit(2)


if __name__ == "__main__":
    main()
