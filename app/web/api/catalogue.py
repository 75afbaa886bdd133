"""What can be launched: scenarios, conditions, minds."""

from fastapi import APIRouter

from app.commons.scenario import conditions as all_conditions
from app.commons.scenario import scenarios as all_scenarios
from app.jobs.launch_minds import POLICIES
from app.models.check import check_models
from app.web import urls
from app.web.api.schemas import (
    CheckIn,
    ChecksOut,
    ConditionOut,
    ModelsOut,
    ScenarioOut,
)
from app.web.health import Health, look
from app.web.local import look_at_local
from app.web.services import Use

router = APIRouter(tags=["catalogue"])


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
