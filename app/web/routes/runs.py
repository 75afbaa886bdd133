"""The list of runs, a run's page, and its controls."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.store.annotations import tags_of
from app.store.controls import prioritise
from app.store.controls import request as request_control
from app.store.controls import resume as resume_run
from app.store.queries import RunFilter, experiment_names, filter_values, list_runs
from app.store.records import HIGHEST_PRIORITY, LOWEST_PRIORITY
from app.store.shelf import hidden_at, list_deleted
from app.web import urls
from app.web.contexts.pages import RunsPage, SortLink
from app.web.contexts.rows import run_row
from app.web.dependencies import KnownRun
from app.web.errors import invalid
from app.web.filters import COLUMNS, FIRST, USUAL_COLUMNS, Column, choices, read_columns, read_filter
from app.web.health import look
from app.web.pages import Flash, page
from app.web.routes.run_page import render_run
from app.web.services import Services, Use
from app.web.sharing import ShareIn, issue_link, share_form

router = APIRouter(include_in_schema=False)


@router.get("/runs")
async def runs(request: Request, services: Use) -> HTMLResponse:
    """Show the list; what its address gets wrong is left out, with a notice."""
    asked = request.query_params
    own = ("columns", "deleted")
    wanted, notices = read_filter({name: value for name, value in asked.items() if name not in own})
    columns = read_columns(asked.getlist("columns"))
    found, total = await list_runs(services.database, wanted)
    if wanted.offset and not found:
        notices.append("There is no such page; this is the first.")
        wanted = wanted.model_copy(update={"offset": 0})
        found, total = await list_runs(services.database, wanted)
    query = {name: _text(value) for name, value in wanted.model_dump(exclude_defaults=True).items()}
    if (names := tuple(column.name for column in columns)) != USUAL_COLUMNS:
        query["columns"] = ",".join(names)
    values = await filter_values(services.database)
    api_query = {name: value for name, value in query.items() if name != "columns"}
    context = RunsPage(
        rows=[run_row(run) for run in found],
        tags=await tags_of(services.database, [run.id for run in found]),
        experiments=await experiment_names(services.database, {run.experiment_id for run in found} - {None}),
        total=total,
        all_total=bool(values["state"]),
        first=wanted.offset + 1,
        columns={column.name: _sort_link(column, wanted, query) for column in (FIRST, *columns)},
        all_columns=[(column.name, column.title) for column in COLUMNS],
        values=choices(values),
        chosen=query,
        filtered=bool(set(query) - {"sort", "descending", "offset", "limit", "columns", "archived"}),
        previous=_page_at(query, max(0, wanted.offset - wanted.limit)) if wanted.offset else None,
        following=_page_at(query, wanted.offset + wanted.limit) if wanted.offset + len(found) < total else None,
        json=urls.with_query(f"{urls.API}/runs", api_query),
        health=await look(services),
        query=urlencode(query),
        deletion=await _deletion(services, asked.get("deleted", "")),
        any_deleted=bool(await list_deleted(services.database, limit=1)),
    )
    return page(request, "pages/runs.html", context, section="runs", flash=[Flash(text, "warn") for text in notices])


async def _deletion(services: Services, text: str) -> tuple[str, int] | None:
    """Return the deletion that *text* names, if it can still be undone, and how many runs it hid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    hidden = await hidden_at(services.database, moment) if moment.tzinfo else []
    return (moment.isoformat(), len(hidden)) if hidden else None


@router.get("/runs/{run_id}")
async def run(request: Request, services: Use, run: KnownRun) -> HTMLResponse:
    """Show a run."""
    return await render_run(request, services, run, api=urls.api_run(run.id), page_url=urls.run(run.id))


@router.post("/runs/{run_id}/pause")
async def pause(services: Use, run: KnownRun) -> RedirectResponse:
    """Ask for a pause at the end of the month."""
    await request_control(services.database, run.id, "pause")
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/end")
async def end(services: Use, run: KnownRun) -> RedirectResponse:
    """Ask for a stop at the end of the month."""
    await request_control(services.database, run.id, "end")
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/stop")
async def stop(services: Use, run: KnownRun) -> RedirectResponse:
    """Ask for a stop now."""
    await request_control(services.database, run.id, "stop")
    return RedirectResponse(urls.run(run.id), 303)


@router.post("/runs/{run_id}/resume")
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


def _sort_link(column: Column, wanted: RunFilter, query: Mapping[str, str]) -> SortLink:
    if column.sort is None:
        return SortLink(label=column.title, href=None, order=None, numeric=column.numeric)
    current = wanted.sort == column.sort
    # A first click on a number shows the largest, on a word the first of the alphabet.
    descending = not wanted.descending if current else column.numeric or column.sort == "created"
    href = urls.runs({**query, "offset": None, "sort": column.sort, "descending": _text(descending)})
    order = ("descending" if wanted.descending else "ascending") if current else None
    return SortLink(label=column.title, href=href, order=order, numeric=column.numeric)


def _page_at(query: Mapping[str, str], offset: int) -> str:
    return urls.runs({**query, "offset": offset or None})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
