"""A run's record: played again, and its answers counted."""

from fastapi import APIRouter

from app.analysis.answers import Answers
from app.jobs.answers import answers_of
from app.jobs.rerun import RerunReport
from app.web.dependencies import KnownRun
from app.web.record import rerun_report
from app.web.services import Use

router = APIRouter(tags=["runs"])


@router.post("/runs/{run_id}/rerun-check")
async def rerun_check(services: Use, run: KnownRun) -> RerunReport:
    """Play the run again from its record, without any model, and compare the events byte for byte.

    Nothing is written. A run that is not finished is compared as far as its record goes; an imported run cannot be
    played again (409).
    """
    return await rerun_report(services, run)


@router.get("/runs/{run_id}/answers")
async def answers(services: Use, run: KnownRun) -> Answers:
    """Count the run's answers by purpose and agent: unreadable, asked again, cut off at the token limit, refused."""
    return await answers_of(services.database, run.id)
