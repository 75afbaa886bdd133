"""What the holder of a link reaches: a run, or the runs of an experiment or comparison; read-only, and nothing else.

Every address below `/s/{token}` opens its link anew (`Shared`, `SharedTogether`). A run's own addresses are there
twice: for a shared run, and for each run of a shared experiment or comparison.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.datastructures import QueryParams

from app.analysis.palette import Theme
from app.store.pages import call_page
from app.store.queries import get_call, list_calls
from app.store.shares import open_share
from app.web.api.corrections import CorrectionsOut, corrections_out
from app.web.api.schemas import CallOut, CallsOut, EventsOut, call_out
from app.web.corrections import corrections_seen
from app.web.data import (
    After,
    Agent,
    CallKey,
    CallPageOut,
    FigureName,
    Kind,
    KnownTexts,
    Limit,
    Month,
    PageOfCalls,
    call_page_out,
    events_reply,
    run_figure,
    runs_figure,
)
from app.web.dependencies import LastSeen, Shared, SharedTogether, Token
from app.web.errors import Problem, not_found
from app.web.live import stream_run
from app.web.previews import card_of_comparison, card_of_experiment, card_of_run, picture, preview
from app.web.prompt_changes import PromptChange, prompt_change
from app.web.routes.compare import render_comparison
from app.web.routes.run_page import render_run
from app.web.routes.shared_set import SharedSetOut, render_set, set_out
from app.web.run_searching import RunSearchOut, Wanted, find_in_run
from app.web.services import Services, Use
from app.web.shared import SharedRun, follow_shared, open_set, open_shared
from app.web.shared_comparison import comparison_of

router = APIRouter(prefix="/s/{token}", include_in_schema=False)
of_a_run = APIRouter()
NOTHING_ASKED = QueryParams()


@router.get("")
async def page(request: Request, services: Use, token: Token) -> HTMLResponse:
    """Show what is shared."""
    share = await open_share(services.database, token)
    if share.scope == "run":
        return await _run_page(request, services, await open_shared(services.database, token))
    together = await open_set(services.database, token)
    if share.scope == "experiment":
        card = await card_of_experiment(services, together)
        return await render_set(request, services, together, preview(request, card, together.page))
    shown = await comparison_of(services, together, request.query_params)
    return await render_comparison(request, services, shown.ask, shown.runs, shared=shown, notices=shown.notices)


@router.get("/picture.png")
async def own_picture(request: Request, services: Use, token: Token) -> Response:
    """Return the picture that goes with the link where it is pasted."""
    share = await open_share(services.database, token)
    if share.scope == "run":
        return await picture(services, await card_of_run(services, await open_shared(services.database, token)))
    together = await open_set(services.database, token)
    if share.scope == "experiment":
        return await picture(services, await card_of_experiment(services, together))
    shown = await comparison_of(services, together, NOTHING_ASKED)
    return await picture(services, await card_of_comparison(services, shown))


@router.get("/runs/{run_id}/picture.png")
async def run_picture(services: Use, shared: Shared) -> Response:
    """Return the picture that goes with a run of a shared experiment or comparison."""
    return await picture(services, await card_of_run(services, shared))


@router.get("/api")
async def data(services: Use, shared: SharedTogether) -> SharedSetOut:
    """Return the runs of a shared experiment or comparison."""
    return set_out(shared)


@router.get("/api/figures/runs")
async def runs_chart(services: Use, shared: SharedTogether, theme: Theme = "light") -> dict[str, Any]:
    """Return the stock of all runs of a shared experiment or comparison."""
    return await runs_figure(services, shared.runs, theme)


@router.get("/runs/{run_id}")
async def run_page(request: Request, services: Use, shared: Shared) -> HTMLResponse:
    """Show a run of a shared experiment or comparison."""
    return await _run_page(request, services, shared)


@of_a_run.get("/api/events", response_model=EventsOut)
async def events(
    services: Use, shared: Shared, after: After = 0, limit: Limit = 1000, kind: Kind = None, agent: Agent = None
) -> Response:
    """Return the shared run's events."""
    return await events_reply(services, shared.run, after, limit, kind, agent)


@of_a_run.get("/api/stream", response_class=EventSourceResponse)
async def stream(
    request: Request, services: Use, token: Token, shared: Shared, after: LastSeen
) -> AsyncIterator[ServerSentEvent]:
    """Stream the shared run until it is over or the link has ended."""
    named = request.path_params.get("run_id")
    look = partial(follow_shared, services.database, token, named)
    async for message in stream_run(services, shared.run.id, look, after):
        yield message


@of_a_run.get("/api/calls")
async def calls(services: Use, shared: Shared, month: Month = None, agent: Agent = None) -> CallsOut:
    """Return the shared run's calls, if the link shows them."""
    _check_prompts(shared)
    found = await list_calls(services.database, shared.run.id, month=month, agent=agent)
    return CallsOut(calls=[shared.told(call) for call in found if shared.shows(call)])


@of_a_run.get("/api/calls/{key:path}")
async def call(services: Use, shared: Shared, key: CallKey) -> CallOut:
    """Return a call of the shared run, if the link shows it."""
    _check_prompts(shared)
    found = await get_call(services.database, shared.run.id, key)
    if found is None or not shared.shows(found):
        raise not_found("such call")
    return call_out(shared.told(found))


@of_a_run.get("/api/record", response_model_exclude_none=True)
async def record(
    services: Use, shared: Shared, after: After = 0, texts: KnownTexts = 0, limit: PageOfCalls = 200
) -> CallPageOut:
    """Return the shared run's calls with prompts and answers, page by page, as far as the link shows them."""
    _check_prompts(shared)
    page = await call_page(
        services.database, shared.run.id, after=after, known=texts, limit=limit, last=shared.last_call
    )
    return call_page_out(page.showing(shared.shows, shared.told))


@of_a_run.get("/api/search")
async def search_in_run(services: Use, shared: Shared, q: Wanted = "") -> RunSearchOut:
    """Look for plain text in what the link shows of the run."""
    return await find_in_run(services, shared.run, q, shared.page, shared)


@of_a_run.get("/api/changes/{key:path}")
async def changes(services: Use, shared: Shared, key: CallKey) -> PromptChange:
    """Compare a prompt of the shared run with the one of a month before, if the link shows it."""
    _check_prompts(shared)
    found = await get_call(services.database, shared.run.id, key)
    if found is None or not shared.shows(found):
        raise not_found("such call")
    return await prompt_change(services.database, shared.run.id, found)


@of_a_run.get("/api/corrections")
async def corrections(services: Use, shared: Shared) -> CorrectionsOut:
    """Return the corrections of agreed limits that the link shows, without names."""
    return corrections_out(await corrections_seen(services, shared.run, shared))


@of_a_run.get("/api/figures/{figure}")
async def figure(services: Use, shared: Shared, figure: FigureName, theme: Theme = "light") -> dict[str, Any]:
    """Return a chart of the shared run."""
    return await run_figure(services, shared.run, figure, theme)


router.include_router(of_a_run)
router.include_router(of_a_run, prefix="/runs/{run_id}")


async def _run_page(request: Request, services: Services, shared: SharedRun) -> HTMLResponse:
    return await render_run(
        request,
        services,
        shared.run,
        api=f"{shared.page}/api",
        page_url=shared.page,
        shared=shared,
        preview=preview(request, await card_of_run(services, shared), shared.page),
    )


def _check_prompts(shared: SharedRun) -> None:
    if not shared.share.with_prompts:
        raise Problem(403, "forbidden", "This link does not show prompts and completions.")
