"""What the holder of a link reaches: one run, read-only, and nothing else of the instance."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.analysis.palette import Theme
from app.store.queries import get_call, list_calls
from app.web import urls
from app.web.api.schemas import CallOut, CallsOut, EventsOut
from app.web.data import After, Agent, CallKey, FigureName, Kind, Limit, Month, events_reply, run_figure
from app.web.dependencies import LastSeen, Shared, Token
from app.web.errors import Problem, not_found
from app.web.live import stream_run
from app.web.routes.run_page import render_run
from app.web.services import Use
from app.web.shared import SharedRun, follow_shared

router = APIRouter(prefix="/s/{token}", include_in_schema=False)


@router.get("")
async def page(request: Request, services: Use, token: Token, shared: Shared) -> HTMLResponse:
    """Show the shared run."""
    return await render_run(
        request, services, shared.run, api=urls.share_api(token), page_url=urls.share(token), shared=shared
    )


@router.get("/api/events", response_model=EventsOut)
async def events(
    services: Use, shared: Shared, after: After = 0, limit: Limit = 1000, kind: Kind = None, agent: Agent = None
) -> Response:
    """Return the shared run's events."""
    return await events_reply(services, shared.run, after, limit, kind, agent)


@router.get("/api/stream", response_class=EventSourceResponse)
async def stream(services: Use, token: Token, shared: Shared, after: LastSeen) -> AsyncIterator[ServerSentEvent]:
    """Stream the shared run until it is over or the link has ended."""
    async for message in stream_run(services, shared.run.id, lambda: follow_shared(services.database, token), after):
        yield message


@router.get("/api/calls")
async def calls(services: Use, shared: Shared, month: Month = None, agent: Agent = None) -> CallsOut:
    """Return the shared run's calls, if the link shows them."""
    _check_prompts(shared)
    found = await list_calls(services.database, shared.run.id, month=month, agent=agent)
    return CallsOut(calls=[call for call in found if shared.shows(call)])


@router.get("/api/calls/{key:path}")
async def call(services: Use, shared: Shared, key: CallKey) -> CallOut:
    """Return a call of the shared run, if the link shows it."""
    _check_prompts(shared)
    found = await get_call(services.database, shared.run.id, key)
    if found is None or not shared.shows(found):
        raise not_found("such call")
    return CallOut.model_validate(found.model_dump())


@router.get("/api/figures/{figure}")
async def figure(services: Use, shared: Shared, figure: FigureName, theme: Theme = "light") -> dict[str, Any]:
    """Return a chart of the shared run."""
    return await run_figure(services, shared.run, figure, theme)


def _check_prompts(shared: SharedRun) -> None:
    if not shared.share.with_prompts:
        raise Problem(403, "forbidden", "This link does not show prompts and completions.")
