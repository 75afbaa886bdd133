"""What can be launched: scenarios, conditions, minds; and experiments, which are what was."""

from typing import Any

from fastapi import APIRouter

from app.analysis.palette import Theme
from app.commons.scenario import conditions as all_conditions
from app.commons.scenario import scenarios as all_scenarios
from app.jobs.launch_minds import POLICIES
from app.models.check import check_models
from app.store.annotations import tags_of
from app.store.queries import list_experiments
from app.store.spending import spent_by_experiment
from app.web import urls
from app.web.api.schemas import (
    CheckIn,
    ChecksOut,
    ConditionOut,
    ExperimentList,
    ExperimentOut,
    ModelsOut,
    ScenarioOut,
    run_out,
)
from app.web.data import experiment_figure
from app.web.dependencies import ExperimentId
from app.web.health import Health, look
from app.web.local import look_at_local
from app.web.routes.experiments import experiment_of
from app.web.services import Use

router = APIRouter(tags=["catalogue"])


@router.get("/experiments")
async def experiments(services: Use) -> ExperimentList:
    """Return the latest 50 experiments."""
    return ExperimentList(experiments=await list_experiments(services.database))


@router.get("/experiments/{experiment_id}")
async def experiment(services: Use, experiment_id: ExperimentId) -> ExperimentOut:
    """Return an experiment with its runs."""
    found, runs = await experiment_of(services, experiment_id)
    tags = await tags_of(services.database, [run.id for run in runs])
    return ExperimentOut(
        id=found.id,
        name=found.name,
        created_at=found.created_at,
        budget=found.budget,
        spent=await spent_by_experiment(services.database, found.id),
        page=urls.experiment(found.id),
        runs=[run_out(run, tags[run.id]) for run in runs],
    )


@router.get("/scenarios")
async def scenarios() -> list[ScenarioOut]:
    """Return the scenarios that can be launched."""
    return [
        ScenarioOut(id=item.id, label=item.label, summary=item.summary, unit=item.words.units, agents=item.agents)
        for item in all_scenarios().values()
        if item.playable
    ]


@router.get("/conditions")
async def conditions() -> list[ConditionOut]:
    """Return the conditions that can be launched."""
    return [ConditionOut.model_validate(item, from_attributes=True) for item in all_conditions().values()]


@router.get("/models")
async def models(services: Use) -> ModelsOut:
    """Return the minds that can be launched, and what is configured."""
    return ModelsOut(
        policies=POLICIES,
        models=services.models.names(),
        endpoints=services.models.views(),
        local=[line.now for line in await look_at_local(services.local)],
    )


@router.post(urls.api_check_models().removeprefix(urls.API))
async def check(services: Use, wanted: CheckIn) -> ChecksOut:
    """Make one tiny call to each of these models, with the standard sampling, and tell whether it answered."""
    return ChecksOut(checks=await check_models(services.models, names=list(dict.fromkeys(wanted.models))))


@router.get("/health")
async def health(services: Use) -> Health:
    """Tell whether the instance works."""
    return await look(services)


@router.get("/experiments/{experiment_id}/figures/stock")
async def figure(services: Use, experiment_id: ExperimentId, theme: Theme = "light") -> dict[str, Any]:
    """Return the chart of the stock of all runs of an experiment: Plotly's `data` and `layout`."""
    return await experiment_figure(services, experiment_id, theme)
