"""What `govsim run` does and prints: stores runs and plays them in this process."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from app.analysis.answers import in_words
from app.commons.events import Ended, Event, Harvested
from app.commons.fidelity import fidelity_text
from app.commons.presence import Presence
from app.jobs.answers import answers_of
from app.jobs.estimate import Estimate, estimate
from app.jobs.estimate_words import lines, sentence
from app.jobs.launch import launch_plan, plan_configs, require_prices
from app.jobs.launch_plan import LaunchPlan
from app.jobs.player import Player
from app.jobs.report import outcome, presence_of, run_object
from app.jobs.roll_call import RollCall, on_the_list
from app.jobs.worker import Worker, owner_name
from app.minds.relevance import warm_up
from app.models.hub import ModelHub
from app.settings import Settings
from app.store.connect import Database, open_database
from app.store.leases import Claim
from app.store.permits import SharedLedger
from app.store.purse import Purse
from app.store.queries import get_runs
from app.store.records import Budget, RunRecord
from app.store.runs import now
from app.store.spending import Spent, spent_on

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Launch = Callable[[Database, ModelHub, str], Awaitable[list[str]]]
"""Stores runs that the given owner plays at once, and returns their ids."""
BarOf = Callable[[RunRecord], str]
"""Says in which bar of the progress a run is counted."""


async def play_here(
    settings: Settings, plan: LaunchPlan, *, hub: ModelHub, prompt_folders: Sequence[Path], as_json: bool
) -> int:
    """Store the runs of *plan* and play them in this process; return the exit code.

    Ctrl+C ends the run at hand as *paused*: it can be resumed, nothing that was answered is lost.
    """

    async def launch(database: Database, hub: ModelHub, owner: str) -> list[str]:
        _, ids = await launch_plan(
            database,
            plan,
            check_model=hub.check_name,
            prompt_folders=prompt_folders,
            price_of=hub.price_of,
            owner=owner,
        )
        return ids

    generative = any(mind.startswith("generative") for mind in plan.minds)
    async with opened(settings) as database:
        runs = await play(settings, database, hub, launch, generative=generative, show=not as_json, bar_of=_of_one_run)
        counts = [await answers_of(database, run.id) for run in runs]
        presences = [await presence_of(database, run) for run in runs]
    for run, counted, present in zip(runs, counts, presences, strict=True):
        if as_json:
            more = {"presence": present.model_dump()} if present else {}
            told = run_object(run) | {"answers": counted.model_dump()} | more
            typer.echo(json.dumps(told, ensure_ascii=False))
        else:
            out.print(describe(run, present), markup=False)
            if not counted.total.flawless:
                out.print(f"  answers: {in_words(counted.total)}, of {counted.total.calls:,} calls", markup=False)
    return 0 if all(run.state == "finished" for run in runs) else 1


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Give the instance's database, and close it."""
    database = open_database(settings.database_url)
    try:
        yield database
    finally:
        await database.close()


async def play(
    settings: Settings,
    database: Database,
    hub: ModelHub,
    launch: Launch,
    *,
    generative: bool,
    show: bool,
    bar_of: BarOf,
) -> list[RunRecord]:
    """Store runs with *launch*, play them in this process and return them as they then are, in the order they have.

    Args:
        settings: of the instance.
        database: where.
        hub: the models.
        launch: stores them.
        generative: whether memories will be compared.
        show: whether progress is shown.
        bar_of: names the bar that counts a run.
    """
    async with hub.sharing(SharedLedger(database, settings.stale_after_s)) as hub:
        if generative:
            warm_up()
        ids = await launch(database, hub, owner := owner_name("govsim-run"))
        structlog.get_logger().info("playing", owner=owner, runs=ids)
        purse = Purse(database, hub.price_of, settings.daily_budget)
        stale_after = timedelta(seconds=settings.stale_after_s)
        at_once = min(len(ids), settings.runs_per_worker)
        worker = Worker(database, hub, capacity=at_once, stale_after=stale_after, purse=purse)
        roll_call = RollCall(
            database,
            hub.meter,
            owner=owner,
            role="govsim-run",
            capacity=at_once,
            busy=lambda: (worker.playing, 0, False),
        )
        async with on_the_list(roll_call):
            return await _play_all(worker, purse, hub, ids, show=show, bar_of=bar_of)


