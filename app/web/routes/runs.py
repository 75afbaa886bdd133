"""The list of runs, a run's page, and its controls."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.store.controls import prioritise
from app.store.controls import request as request_control
from app.store.controls import resume as resume_run
from app.store.queries import RunFilter, filter_values, list_runs
from app.store.records import HIGHEST_PRIORITY, LOWEST_PRIORITY
from app.web import urls
from app.web.contexts.pages import RunsPage, SortLink
from app.web.contexts.rows import run_row
from app.web.dependencies import KnownRun
from app.web.errors import invalid
from app.web.filters import COLUMNS, choices, read_filter
from app.web.health import look
from app.web.pages import Flash, page
from app.web.routes.run_page import render_run
from app.web.services import Use
from app.web.sharing import ShareIn, issue_link, share_form

router = APIRouter(include_in_schema=False)


@router.get("/runs")
async def runs(request: Request, services: Use) -> HTMLResponse:
    """Show the list; what its address gets wrong is left out, with a notice."""
    wanted, notices = read_filter(request.query_params)
    found, total = await list_runs(services.database, wanted)
    if wanted.offset and not found:
        notices.append("There is no such page; this is the first.")
        wanted = wanted.model_copy(update={"offset": 0})
        found, total = await list_runs(services.database, wanted)
    query = wanted.model_dump(exclude_defaults=True)
    values = await filter_values(services.database)
    context = RunsPage(
        rows=[run_row(run) for run in found],
        total=total,
        all_total=bool(values["state"]),
        first=wanted.offset + 1,
        columns={name: _sort_link(name, label, numeric, wanted) for name, label, numeric in COLUMNS},
        values=choices(values),
        chosen={name: _text(value) for name, value in query.items()},
        filtered=bool(set(query) - {"sort", "descending", "offset", "limit"}),
        previous=_page_at(query, max(0, wanted.offset - wanted.limit)) if wanted.offset else None,
        following=_page_at(query, wanted.offset + wanted.limit) if wanted.offset + len(found) < total else None,
        json=urls.with_query(f"{urls.API}/runs", {name: _text(value) for name, value in query.items()}),
        health=await look(services),
    )
    return page(request, "pages/runs.html", context, section="runs", flash=[Flash(text, "warn") for text in notices])


@router.get("/runs/{run_id}")
async def run(request: Request, services: Use, run: KnownRun) -> HTMLResponse:
    """Show a run."""
    return await render_run(request, services, run, api=urls.api_run(run.id), page_url=urls.run(run.id))


@router.post("/runs/{run_id}/pause")
async def pause(services: Use, run: KnownRun) -> RedirectResponse:
    """Ask for a pause at the end of the month."""
    await request_control(services.database, run.id, "pause")
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/stop")
async def stop(services: Use, run: KnownRun) -> RedirectResponse:
    """Ask for a stop now."""
    await request_control(services.database, run.id, "stop")
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/resume")
@router.post("/runs/{run_id}/retry")
async def resume(services: Use, run: KnownRun) -> RedirectResponse:
    """Queue a paused or failed run again."""
    await resume_run(services.database, run.id)
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/priority")
async def priority(services: Use, run: KnownRun, priority: Annotated[int, Form()]) -> RedirectResponse:
    """Move a queued or paused run forward or back in the queue."""
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise invalid({"priority": f"A priority is a whole number from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}."})
    await prioritise(services.database, run.id, priority)
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/share")
async def share(
    request: Request,
    services: Use,
    run: KnownRun,
    wish: Annotated[ShareIn, Depends(share_form)],
) -> HTMLResponse:
    """Issue a link and show it, this once, on the run's page."""
    _, link = await issue_link(services.database, run, wish, str(request.base_url))
    return await render_run(
        request,
        services,
        run,
        api=urls.api_run(run.id),
        page_url=urls.run(run.id),
        issued_link=link,
        status=201,
    )


def _sort_link(name: str, label: str, numeric: bool, wanted: RunFilter) -> SortLink:
    current = wanted.sort == name
    # A first click on a number shows the largest, on a word the first of the alphabet.
    descending = not wanted.descending if current else numeric or name == "created"
    query = wanted.model_dump(exclude_defaults=True, exclude={"offset"})
    query |= {"sort": name, "descending": str(descending).lower()}
    order = ("descending" if wanted.descending else "ascending") if current else None
    return SortLink(
        label=label, href=urls.runs({key: _text(value) for key, value in query.items()}), order=order, numeric=numeric
    )


def _page_at(query: Mapping[str, Any], offset: int) -> str:
    return urls.runs({**{name: _text(value) for name, value in query.items()}, "offset": offset or None})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
