"""What several handlers need before they start."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from app.store.records import RunRecord
from app.store.runs import get_run
from app.store.subskills import SubskillRun, get_subskill_run
from app.web.services import Use
from app.web.shared import SharedRun, SharedSet, open_set, open_shared
from app.web.shared_comparison import SharedComparison, open_comparison

RunId = Annotated[str, Path(max_length=40)]
Token = Annotated[str, Path(max_length=200)]
ShareId = Annotated[str, Path(max_length=40)]
SubskillRunId = Annotated[str, Path(max_length=40)]
ExperimentId = Annotated[str, Path(max_length=40)]


async def known_run(run_id: RunId, services: Use) -> RunRecord:
    """Return the run that the address names; 404 if there is none."""
    return await get_run(services.database, run_id)


async def shared_run(token: Token, request: Request, services: Use) -> SharedRun:
    """Return the run that an address below a link names: `{run_id}`, else the link's own.

    404 for an unknown link or a run that it does not open, 410 for an ended one.
    """
    return await open_shared(services.database, token, request.path_params.get("run_id"))


async def shared_set(token: Token, services: Use) -> SharedSet:
    """Return the experiment or comparison that a link opens; 404 if it opens none, 410 if it has ended."""
    return await open_set(services.database, token)


async def shared_comparison(token: Token, request: Request, services: Use) -> SharedComparison:
    """Return the comparison that a link opens, as the address wants it; 404 if it opens none, 410 if it has ended."""
    return await open_comparison(services, token, request.query_params)


def last_seen(
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> int:
    """Return the last event that a stream's reader has: `Last-Event-ID` if it says so, else `after`."""
    if last_event_id and last_event_id.isascii() and last_event_id.isdigit():
        return min(int(last_event_id), 2**53)
    return after


async def known_tests(tests_id: SubskillRunId, services: Use) -> SubskillRun:
    """Return the subskill tests that the address names; 404 if there are none."""
    return await get_subskill_run(services.database, tests_id)


KnownTests = Annotated[SubskillRun, Depends(known_tests)]
KnownRun = Annotated[RunRecord, Depends(known_run)]
Shared = Annotated[SharedRun, Depends(shared_run)]
SharedTogether = Annotated[SharedSet, Depends(shared_set)]
Compared = Annotated[SharedComparison, Depends(shared_comparison)]
LastSeen = Annotated[int, Depends(last_seen)]
