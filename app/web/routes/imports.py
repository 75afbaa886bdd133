"""Bringing logs of the research code in through the browser: an archive, or a folder's files."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from app.interop.files import NothingToImport, find_logs
from app.interop.library import ImportOutcome, importing
from app.interop.upload import MAX_FILES, Unpacker, UploadError, upload_source
from app.store.connect import Database
from app.web.contexts.pages import ImportedLog, ImportPage
from app.web.pages import page
from app.web.services import Use

MAX_UPLOAD = 256_000_000

router = APIRouter(include_in_schema=False)


@router.get("/import")
async def show(request: Request) -> HTMLResponse:
    """Show the form."""
    return page(request, "pages/import.html", ImportPage(logs=None, error=None), section="runs")


@router.post("/import")
async def upload(request: Request, services: Use) -> HTMLResponse:
    """Import what was uploaded, and say what became of each log."""
    async with request.form(max_files=MAX_FILES, max_fields=10) as form:
        files = [part for part in form.getlist("files") if isinstance(part, UploadFile) and part.filename]
        with tempfile.TemporaryDirectory(prefix="govsim-upload-") as name:
            try:
                outcomes = await _import(services.database, Path(name), files)
            except (UploadError, NothingToImport) as error:
                text = str(error)
                if isinstance(error, NothingToImport):
                    text = "There is no run in the upload. A run is a folder with a log_env.json, in a zip file or not."
                context = ImportPage(logs=None, error=text)
                return page(request, "pages/import.html", context, section="runs", status=422)
    context = ImportPage(logs=[_line(outcome) for outcome in outcomes], error=None)
    return page(request, "pages/import.html", context, section="runs")


async def _import(database: Database, folder: Path, files: Sequence[UploadFile]) -> list[ImportOutcome]:
    if not files:
        raise UploadError("Choose an archive or a folder first.")
    unpacker = Unpacker(folder)
    for file in files:
        await asyncio.to_thread(unpacker.add, file.filename or "", file.file)
    found = await asyncio.to_thread(find_logs, [folder])
    return [outcome async for outcome in importing(database, found, upload_source(folder))]


def _line(outcome: ImportOutcome) -> ImportedLog:
    return ImportedLog(
        name=outcome.folder.name,
        kind=outcome.kind,
        run_id=outcome.run_id,
        reason=(outcome.reason or "").removeprefix(f"{outcome.folder.name}: "),
        equal_to=outcome.equal_to,
    )
