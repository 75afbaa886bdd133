"""What goes on, and what an operator asks of a whole experiment."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.store.bulk_controls import ask_all
from app.web import urls
from app.web.dependencies import ExperimentId
from app.web.operations import OperationsOut, look_around
from app.web.services import Use

router = APIRouter(tags=["operations"])


class Granted(BaseModel):
    """What came of a wish about all runs of an experiment."""

    experiment: str
    runs: int = Field(description="how many runs it changed")


@router.get(urls.api_operations().removeprefix(urls.API))
async def operations(services: Use) -> OperationsOut:
    """Return how the instance is doing: workers, queue, what is being played, endpoints, errors, the last hour."""
    return await look_around(services)


@router.post("/experiments/{experiment_id}/pause")
async def pause(services: Use, experiment_id: ExperimentId) -> Granted:
    """Pause all queued runs of an experiment at once, and those being played at the end of their month."""
    return Granted(experiment=experiment_id, runs=await ask_all(services.database, experiment_id, "pause"))


@router.post("/experiments/{experiment_id}/resume")
async def resume(services: Use, experiment_id: ExperimentId) -> Granted:
    """Queue all paused runs of an experiment again; failed ones are resumed one by one."""
    return Granted(experiment=experiment_id, runs=await ask_all(services.database, experiment_id, "resume"))


@router.post("/experiments/{experiment_id}/cancel")
async def cancel(services: Use, experiment_id: ExperimentId) -> Granted:
    """Cancel all queued runs of an experiment; those being played go on."""
    return Granted(experiment=experiment_id, runs=await ask_all(services.database, experiment_id, "cancel"))
