"""What `govsim subskills` and `govsim import-subskills` do and print, once settings are read."""

import asyncio
import json
import signal
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.models.hub import ModelHub
from app.store.connect import open_database
from app.store.leases import Claim
from app.store.permits import SharedLedger
from app.store.purse import Purse
from app.store.records import Budget
from app.store.subskills import SubskillCase, SubskillRun, get_subskill_run, subskill_cases
from app.subskills.plan import SubskillPlan, start_tests
from app.subskills.report import report_of
from app.subskills.research import import_results
from app.subskills.results import ScoredTest, results
from app.subskills.tester import Tester
from app.subskills.worker import SubskillWorker

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


async def test_here(
    url: str,
    plan: SubskillPlan,
    *,
    hub: ModelHub,
    prompt_folders: Sequence[Path],
    stale_after: timedelta,
    daily: Budget,
    as_json: bool,
) -> int:
    """Store the tests of *plan* and ask them in this process, scenario by scenario; return the exit code.

    Ctrl+C leaves them *paused*: they can be resumed, nothing that was answered is lost.
    """
    owner = f"govsim-subskills:{token_hex(6)}"
    database = open_database(url)
    try:
        async with hub.sharing(SharedLedger(database, stale_after.total_seconds())) as hub:
            ids = await start_tests(
                database, plan, check_model=hub.check_name, prompt_folders=prompt_folders, owner=owner
            )
            purse = Purse(database, hub.price_of, daily)
            worker = SubskillWorker(database, hub, owner=owner, stale_after=stale_after, purse=purse)
            await _ask(worker, purse, hub, ids, show=not as_json)
            runs = [await get_subskill_run(database, run_id) for run_id in ids]
            for run in runs:
                _print(run, await subskill_cases(database, run.id), as_json=as_json)
    finally:
        await database.close()
    return 0 if all(run.state == "finished" for run in runs) else 1


async def import_here(url: str, paths: Sequence[Path], *, as_json: bool) -> int:
    """Import result files of the research code and say what became of each run; return the exit code."""
    database = open_database(url)
    try:
        outcomes = await import_results(database, paths)
    finally:
        await database.close()
    if as_json:
        typer.echo(json.dumps([asdict(outcome) for outcome in outcomes], indent=2, ensure_ascii=False))
    for outcome in outcomes:
        if outcome.kind == "failed":
            err.print(f"Not imported: {outcome.reason}", markup=False)
        elif not as_json:
            done = f"{outcome.name}: imported as {outcome.run_id}" if outcome.kind == "imported" else outcome.reason
            out.print(str(done), markup=False)
    return 1 if any(outcome.kind == "failed" for outcome in outcomes) else 0


async def _ask(worker: SubskillWorker, purse: Purse, hub: ModelHub, ids: Sequence[str], *, show: bool) -> None:
    database = purse.database
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cases"))
    with Progress(*columns, TimeElapsedColumn(), console=err, disable=not show, transient=True) as progress:
        testers = []
        for run_id in ids:
            run = await get_subskill_run(database, run_id)
            bar = progress.add_task(f"{run_id} · {run.scenario}", total=run.total)

            def advance(case: SubskillCase, bar: TaskID = bar) -> None:
                progress.advance(bar)

            testers.append(Tester(database, hub, Claim(run_id=run_id, epoch=1), on_case=advance, purse=purse))

        def interrupt() -> None:
            for tester in testers:
                tester.wish("leave paused")

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)
        await worker.ask_these(testers)


def _print(run: SubskillRun, cases: Sequence[SubskillCase], *, as_json: bool) -> None:
    if as_json:
        typer.echo(report_of(run, cases).model_dump_json())
        return
    out.print(f"Tests {run.id}: {run.state}" + (f" ({run.reason})" if run.reason else ""), markup=False)
    out.print(f"  {run.model}, {run.scenario}, seed {run.seed}, {run.done} of {run.total} cases", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("test", "passed", "share", "95 % interval", "unreadable"):
        table.add_column(title, justify="left" if title == "test" else "right")
    for result in results(run.tests, cases):
        table.add_row(result.label, f"{result.score.passed}/{result.score.total}", *_score(result))
    out.print(table)


def _score(result: ScoredTest) -> tuple[str, str, str]:
    score = result.score
    if score.share is None or score.low is None or score.high is None:
        return "–", "–", str(result.unreadable)
    return f"{score.share:.0%}", f"{score.low:.0%} to {score.high:.0%}", str(result.unreadable)
