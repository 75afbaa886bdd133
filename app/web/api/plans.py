"""Frozen plans of experiments as data."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.commons.plan import ExperimentPlan
from app.jobs.launch_plan import MAX_RUNS
from app.jobs.more_seeds import add_seeds
from app.store.frozen_plans import FrozenPlan
from app.store.plans import freeze_plan, plans_of
from app.web.dependencies import ExperimentId
from app.web.routes.experiments import experiment_of
from app.web.services import Use

router = APIRouter(tags=["experiments"])


class PlanIn(BaseModel):
    """What is frozen; `version` is the last one that is known, 0 for none."""

    plan: ExperimentPlan
    version: int = Field(default=0, ge=0, le=10**6)
    reason: str | None = Field(default=None, max_length=1000, description="why a later version replaces the one before")


class PlansOut(BaseModel):
    """All versions of a plan, the first first; the last is in force. Empty where nothing is planned."""

    versions: list[FrozenPlan]


class SeedsIn(BaseModel):
    """More seeds for every cell of an experiment."""

    seeds: list[int] = Field(min_length=1, max_length=MAX_RUNS)


class SeedsOut(BaseModel):
    """The runs that were added, in the order in which they are played."""

    runs: list[str]


@router.post("/experiments/{experiment_id}/seeds", status_code=201)
async def more_seeds(services: Use, experiment_id: ExperimentId, wish: SeedsIn) -> SeedsOut:
    """Play every cell of an experiment with more seeds. Seeds that it has are refused, so nothing is added twice."""
    runs = await add_seeds(
        services.database,
        experiment_id,
        wish.seeds,
        check_model=services.models.check_name,
        prompt_folders=services.prompt_folders,
        price_of=services.models.price_of,
    )
    return SeedsOut(runs=runs)


@router.get("/experiments/{experiment_id}/plan")
async def plan(services: Use, experiment_id: ExperimentId) -> PlansOut:
    """Return the frozen plan of an experiment in all versions, with what there was when each was frozen."""
    found, _ = await experiment_of(services, experiment_id)
    versions = (await plans_of(services.database, [found.id])).get(found.id, [])
    return PlansOut(versions=versions)


@router.post("/experiments/{experiment_id}/plan", status_code=201)
async def freeze(services: Use, experiment_id: ExperimentId, wish: PlanIn) -> FrozenPlan:
    """Freeze a plan. Versions never change: another one needs a reason, and the earlier stay.

    If there is a later version than the one that is known, the answer is 409.
    """
    return await freeze_plan(services.database, experiment_id, wish.plan, version=wish.version, reason=wish.reason)
