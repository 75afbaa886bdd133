"""Bringing logs of the research code in through the browser: an archive, or a folder's files.

With scripts the page posts to the API instead and shows how far it is (static/js/import.js).
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.interop.upload import UploadError
from app.web import urls
from app.web.contexts.pages import ImportPage
from app.web.importing import MAX_UPLOAD, ImportedLog, Unpacked, UploadedFiles, bring_in
from app.web.pages import page
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@router.get("/import")
async def show(request: Request) -> HTMLResponse:
    """Show the form."""
    return page(request, "pages/import.html", _page(), section="runs")


@router.post("/import")
async def upload(request: Request, services: Use, files: UploadedFiles) -> HTMLResponse:
    """Import what was uploaded, and say what became of each log."""
    logs: list[ImportedLog] = []
    left_out = 0
    try:
        async for step in bring_in(services.database, files):
            if isinstance(step, Unpacked):
                left_out = step.left_out
            else:
                logs.append(step)
    except UploadError as error:
        return page(request, "pages/import.html", _page(error=str(error)), section="runs", status=422)
    return page(request, "pages/import.html", _page(logs, left_out), section="runs")


def _page(logs: list[ImportedLog] | None = None, left_out: int = 0, error: str | None = None) -> ImportPage:
    return ImportPage(logs=logs, left_out=left_out, error=error, most=MAX_UPLOAD, api=urls.api_import())
