"""From a definition to its runs: the cells of the grid, the order in which they are played, their configurations.

Runs are played in rounds, one seed after the other. Each round holds every cell once, in a random order of its own, so
that whatever changes while an experiment is played (a model's drift, a busy endpoint) falls on all cells alike.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.commons.config import EpisodeConfig
from app.jobs.definition import Definition, GridModel
from app.jobs.definition_text import DefinitionError, write_definition
from app.jobs.launch import launch_configs, no_prices, plan_configs, require_prices
from app.jobs.launch_plan import CheckModel, LaunchError, LaunchPlan
from app.minds.prompts import PromptError
from app.store.connect import Database
from app.store.purse import PriceOf

# Where a wrong field of a cell's plan is found in the definition; any other is one of the settings.
_PLACES = {"scenario": "scenarios", "condition": "conditions", "minds": "models", "seeds": "seeds"}
_PLACES |= {"budget_cost": "budget.run_cost", "experiment_budget_cost": "budget.cost"}


@dataclass(frozen=True)
class Cell:
    """One cell of a grid: a model under its label, in a scenario, under a condition."""

    model: str
    scenario: str
    condition: str


@dataclass(frozen=True)
class GridRun:
    """One run of a grid: its cell, its seed, and its configuration."""

    cell: Cell
    seed: int
    config: EpisodeConfig


def cells_of(definition: Definition) -> list[Cell]:
    """Return the cells of a grid: scenario by scenario, model by model, condition by condition."""
    return [
        Cell(model.label, scenario, condition)
        for scenario in definition.scenarios
        for model in definition.models
        for condition in definition.conditions
    ]


def in_order(definition: Definition) -> Iterator[tuple[Cell, int]]:
    """Give each cell and seed in the order in which they are played.

    A cell's place in a round is given by a hash of the order's seed, the run's seed and the cell's name: the same
    definition has the same order everywhere, and a cell that is added leaves the order of the others as it was.
    """
    cells = cells_of(definition)
    for seed in definition.seeds:
        for cell in sorted(cells, key=lambda cell: _place(definition.order_seed, seed, cell)):
            yield cell, seed


def plan_of(definition: Definition, cell: Cell, model: GridModel) -> LaunchPlan:
    """Return what launches one cell: a run for each seed."""
    budget = definition.budget
    return LaunchPlan(
        **dict(definition.settings),
        scenario=cell.scenario,
        condition=cell.condition,
        minds=list(model.minds),
        seeds=list(definition.seeds),
        budget_tokens=budget.run_tokens,
        budget_cost=budget.run_cost,
        experiment_budget_tokens=budget.tokens,
        experiment_budget_cost=budget.cost,
    )


def grid_runs(definition: Definition, check_model: CheckModel, price_of: PriceOf) -> list[GridRun]:
    """Return the runs of a grid in the order in which they are played.

    Args:
        definition: what is asked for.
        check_model: raises an exception with a sentence for a model that cannot be used.
        price_of: what a model costs; a budget in dollars needs it.

    Raises:
        DefinitionError: naming every wrong place, each once however many cells it spoils.
    """
    models = {model.label: model for model in definition.models}
    configs: dict[tuple[Cell, int], EpisodeConfig] = {}
    errors: dict[str, str] = {}
    for cell in cells_of(definition):
        plan = plan_of(definition, cell, models[cell.model])
        try:
            made = plan_configs(plan, check_model)
            require_prices(plan, made, price_of)
        except LaunchError as error:
            for field, text in error.fields.items():
                place = _PLACES.get(field, f"settings.{field}" if field else "")
                errors.setdefault(place, f"{cell.model}: {text}" if field == "minds" else text)
        else:
            configs |= {(cell, config.seed): config for config in made}
    if errors:
        raise DefinitionError(errors)
    return [GridRun(cell, seed, configs[cell, seed]) for cell, seed in in_order(definition)]


async def launch_definition(
    database: Database,
    definition: Definition,
    *,
    check_model: CheckModel,
    prompt_folders: Sequence[Path],
    price_of: PriceOf = no_prices,
    submission: str | None = None,
    owner: str | None = None,
) -> tuple[str, list[str]]:
    """Store the runs of a grid with its definition, all or none; return the experiment's id and the runs', in order.

    Args: as for `app.jobs.launch.launch_plan`.

    Raises:
        DefinitionError: if the definition is wrong; nothing is stored.
    """
    runs = grid_runs(definition, check_model, price_of)
    try:
        experiment, ids = await launch_configs(
            database,
            [run.config for run in runs],
            prompt_folders=prompt_folders,
            experiment=definition.name,
            submission=submission,
            owner=owner,
            pace_ms=definition.settings.pace_ms,
            priority=definition.settings.priority,
            budget=definition.budget.each,
            shared=definition.budget.shared,
            definition=write_definition(definition),
            labels=[run.cell.model for run in runs],
            plan=definition.plan,
        )
    except PromptError as error:
        raise DefinitionError({"settings.prompts": str(error)}) from error
    if experiment is None:
        raise RuntimeError("a launch with a name made no experiment")
    return experiment, ids


def _place(order_seed: int, seed: int, cell: Cell) -> bytes:
    name = "\n".join((str(order_seed), str(seed), cell.model, cell.scenario, cell.condition))
    return hashlib.sha256(name.encode()).digest()
