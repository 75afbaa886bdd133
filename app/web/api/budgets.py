"""Budgets: of runs, of experiments, of the day; and what a launch would use."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.jobs.budgets import set_budget, set_experiment_budget
from app.jobs.estimate import Estimate
from app.jobs.estimate import estimate as estimate_runs
from app.jobs.launch import plan_configs, require_prices
from app.jobs.launch_plan import LaunchPlan
from app.store.budgets import Change
from app.store.records import MAX_COST, MAX_TOKENS, Amount, Budget, RunState, Tokens
from app.store.runs import get_run
from app.web.day import Day, look_at_day
from app.web.dependencies import ExperimentId, KnownRun
from app.web.routes.experiments import experiment_of
from app.web.services import Use

router = APIRouter(tags=["budgets"])


class BudgetIn(BaseModel):
    """The limits to change: null takes one off, what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    tokens: Tokens | None = Field(default=None, ge=1, le=MAX_TOKENS, description="in and out together")
    cost: Amount | None = Field(default=None, gt=0, le=MAX_COST, allow_inf_nan=False, description="US dollars")

    @model_validator(mode="after")
    def _names_something(self) -> "BudgetIn":
        if not self.model_fields_set:
            raise ValueError("name tokens, cost or both; null takes a limit off")
        return self

    @property
    def change(self) -> Change:
        """Makes the new budget from the one there is."""
        named: dict[str, Any] = self.model_dump(exclude_unset=True)
        return lambda before: before.model_copy(update=named)


class RunBudgetOut(BaseModel):
    """A run's new budget, and the state that the run is in with it."""

    id: str
    budget: Budget
    state: RunState
    reason: str | None = Field(description="why it is paused, if it is")


class ExperimentBudgetOut(BaseModel):
    """An experiment's new budget, and the runs that go on with it."""

    id: str
    budget: Budget
    resumed: list[str]


@router.post("/runs/{run_id}/budget")
async def of_run(services: Use, run: KnownRun, wanted: BudgetIn) -> RunBudgetOut:
    """Change a run's budget; if a budget had paused the run and none does any more, it is queued again."""
    budget, state = await set_budget(services.database, run, wanted.change, price_of=services.models.price_of)
    reason = (await get_run(services.database, run.id)).reason
    return RunBudgetOut(id=run.id, budget=budget, state=state, reason=reason)


@router.post("/experiments/{experiment_id}/budget")
async def of_experiment(services: Use, experiment_id: ExperimentId, wanted: BudgetIn) -> ExperimentBudgetOut:
    """Change the budget of all runs of an experiment together; those that it had paused are queued again."""
    experiment, runs = await experiment_of(services, experiment_id)
    budget, resumed = await set_experiment_budget(
        services.database, experiment.id, runs, wanted.change, price_of=services.models.price_of
    )
    return ExperimentBudgetOut(id=experiment.id, budget=budget, resumed=resumed)


@router.get("/budget")
async def of_the_day(services: Use) -> Day:
    """Return what the instance spent today, and what it may."""
    return await look_at_day(services)


@router.post("/estimate")
async def estimate(services: Use, plan: LaunchPlan) -> Estimate:
    """Return what a launch would use, without launching anything."""
    configs = plan_configs(plan, services.models.check_name)
    require_prices(plan, configs, services.models.price_of)
    return await estimate_runs(
        services.database,
        configs[0],
        len(configs),
        price_of=services.models.price_of,
        endpoints=services.models.views(),
    )
