"""Runs: list, launch, control, and their record."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.analysis.palette import Theme
from app.jobs.launch import launch_plan
from app.jobs.launch_plan import LaunchPlan
from app.jobs.report import presence_of
from app.store.annotations import tags_of
from app.store.controls import prioritise
from app.store.controls import request as request_control
from app.store.controls import resume as resume_run
from app.store.queries import SORTS, RunFilter, get_call, list_calls, list_runs
from app.web import urls
from app.web.api.schemas import (
    CallOut,
    CallsOut,
    EventsOut,
    Launched,
    PriorityIn,
    RunList,
    RunOut,
    StateOut,
    call_out,
    run_out,
)
from app.web.data import After, Agent, CallKey, FigureName, Kind, Limit, Month, events_reply, run_figure
from app.web.dependencies import KnownRun, LastSeen
from app.web.errors import invalid, not_found
from app.web.live import look_at, stream_run
from app.web.prompt_changes import PromptChange, prompt_change
from app.web.run_searching import RunSearchOut, Wanted, find_in_run
from app.web.services import Use

router = APIRouter(tags=["runs"])


@router.get("/runs")
async def runs(services: Use, wanted: Annotated[RunFilter, Query()]) -> RunList:
    """List runs: the filters, order and paging of the page `/runs`."""
    if wanted.sort not in SORTS:
        raise invalid({"sort": f"Choose one of: {', '.join(SORTS)}."})
    found, total = await list_runs(services.database, wanted)
    tags = await tags_of(services.database, [run.id for run in found])
    return RunList(
        runs=[run_out(run, tags[run.id]) for run in found], total=total, offset=wanted.offset, limit=wanted.limit
    )


@router.post("/runs", status_code=201)
async def launch(
    services: Use, plan: LaunchPlan, idempotency_key: Annotated[str | None, Header(max_length=64)] = None
) -> Launched:
    """Launch one run a seed. The same `Idempotency-Key` again launches nothing new and answers the same."""
    if "minds" not in plan.model_fields_set:
        raise invalid({"minds": 'Say who decides, for example ["scripted:fair-share"].'})
    experiment, ids = await launch_plan(
        services.database,
        plan,
        check_model=services.models.check_name,
        prompt_folders=services.prompt_folders,
        price_of=services.models.price_of,
        submission=idempotency_key or None,
    )
    page = urls.run(ids[0]) if len(ids) == 1 or experiment is None else urls.experiment(experiment)
    return Launched(experiment=experiment, runs=ids, page=page)


@router.get("/runs/{run_id}")
async def get(services: Use, run: KnownRun) -> RunOut:
    """Return a run."""
    tags = await tags_of(services.database, [run.id])
    return run_out(run, tags[run.id], await presence_of(services.database, run))


@router.post("/runs/{run_id}/pause")
async def pause(services: Use, run: KnownRun) -> StateOut:
    """Ask for a pause at the end of the month."""
    return StateOut(id=run.id, state=await request_control(services.database, run.id, "pause"))


@router.post("/runs/{run_id}/end")
async def end(services: Use, run: KnownRun) -> StateOut:
    """Ask a run that is being played to stop at the end of the month; it is then censored."""
    return StateOut(id=run.id, state=await request_control(services.database, run.id, "end"))


@router.post("/runs/{run_id}/stop")
async def stop(services: Use, run: KnownRun) -> StateOut:
    """Ask for a stop now; the run is then censored."""
    return StateOut(id=run.id, state=await request_control(services.database, run.id, "stop"))


@router.post("/runs/{run_id}/resume")
async def resume(services: Use, run: KnownRun) -> StateOut:
    """Queue a paused or failed run again. What is recorded is not asked again."""
    return StateOut(id=run.id, state=await resume_run(services.database, run.id))


@router.post("/runs/{run_id}/priority")
async def priority(services: Use, run: KnownRun, wanted: PriorityIn) -> StateOut:
    """Let a queued or paused run be played before, or after, others: the higher priority first."""
    return StateOut(id=run.id, state=await prioritise(services.database, run.id, wanted.priority))


@router.get("/runs/{run_id}/events", response_model=EventsOut)
async def events(
    services: Use,
    run: KnownRun,
    after: After = 0,
    limit: Limit = 1000,
    kind: Kind = None,
    agent: Agent = None,
) -> Response:
    """Return the run's events after number `after`, in order, only those of `kind` and `agent` where named."""
    return await events_reply(services, run, after, limit, kind, agent)


@router.get("/runs/{run_id}/stream", response_class=EventSourceResponse)
async def stream(services: Use, run: KnownRun, after: LastSeen) -> AsyncIterator[ServerSentEvent]:
    """Stream the run's events as they come (server-sent events).

    Each message's id is its number; `Last-Event-ID` goes on after it. `status` messages, without id, say how the run is
    doing; the stream ends when the run is over.
    """
    async for message in stream_run(services, run.id, look_at(services, run.id), after):
        yield message


@router.get("/runs/{run_id}/calls")
async def calls(
    services: Use,
    run: KnownRun,
    month: Month = None,
    agent: Agent = None,
) -> CallsOut:
    """Return the run's calls without their texts, at most 2000."""
    return CallsOut(calls=await list_calls(services.database, run.id, month=month, agent=agent))


@router.get("/runs/{run_id}/calls/{key:path}")
async def call(services: Use, run: KnownRun, key: CallKey) -> CallOut:
    """Return one call with its prompt and completion. The key is written as it is, slashes included."""
    found = await get_call(services.database, run.id, key)
    if found is None:
        raise not_found("such call")
    return call_out(found)


@router.get("/runs/{run_id}/search")
async def search_in_run(services: Use, run: KnownRun, q: Wanted = "") -> RunSearchOut:
    """Look for plain text in everything the run holds: messages, answers, thinking, prompts, memories and insights.

    Case, accents and characters that nobody sees do not count. Prompt text is found once, with the first call that
    sent it.
    """
    return await find_in_run(services, run, q, urls.run(run.id))


@router.get("/runs/{run_id}/changes/{key:path}")
async def changes(services: Use, run: KnownRun, key: CallKey) -> PromptChange:
    """Compare a call's prompt with that of the same call of the month before: words added and removed."""
    found = await get_call(services.database, run.id, key)
    if found is None:
        raise not_found("such call")
    return await prompt_change(services.database, run.id, found)


@router.get("/runs/{run_id}/figures/{figure}")
async def figure(services: Use, run: KnownRun, figure: FigureName, theme: Theme = "light") -> dict[str, Any]:
    """Return a chart of the run: Plotly's `data` and `layout`."""
    return await run_figure(services, run, figure, theme)
