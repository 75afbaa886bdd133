"""What `govsim experiments freeze` and `govsim experiments add-seeds` do and print."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from app.console_play import opened, out
from app.jobs.launch_plan import LaunchError
from app.jobs.more_seeds import add_seeds
from app.jobs.plan_text import MOST_CHARS, read_plan
from app.models.hub import ModelHub
from app.settings import Settings
from app.store.plans import freeze_plan, plans_of


async def queue_seeds(
    settings: Settings,
    experiment: str,
    seeds: Sequence[int],
    *,
    hub: ModelHub,
    prompt_folders: Sequence[Path],
    as_json: bool,
) -> None:
    """Queue a run of every cell for each of *seeds*.

    Raises:
        UnknownExperiment: if there is no such experiment.
        LaunchError: if it cannot be extended; nothing is stored.
    """
    async with opened(settings) as database:
        runs = await add_seeds(
            database,
            experiment,
            seeds,
            check_model=hub.check_name,
            prompt_folders=prompt_folders,
            price_of=hub.price_of,
        )
        plans = (await plans_of(database, [experiment])).get(experiment)
    if as_json:
        typer.echo(json.dumps({"experiment": experiment, "runs": runs}))
        return
    out.print(f"Experiment {experiment}: {len(runs)} runs are queued.", markup=False)
    if plans:
        out.print(
            "Its plan was frozen before: comparisons name these runs, and tell results without them.", markup=False
        )


async def freeze_here(settings: Settings, experiment: str, file: Path, reason: str | None) -> None:
    """Freeze the plan in *file* as the next version of an experiment's.

    Raises:
        LaunchError: if it is no plan.
        UnknownExperiment: if there is no such experiment.
        PlanRefused: if it is frozen already, or replaces another without a reason.
    """
    try:
        with file.open(encoding="utf-8-sig") as opened_file:
            plan = read_plan(opened_file.read(MOST_CHARS + 1))
    except UnicodeDecodeError:
        raise LaunchError({"plan": "The plan is no text in UTF-8."}) from None
    async with opened(settings) as database:
        known = len((await plans_of(database, [experiment])).get(experiment, []))
        made = await freeze_plan(database, experiment, plan, version=known, reason=reason)
    out.print(f"Version {made.version} is frozen, {made.timing}: {made.hash}", markup=False)
