"""What `govsim run --experiment` and `govsim experiments` do and print."""

import json
import stat
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from app.commons.scenario import UnknownName
from app.console_play import opened, out, play, show_estimate
from app.jobs.bundled_definitions import bundled_definition, bundled_definitions
from app.jobs.definition import Definition
from app.jobs.definition_text import MAX_CHARS, DefinitionError, definition_hash, read_definition
from app.jobs.estimate import estimate_all
from app.jobs.grid import GridRun, grid_runs, launch_definition
from app.jobs.report import run_object
from app.models.hub import ModelHub
from app.settings import Settings
from app.store.budgets import in_words
from app.store.connect import Database
from app.store.queries import get_experiment
from app.store.records import RunRecord
from app.store.runs import UnknownExperiment, now
from app.store.spending import spent_on
from app.store.workers import count_workers


def find_definition(where: str) -> Definition:
    """Return the definition in the file *where*, or the bundled one of this name.

    Raises:
        DefinitionError: if it is none.
        UnknownName: if there is neither.
        OSError: if the file cannot be read.
    """
    path = Path(where)
    if not path.exists():
        if where in bundled_definitions():
            return bundled_definition(where)
        names = ", ".join(bundled_definitions())
        raise UnknownName(f"There is no file {where}, and no bundled experiment of this name. Bundled are: {names}.")
    if not stat.S_ISREG(path.stat().st_mode):
        raise DefinitionError({"": f"{where} is no file."})
    with path.open("rb") as file:
        return read_definition(file.read(4 * MAX_CHARS + 1))


def print_grid(definition: Definition, hub: ModelHub, *, as_json: bool) -> None:
    """Print which runs a definition makes, in the order in which they would be played; store nothing.

    Raises:
        DefinitionError: if the definition is wrong.
    """
    runs = grid_runs(definition, hub.check_name, hub.price_of)
    if as_json:
        told: dict[str, Any] = {"name": definition.name, "definition_hash": definition_hash(definition)}
        typer.echo(json.dumps(told | {"runs": [_planned(run) for run in runs]}, ensure_ascii=False))
        return
    out.print(f"{definition.name}: {definition.size}, {len(runs)} runs.", markup=False)
    out.print(f"Budget of all runs: {in_words(definition.budget.shared)}; of each: {in_words(definition.budget.each)}.")
    table = Table(box=None, pad_edge=False)
    for title in ("#", "model", "scenario", "condition", "seed"):
        table.add_column(title, justify="right" if title in "#seed" else "left")
    for number, run in enumerate(runs, 1):
        table.add_row(str(number), run.cell.model, run.cell.scenario, run.cell.condition, str(run.seed))
    out.print(table, markup=False)


async def print_grid_estimate(settings: Settings, definition: Definition, *, hub: ModelHub, as_json: bool) -> None:
    """Print what the runs of a definition would use; store nothing.

    Raises:
        DefinitionError: if the definition is wrong.
    """
    runs = grid_runs(definition, hub.check_name, hub.price_of)
    async with opened(settings) as database:
        launched = [(run.config, 1) for run in runs]
        found = await estimate_all(database, launched, price_of=hub.price_of, endpoints=hub.views())
        today = await spent_on(database, now().date())
    show_estimate(settings, found, definition.budget.each, definition.budget.shared, today, as_json=as_json)


async def launch_grid(
    settings: Settings, definition: Definition, *, hub: ModelHub, prompt_folders: Sequence[Path], as_json: bool
) -> int:
    """Queue the runs of a definition for whoever plays, and say where to look; return the exit code.

    Raises:
        DefinitionError: if the definition is wrong.
    """
    async with opened(settings) as database:
        experiment, ids = await launch_definition(
            database,
            definition,
            check_model=hub.check_name,
            prompt_folders=prompt_folders,
            price_of=hub.price_of,
        )
        workers = await count_workers(database)
    if as_json:
        typer.echo(json.dumps({"experiment": experiment, "runs": ids}))
        return 0
    out.print(f"Experiment {experiment}: {len(ids)} runs are queued.", markup=False)
    if not workers:
        out.print("Nobody plays them yet: start `govsim serve` or `govsim worker`.", markup=False)
    return 0


