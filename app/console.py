"""What the `govsim` commands do and print, once settings are read."""

import asyncio
import json
import signal
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.analysis.answers import in_words
from app.commons.config import SamplingConfig
from app.commons.events import Event, Harvested
from app.commons.fidelity import fidelity_text
from app.commons.presence import Presence
from app.jobs.answers import answers_of
from app.jobs.estimate import estimate
from app.jobs.estimate_words import lines, sentence
from app.jobs.launch import launch_plan, plan_configs, require_prices
from app.jobs.launch_plan import LaunchPlan
from app.jobs.player import Player
from app.jobs.report import outcome, presence_of, run_object
from app.jobs.roll_call import RollCall, on_the_list
from app.jobs.worker import Worker, owner_name
from app.minds.relevance import warm_up
from app.models.check import check_models
from app.models.hub import ModelHub
from app.settings import Settings
from app.store.connect import open_database
from app.store.leases import Claim
from app.store.permits import SharedLedger
from app.store.purse import Purse
from app.store.records import RunRecord
from app.store.runs import get_run, now
from app.store.spending import spent_on

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


async def play_here(
    settings: Settings, plan: LaunchPlan, *, hub: ModelHub, prompt_folders: Sequence[Path], as_json: bool
) -> int:
    """Store the runs of *plan* and play them in this process, one after the other; return the exit code.

    Ctrl+C ends the run at hand as *paused*: it can be resumed, nothing that was answered is lost.
    """
    database = open_database(settings.database_url)
    try:
        async with hub.sharing(SharedLedger(database, settings.stale_after_s)) as hub:
            if any(mind.startswith("generative") for mind in plan.minds):
                warm_up()
            _, ids = await launch_plan(
                database,
                plan,
                check_model=hub.check_name,
                prompt_folders=prompt_folders,
                price_of=hub.price_of,
                owner=(owner := owner_name("govsim-run")),
            )
            structlog.get_logger().info("playing", owner=owner, runs=ids)
            purse = Purse(database, hub.price_of, settings.daily_budget)
            stale_after = timedelta(seconds=settings.stale_after_s)
            worker = Worker(database, hub, capacity=len(ids), stale_after=stale_after, purse=purse)
            roll_call = RollCall(
                database,
                hub.meter,
                owner=owner,
                role="govsim-run",
                capacity=len(ids),
                busy=lambda: (worker.playing, 0, False),
            )
            async with on_the_list(roll_call):
                runs = await _play_all(worker, purse, hub, ids, show=not as_json)
            counts = [await answers_of(database, run.id) for run in runs]
            presences = [await presence_of(database, run) for run in runs]
    finally:
        await database.close()
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


async def print_estimate(settings: Settings, plan: LaunchPlan, *, hub: ModelHub, as_json: bool) -> None:
    """Print what the runs of *plan* would use; store nothing.

    Raises:
        app.jobs.launch_plan.LaunchError: if the plan is wrong.
    """
    configs = plan_configs(plan, hub.check_name)
    require_prices(plan, configs, hub.price_of)
    database = open_database(settings.database_url)
    try:
        found = await estimate(database, configs[0], len(configs), price_of=hub.price_of, endpoints=hub.views())
        today = await spent_on(database, now().date())
    finally:
        await database.close()
    if as_json:
        typer.echo(found.model_dump_json())
        return
    out.print(sentence(found), markup=False)
    for label, text in lines(found, plan.budget, plan.shared, settings.daily_budget, today):
        out.print(f"  {label + ':':<28} {text}", markup=False)
    if found.source:
        out.print(f"  {found.source}", markup=False)


async def _play_all(worker: Worker, purse: Purse, hub: ModelHub, ids: Sequence[str], *, show: bool) -> list[RunRecord]:
    database = purse.database
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("months"))
    with Progress(*columns, TimeElapsedColumn(), console=err, disable=not show, transient=True) as progress:
        players = []
        for run_id in ids:
            run = await get_run(database, run_id)
            bar = progress.add_task(f"{run_id} · {run.scenario}, seed {run.seed}", total=run.months)

            def advance(event: Event, bar: object = bar) -> None:
                if isinstance(event, Harvested):
                    progress.update(bar, completed=event.month)  # type: ignore[arg-type]

            players.append(Player(database, hub, Claim(run_id=run_id, epoch=1), on_event=advance, purse=purse))

        def interrupt() -> None:
            for player in players:
                player.wish("leave paused")

        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, interrupt)
        await worker.play_these(players)
    return [await get_run(database, run_id) for run_id in ids]


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


