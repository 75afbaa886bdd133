"""The comparison: everything is in its address."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from app.analysis.ask import ComparisonAsk
from app.analysis.corrections import corrected
from app.analysis.replay import replay
from app.commons.events import parse_event
from app.interop.compared import Around, LaidOut, all_around
from app.interop.comparison_files import MEDIA, About, Kind, comparison_file
from app.interop.export import ExportError
from app.store.queries import RunFilter, harvest_events, list_experiments, list_runs
from app.store.records import RunRecord
from app.web import urls
from app.web.comparing import Place, find_runs, laid_out, read_ask
from app.web.contexts.comparing import ComparePage, CompareTemplate, Side, charts
from app.web.contexts.pages import IssuedPage
from app.web.contexts.rows import run_row
from app.web.errors import Problem
from app.web.pages import Flash, page
from app.web.previews import card_of_comparison, preview
from app.web.services import Services, Use
from app.web.shared_comparison import SharedComparison
from app.web.sharing import ShareIn, issue_set_link, share_form

router = APIRouter(include_in_schema=False)

FOUND = 50


@router.get(urls.compare())
async def compare(request: Request, services: Use) -> HTMLResponse:
    """Show a comparison; what its address gets wrong is left out, with a notice."""
    ask, notices = read_ask(request.query_params)
    runs, more = await find_runs(services, ask)
    return await render_comparison(request, services, ask, runs, notices=notices + more)


@router.get("/compare/export/{kind}")
async def export(request: Request, services: Use, kind: Kind) -> Response:
    """Return a comparison as a file."""
    ask, _ = read_ask(request.query_params)
    runs, _ = await find_runs(services, ask)
    return await export_comparison(services, ask, runs, kind)


@router.post("/compare/share")
async def share(request: Request, services: Use, wish: Annotated[ShareIn, Depends(share_form)]) -> HTMLResponse:
    """Issue a link to a comparison and show it, this once."""
    ask, _ = read_ask(request.query_params)
    runs, _ = await find_runs(services, ask)
    _, link = await issue_set_link(services.database, runs, wish, str(request.base_url), query=ask.query)
    context = IssuedPage(link=link, title="the comparison", back=urls.comparison(ask.query))
    return page(request, "pages/issued.html", context, section="compare", status=201)


async def export_comparison(
    services: Services, ask: ComparisonAsk, runs: Sequence[RunRecord], kind: Kind, around: Around | None = None
) -> Response:
    """Return the comparison of *runs* and no others as a file."""
    shown = await laid_out(services, ask, runs, around=around)
    if not shown.runs:
        raise Problem(404, "not_found", "There is nothing to export: no run is compared.")
    about = About(services.version, f"{datetime.now(UTC):%Y-%m-%d}")
    try:
        content = await asyncio.to_thread(comparison_file, kind, shown, about)
    except ExportError as error:
        raise Problem(409, "unavailable", str(error)) from None
    name = f'attachment; filename="comparison.{kind}"'
    return Response(content, media_type=MEDIA[kind], headers={"Content-Disposition": name})


async def render_comparison(
    request: Request,
    services: Services,
    ask: ComparisonAsk,
    runs: Sequence[RunRecord],
    *,
    shared: SharedComparison | None = None,
    notices: Sequence[str] = (),
) -> HTMLResponse:
    """Render the comparison of *runs* and no others; through a link, if one is given."""
    here = shared.place if shared else Place()
    around = shared.around if shared else await all_around(services.database, [run.id for run in runs])
    shown = await laid_out(services, ask, runs, around=around)
    find = request.query_params.get("find", "")[:200].strip() if not here.share else ""
    found, _ = await list_runs(services.database, RunFilter(q=find or None, limit=FOUND)) if find else ([], 0)
    shown_page = ComparePage(
        ask=ask,
        shown=shown,
        place=here,
        charts=charts(shown, here) if shown.runs else [],
        json=f"{here.api}?{here.query(ask)}",
        find=find,
        found=[run_row(run) for run in found],
        experiments=[] if here.share else await list_experiments(services.database, 50),
        sides=await _sides(services, ask, runs, shown, around),
        link=shared.share if shared else None,
    )
    told = preview(request, await card_of_comparison(services, shared, shown), here.page) if shared else None
    return page(
        request,
        "pages/compare.html",
        CompareTemplate(shown_page),
        section="compare",
        flash=[Flash(text, "warn") for text in notices],
        share=here.share,
        preview=told,
    )


async def _sides(
    services: Services, ask: ComparisonAsk, runs: Sequence[RunRecord], shown: LaidOut, around: Around
) -> list[Side]:
    """Return the two runs to lay side by side, told from their events; only runs of the comparison are."""
    labels = {run.run: run.label for run in shown.runs}
    chosen = [run for name in ask.diff for run in runs if run.id == name and run.id in labels]
    if len(chosen) != 2:
        return []
    ends = {run.id: run.events for run in chosen}
    events = await harvest_events(services.database, list(ends), ends=ends, also=("agreed", "summarised"))
    return [
        Side(
            run.id,
            labels[run.id],
            corrected(
                replay([parse_event(text) for text in events[run.id]], run.episode),
                around.corrections.get(run.id, ()),
            ),
        )
        for run in chosen
    ]
