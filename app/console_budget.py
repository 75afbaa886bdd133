"""What `govsim budget` does and says, once settings are read."""

import json
from collections.abc import Mapping
from typing import Any

from app.jobs.budgets import set_budget, set_experiment_budget
from app.models.hub import ModelHub
from app.settings import Settings
from app.store.budgets import Change, dollars, in_words
from app.store.connect import Database, open_database
from app.store.money import rounded_cost
from app.store.purse import PriceOf
from app.store.queries import RunFilter, get_experiment, list_runs
from app.store.records import Budget
from app.store.runs import UnknownExperiment, get_run
from app.store.spending import Spent, spent_by, spent_by_experiment
from app.web.budget_form import read_limits


async def show_budget(
    settings: Settings, subject: str, typed: Mapping[str, str], *, hub: ModelHub, as_json: bool
) -> tuple[str, dict[str, str]]:
    """Change what is *typed* of the budget of a run or an experiment, if anything; return what to print, and errors.

    Raises:
        app.store.runs.UnknownRun: if there is neither a run nor an experiment of this id.
        app.jobs.budgets.BudgetError: if the budget cannot be kept.
        app.store.controls.StateConflict: if the run is over.
    """
    limits, errors = read_limits(typed.get("tokens", ""), typed.get("cost", ""))
    if errors:
        return "", errors
    named = {name: limits[name] for name in typed}
    database = open_database(settings.database_url)
    try:
        try:
            found = await _of_experiment(database, subject, named, hub.price_of)
        except UnknownExperiment:
            found = await _of_run(database, subject, named, hub.price_of)
    finally:
        await database.close()
    return json.dumps(found) if as_json else _sentence(found), {}


def _change(named: Mapping[str, Any]) -> Change:
    return lambda before: before.model_copy(update=named)


async def _of_run(database: Database, run_id: str, named: Mapping[str, Any], price_of: PriceOf) -> dict[str, Any]:
    run = await get_run(database, run_id)
    if named:
        await set_budget(database, run, _change(named), price_of=price_of)
        run = await get_run(database, run_id)
    return _told(run.id, run.budget, spent_by(run), state=run.state, reason=run.reason)


async def _of_experiment(
    database: Database, experiment_id: str, named: Mapping[str, Any], price_of: PriceOf
) -> dict[str, Any]:
    experiment = await get_experiment(database, experiment_id)
    if experiment is None:
        raise UnknownExperiment(experiment_id)
    budget, resumed = experiment.budget, list[str]()
    if named:
        runs, _ = await list_runs(database, RunFilter(experiment=experiment_id, archived="all", limit=500))
        budget, resumed = await set_experiment_budget(database, experiment_id, runs, _change(named), price_of=price_of)
    spent = await spent_by_experiment(database, experiment_id)
    return _told(experiment_id, budget, spent, resumed=resumed)


def _told(subject: str, budget: Budget, spent: Spent, **more: object) -> dict[str, Any]:
    used = {"tokens": spent.tokens, "cost_usd": rounded_cost(spent.cost), "unpriced_calls": spent.unpriced}
    return {"id": subject, "budget": budget.model_dump(), "spent": used, **more}


def _sentence(told: Mapping[str, Any]) -> str:
    spent = told["spent"]
    paid = dollars(spent["cost_usd"])
    if spent["unpriced_calls"]:
        paid += f" and {spent['unpriced_calls']:,} calls of unknown price"
    text = f"{told['id']}: {spent['tokens']:,} tokens and {paid} spent. "
    text += f"Budget: {in_words(Budget(**told['budget']))}."
    if "state" in told:
        why = f" {told['reason']}" if told["state"] == "paused" and told["reason"] else ""
        return f"{text} The run is {told['state']}.{why}"
    return f"{text} Runs that go on: {', '.join(told['resumed'])}." if told["resumed"] else text