async def print_estimate(settings: Settings, plan: LaunchPlan, *, hub: ModelHub, as_json: bool) -> None:
    """Print what the runs of *plan* would use; store nothing.

    Raises:
        app.jobs.launch_plan.LaunchError: if the plan is wrong.
    """
    configs = plan_configs(plan, hub.check_name)
    require_prices(plan, configs, hub.price_of)
    async with opened(settings) as database:
        found = await estimate(database, configs[0], len(configs), price_of=hub.price_of, endpoints=hub.views())
        today = await spent_on(database, now().date())
    show_estimate(settings, found, plan.budget, plan.shared, today, as_json=as_json)


def show_estimate(
    settings: Settings, found: Estimate, budget: Budget, shared: Budget, today: Spent, *, as_json: bool
) -> None:
    """Print an estimate of runs under these budgets, on a day on which *today* was spent."""
    if as_json:
        typer.echo(found.model_dump_json())
        return
    out.print(sentence(found), markup=False)
    for label, text in lines(found, budget, shared, settings.daily_budget, today):
        out.print(f"  {label + ':':<28} {text}", markup=False)
    if found.source:
        out.print(f"  {found.source}", markup=False)


async def _play_all(
    worker: Worker, purse: Purse, hub: ModelHub, ids: Sequence[str], *, show: bool, bar_of: BarOf
) -> list[RunRecord]:
    database = purse.database
    runs = {run.id: run for run in await get_runs(database, ids)}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("months"))
    with Progress(*columns, TimeElapsedColumn(), console=err, disable=not show, transient=True) as progress:
        months: Counter[str] = Counter()
        for run_id in ids:
            months[bar_of(runs[run_id])] += runs[run_id].months
        bars = {name: progress.add_task(name, total=total) for name, total in months.items()}
        players = [
            Player(
                database,
                hub,
                Claim(run_id=run_id, epoch=1),
                on_event=_advancing(progress, bars[bar_of(runs[run_id])], runs[run_id].months),
                purse=purse,
            )
            for run_id in ids
        ]

        def interrupt() -> None:
            for player in players:
                player.wish("leave paused")

        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, interrupt)
        await worker.play_these(players)
    played = {run.id: run for run in await get_runs(database, ids)}
    return [played[run_id] for run_id in ids if run_id in played]  # one may have been deleted meanwhile


def _advancing(progress: Progress, bar: TaskID, months: int) -> Callable[[Event], None]:
    def advance(event: Event) -> None:
        if isinstance(event, Harvested):
            progress.advance(bar)
        elif isinstance(event, Ended):
            progress.advance(bar, months - event.months_played)  # a collapse leaves no month to play

    return advance


def _of_one_run(run: RunRecord) -> str:
    return f"{run.id} · {run.scenario}, seed {run.seed}"


def describe(run: RunRecord, present: Presence | None = None) -> str:
    """Return a run's outcome in a few lines; *present* adds what holds from the month the last agent joined."""
    lines = [f"Run {run.id}: {run.state}" + (f" ({run.reason})" if run.reason else "")]
    lines.append(f"  {run.scenario}, {run.condition}, seed {run.seed}, {run.models}")
    lines.append(f"  {outcome(run)}: {run.months_played} of {run.months} months played")
    if run.mean_gain is not None:
        gains = ", ".join(f"{name} {gain}" for name, gain in run.gains.items())
        lines.append(f"  gain {run.mean_gain:.1f} per agent ({gains})")
    numbers = (
        ("efficiency", run.efficiency),
        ("equality", run.equality),
        ("over-usage", run.over_usage),
    )
    lines.append("  " + ", ".join(f"{name} {'–' if x is None else format(x, '.3f')}" for name, x in numbers))
    if present is not None and present.since is not None:
        gains = ", ".join(f"{name} {gain:.1f}" for name, gain in present.gain_per_month.items())
        lines.append(f"  since month {present.from_month}: gain {present.since.mean_gain:.1f} per agent")
        lines.append(f"  gain per month present: {gains}")
    if run.episode.fidelity:
        lines.append(f"  fidelity: {fidelity_text(run.episode.fidelity)}")
    if run.unreadable:
        lines.append(f"  {run.unreadable} harvest answers could not be read")
    return "\n".join(lines)
