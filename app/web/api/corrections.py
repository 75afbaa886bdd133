"""Corrections of the limits read from talks."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.commons.corrections import LimitCorrection, in_force
from app.store.corrections import CorrectionIn, add_correction
from app.web.corrections import corrections_seen
from app.web.dependencies import KnownRun
from app.web.services import Use

router = APIRouter(tags=["runs"])


class CorrectionsOut(BaseModel):
    """What people say about the agreed limits of a run. The record itself never changes."""

    in_force: tuple[LimitCorrection, ...] = Field(description="what said against did is judged by, at most one a month")
    history: tuple[LimitCorrection, ...] = Field(description="all versions, by month and version")


def corrections_out(history: tuple[LimitCorrection, ...]) -> CorrectionsOut:
    """Return *history* as the API tells it."""
    return CorrectionsOut(in_force=in_force(history), history=history)


@router.get("/runs/{run_id}/corrections")
async def corrections(services: Use, run: KnownRun) -> CorrectionsOut:
    """Return who corrected which agreed limit, when, from what to what, and why."""
    return corrections_out(await corrections_seen(services, run))


@router.post("/runs/{run_id}/corrections", status_code=201)
async def correct(services: Use, run: KnownRun, wish: CorrectionIn) -> LimitCorrection:
    """Say what limit the talk of a month agreed on, or take corrections of it back: a new version, nothing is changed.

    `version` is the last version of that month that is known; if there is a later one, the answer is 409.
    """
    return await add_correction(services.database, run.id, wish)
