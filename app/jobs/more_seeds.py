"""More seeds for an experiment that is there: every cell of its definition is played with them too.

The definition stays what it was launched by. A plan that was frozen before does not know these runs, and comparisons
say so.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from app.jobs.complaints import complaint
from app.jobs.definition import Definition
from app.jobs.definition_text import DefinitionError, read_definition
from app.jobs.grid import grid_runs
from app.jobs.launch import launch_configs, no_prices
from app.jobs.launch_plan import CheckModel, LaunchError
from app.minds.prompts import PromptError
from app.store.connect import Database
from app.store.purse import PriceOf
from app.store.queries import get_experiment
from app.store.runs import SeedsThere, UnknownExperiment


async def add_seeds(
    database: Database,
    experiment_id: str,
    seeds: Sequence[int],
    *,
    check_model: CheckModel,
    prompt_folders: Sequence[Path],
    price_of: PriceOf = no_prices,
) -> list[str]:
    """Store a run of every cell for each of *seeds*, all or none, and return their ids in the order of playing.

    Args: as for `app.jobs.launch.launch_plan`.

    Raises:
        UnknownExperiment: if there is no such experiment.
        LaunchError: if it has no definition, a seed was played already, or runs cannot be made; nothing is stored.
    """
    found = await get_experiment(database, experiment_id)
    if found is None:
        raise UnknownExperiment(experiment_id)
    if found.definition is None:
        raise LaunchError({"seeds": "The experiment was launched without a definition: its cells are not known."})
    definition = _with(read_definition(found.definition), seeds)
    try:
        runs = grid_runs(definition, check_model, price_of)
        _, ids = await launch_configs(
            database,
            [run.config for run in runs],
            prompt_folders=prompt_folders,
            pace_ms=definition.settings.pace_ms,
            priority=definition.settings.priority,
            budget=definition.budget.each,
            labels=[run.cell.model for run in runs],
            into=experiment_id,
        )
    except DefinitionError as error:
        raise LaunchError({"seeds": str(error)}) from error
    except PromptError as error:
        raise LaunchError({"seeds": str(error)}) from error
    except SeedsThere as error:
        raise LaunchError({"seeds": str(error)}) from error
    return ids


def _with(definition: Definition, seeds: Sequence[int]) -> Definition:
    try:
        return Definition.model_validate(definition.model_dump() | {"seeds": tuple(seeds)})
    except ValidationError as error:
        raise LaunchError({"seeds": f"Seeds: {complaint(error.errors(include_input=False)[0])}."}) from None
