"""A run's record, from its page: the rerun check and the exports."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.interop.export import Format
from app.web import urls
from app.web.dependencies import KnownRun
from app.web.record import export_reply, rerun_report
from app.web.routes.run_page import render_run
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@router.post("/runs/{run_id}/rerun-check")
async def rerun_check(request: Request, services: Use, run: KnownRun) -> HTMLResponse:
    """Play the run again from its record and show the result on its page."""
    report = await rerun_report(services, run)
    return await render_run(request, services, run, api=urls.api_run(run.id), page_url=urls.run(run.id), rerun=report)


@router.get("/runs/{run_id}/rerun-check")
async def back(request: Request, run: KnownRun) -> RedirectResponse:
    """Lead to the run's page, for links that are followed from the page that showed the result."""
    return RedirectResponse(urls.run(run.id, request.query_params), 303)


@router.get("/runs/{run_id}/export/{kind}")
async def export(services: Use, run: KnownRun, kind: Format, prompts: bool = False) -> Response:
    """Give the run as files; `prompts=true` puts requests and answers into a page too."""
    return await export_reply(services, run, kind, prompts=prompts)
