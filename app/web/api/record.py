"""A run's record: read as a whole in pages, played again, and its answers counted."""

from fastapi import APIRouter

from app.analysis.answers import Answers
from app.jobs.answers import answers_of
from app.jobs.rerun import RerunReport
from app.store.pages import call_page
from app.web.data import After, CallPageOut, KnownTexts, PageOfCalls, call_page_out
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


@router.get("/runs/{run_id}/record", response_model_exclude_none=True)
async def record(
    services: Use, run: KnownRun, after: After = 0, texts: KnownTexts = 0, limit: PageOfCalls = 200
) -> CallPageOut:
    """Return the run's calls with their prompts and answers, many at a time, each text of the prompts only once.

    A request names its texts by number; they are told with the first call that sent them. What `next` says, given as
    `after` and `texts`, asks for the calls that follow and for the texts that are new in them.
    """
    return call_page_out(await call_page(services.database, run.id, after=after, known=texts, limit=limit))
