"""The comparison: everything is in its address."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from app.analysis.ask import ComparisonAsk
from app.analysis.corrections import corrected
from app.analysis.replay import replay
from app.commons.corrections import in_force
from app.commons.events import parse_event
from app.interop.compared import LaidOut
from app.interop.comparison_files import MEDIA, About, Kind, comparison_file
from app.interop.export import ExportError
from app.store.corrections import corrections_of
from app.store.queries import RunFilter, harvest_events, list_experiments, list_runs
from app.store.records import RunRecord
from app.web import urls
from app.web.comparing import Place, find_runs, laid_out, read_ask
from app.web.contexts.comparing import ComparePage, CompareTemplate, Side, charts
from app.web.contexts.rows import run_row
from app.web.errors import Problem
from app.web.pages import Flash, page
from app.web.services import Services, Use

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


async def export_comparison(services: Services, ask: ComparisonAsk, runs: Sequence[RunRecord], kind: Kind) -> Response:
    """Return the comparison of *runs* and no others as a file."""
    shown = await laid_out(services, ask, runs)
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
    place: Place | None = None,
    notices: Sequence[str] = (),
) -> HTMLResponse:
    """Render the comparison of *runs* and no others; below the address of a share if *place* says so."""
    here = place or Place()
    shown = await laid_out(services, ask, runs)
    find = request.query_params.get("find", "")[:200].strip() if not here.share else ""
    found, _ = await list_runs(services.database, RunFilter(q=find or None, limit=FOUND)) if find else ([], 0)
    shown_page = ComparePage(
        ask=ask,
        shown=shown,
        place=here,
        charts=charts(shown, here) if shown.runs else [],
        json=f"{here.api}?{ask.query}",
        find=find,
        found=[run_row(run) for run in found],
        experiments=[] if here.share else await list_experiments(services.database, 50),
        sides=await _sides(services, ask, runs, shown),
    )
    flash = [Flash(text, "warn") for text in notices]
    return page(
        request, "pages/compare.html", CompareTemplate(shown_page), section="compare", flash=flash, share=here.share
    )


async def _sides(services: Services, ask: ComparisonAsk, runs: Sequence[RunRecord], shown: LaidOut) -> list[Side]:
    """Return the two runs to lay side by side, told from their events; only runs of the comparison are."""
    labels = {run.run: run.label for run in shown.runs}
    chosen = [run for name in ask.diff for run in runs if run.id == name and run.id in labels]
    if len(chosen) != 2:
        return []
    corrections = await corrections_of(services.database, [run.id for run in chosen])
    events = await harvest_events(services.database, [run.id for run in chosen], also=("agreed", "summarised"))
    return [
        Side(
            run.id,
            labels[run.id],
            corrected(
                replay([parse_event(text) for text in events[run.id]], run.episode), in_force(corrections[run.id])
            ),
        )
        for run in chosen
    ]