async def play_grid(
    settings: Settings, definition: Definition, *, hub: ModelHub, prompt_folders: Sequence[Path], as_json: bool
) -> int:
    """Store the runs of a definition and play them in this process; return the exit code: 0 if all were finished.

    Raises:
        DefinitionError: if the definition is wrong.
    """
    made: list[str] = []

    async def launch(database: Database, hub: ModelHub, owner: str) -> list[str]:
        experiment, ids = await launch_definition(
            database,
            definition,
            check_model=hub.check_name,
            prompt_folders=prompt_folders,
            price_of=hub.price_of,
            owner=owner,
        )
        made.append(experiment)
        if not as_json:
            out.print(f"Experiment {experiment}: {definition.size}, {len(ids)} runs.", markup=False)
        return ids

    generative = bool(definition.models_named)
    async with opened(settings) as database:
        runs = await play(settings, database, hub, launch, generative=generative, show=not as_json, bar_of=_cell)
    if as_json:
        for run in runs:
            told = run_object(run) | {"experiment": run.experiment_id, "model_label": run.model_label}
            typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        _print_cells(runs)
        finished = sum(run.state == "finished" for run in runs)
        out.print(f"Experiment {made[0]}: {finished} of {len(runs)} runs finished.", markup=False)
        out.print(f"Compare them: govsim compare {made[0]} --group-by model --group-by condition", markup=False)
    return 0 if all(run.state == "finished" for run in runs) else 1


async def stored_definition(settings: Settings, experiment_id: str) -> str | None:
    """Return the definition (TOML) that an experiment was launched by, None if it was launched without one.

    Raises:
        UnknownExperiment: if there is no such experiment.
    """
    async with opened(settings) as database:
        found = await get_experiment(database, experiment_id)
    if found is None:
        raise UnknownExperiment(experiment_id)
    return found.definition


def print_bundled(*, as_json: bool) -> None:
    """Print which definitions come with the application."""
    known = bundled_definitions()
    if as_json:
        listed = [{"name": name, "title": found.name, "runs": found.runs} for name, found in known.items()]
        typer.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("name", "title", "runs", "grid"):
        table.add_column(title, justify="right" if title == "runs" else "left")
    for name, found in known.items():
        table.add_row(name, found.name, str(found.runs), found.size)
    out.print(table, markup=False)


def _planned(run: GridRun) -> dict[str, Any]:
    cell = run.cell
    named = {"model": cell.model, "scenario": cell.scenario, "condition": cell.condition, "seed": run.seed}
    return named | {"config_hash": run.config.hash}


def _cell(run: RunRecord) -> str:
    return f"{run.model_label} · {run.scenario}, {run.condition}"


def _print_cells(runs: Sequence[RunRecord]) -> None:
    cells: defaultdict[str, list[RunRecord]] = defaultdict(list)
    for run in runs:
        cells[_cell(run)].append(run)
    table = Table(box=None, pad_edge=False)
    for title in ("cell", "finished", "survived", "mean gain", "unreadable"):
        table.add_column(title, justify="left" if title == "cell" else "right")
    for name in sorted(cells):
        mine = cells[name]
        finished = [run for run in mine if run.state == "finished"]
        gains = [run.mean_gain for run in finished if run.mean_gain is not None]
        table.add_row(
            name,
            f"{len(finished)} of {len(mine)}",
            f"{sum(bool(run.survived) for run in finished)} of {len(finished)}",
            f"{sum(gains) / len(gains):.1f}" if gains else "–",
            str(sum(run.unreadable for run in mine)),
        )
    out.print(table, markup=False)
    for run in runs:
        if run.state != "finished":
            out.print(f"Run {run.id} ({_cell(run)}, seed {run.seed}): {run.state}. {run.reason or ''}", markup=False)