def print_models(hub: ModelHub, *, as_json: bool) -> None:
    """Print the endpoints, whether their keys are there, and how to write their models."""
    views = hub.views()
    if as_json:
        typer.echo(json.dumps([view.model_dump() for view in views], indent=2))
        return
    if not views:
        out.print("No model endpoint is configured. Scripted minds need none.", markup=False)
        out.print("Set for example OPENAI_API_KEY, or name a models.toml in GOVSIM_MODELS_FILE.", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for title in ("endpoint", "host", "key", "at once", "a minute", "models"):
        table.add_column(title)
    for view in views:
        key = "not needed" if view.api_key_env is None else "set" if view.key_present else f"{view.api_key_env} missing"
        labels = {model: f" ({label})" for model, label in view.labels.items()}
        names = [f"{view.name}/{model}{labels.get(model, '')}" for model in view.models]
        names += [f"{view.name}/{model} (embeddings)" for model in view.embeddings]
        table.add_row(view.name, view.host, key, str(view.max_concurrency), view.rates or "–", "\n".join(names))
    out.print(table)
    for view in views:
        if view.unusable:
            out.print(f"{view.name}: {view.unusable}", markup=False)


async def print_checks(hub: ModelHub, sampling: SamplingConfig, *, as_json: bool) -> int:
    """Make one tiny call to each model, print what became of it, and return the exit code: 1 if any failed."""
    if not as_json and not hub.views():
        print_models(hub, as_json=False)
        return 0
    async with hub:
        checks = await check_models(hub, sampling)
    if as_json:
        typer.echo(json.dumps([check.model_dump() for check in checks], indent=2, ensure_ascii=False))
    else:
        for check in checks:
            said = [check.model_revision, check.fingerprint, check.provider]
            told = f"ok, {check.latency_ms} ms, {', '.join(filter(None, said)) or 'model not named'}"
            out.print(f"{check.model}: {told if check.ok else check.error}", markup=False)
    return 0 if all(check.ok for check in checks) else 1


def read_paths(paths: Sequence[Path], *, as_json: bool) -> int:
    """Read and measure the logs under *paths* without storing anything; return the exit code."""
    from app.interop.files import UnreadableLog, find_logs
    from app.interop.research import read_log
    from app.interop.summary import summary

    objects, failed = [], []
    for folder in find_logs(paths):
        try:
            objects.append(summary(read_log(folder)))
        except UnreadableLog as error:
            failed.append(str(error))
    if as_json:
        typer.echo(json.dumps(objects, indent=2, ensure_ascii=False))
    else:
        for item in objects:
            survived = {True: "survived", False: "collapsed", None: "outcome unknown"}[item["survived"]]
            out.print(
                f"{item['path']}: {item['scenario']}, {item['condition']}, {item['model']}, "
                f"{item['months_played']} months, {survived}, mean gain {item['mean_gain']}",
                markup=False,
            )
    return _named(failed, len(objects))


async def import_paths(paths: Sequence[Path], settings: Settings, *, as_json: bool) -> int:
    """Import the logs under *paths*; return the exit code."""
    from app.interop.files import find_logs
    from app.interop.library import importing

    folders = find_logs(paths)
    database = open_database(settings.database_url)
    outcomes = []
    try:
        with Progress(console=err, disable=as_json, transient=True) as progress:
            bar = progress.add_task("Importing", total=len(folders))
            async for outcome in importing(database, folders):
                outcomes.append(outcome)
                progress.advance(bar)
    finally:
        await database.close()
    if as_json:
        objects = [
            {
                "path": str(outcome.folder),
                "outcome": outcome.kind,
                "run": outcome.run_id,
                "reason": outcome.reason,
                "equal_to": list(outcome.equal_to),
            }
            for outcome in outcomes
        ]
        typer.echo(json.dumps(objects, indent=2, ensure_ascii=False))
    else:
        for outcome in outcomes:
            if outcome.kind == "imported":
                equal = f" (the same log as {', '.join(outcome.equal_to)})" if outcome.equal_to else ""
                out.print(f"{outcome.folder.name}: imported as run {outcome.run_id}{equal}", markup=False)
            elif outcome.kind == "skipped":
                out.print(str(outcome.reason), markup=False)
    return _named(
        [str(outcome.reason) for outcome in outcomes if outcome.kind == "failed"],
        sum(outcome.kind != "failed" for outcome in outcomes),
    )


def _named(failed: Sequence[str], good: int) -> int:
    for text in failed:
        err.print(f"Not imported: {text}", markup=False)
    if failed:
        err.print(f"{good} of {good + len(failed)} logs could be read.", markup=False)
    return 1 if failed else 0
