"""A run's record as a whole, for its owner: played again, counted, or taken along as files."""

import asyncio
from pathlib import Path

from fastapi.responses import Response

from app.interop.chats import NoChats
from app.interop.export import SINGLE, ExportError, Format, export_files, packed
from app.interop.research_log import NothingToExport
from app.jobs.rerun import NotRerunnable, RerunReport, check_rerun
from app.store.records import RunRecord
from app.store.whole import WholeRun, read_whole
from app.web.errors import Problem
from app.web.services import Services

MEDIA = {
    "json": "application/json",
    "jsonl": "application/jsonl",
    "html": "text/html; charset=utf-8",
    "zip": "application/zip",
}


async def rerun_report(services: Services, run: RunRecord) -> RerunReport:
    """Play *run* again from its record and return what came of it; 409 for an imported run."""
    try:
        return await check_rerun(services.database, run.id, services.prompt_folders)
    except NotRerunnable as error:
        raise Problem(409, "conflict", str(error)) from None


async def export_reply(services: Services, run: RunRecord, kind: Format, *, prompts: bool = False) -> Response:
    """Return *run* as a download: one file, or an archive; 409 where it cannot be made."""
    whole = await read_whole(services.database, run.id)
    try:
        content, name = await asyncio.to_thread(_download, whole, kind, services.folder, prompts)
    except (ExportError, NoChats, NothingToExport) as error:
        raise Problem(409, "conflict", str(error)) from None
    media = MEDIA[name.rpartition(".")[2]]
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _download(whole: WholeRun, kind: Format, assets: Path, prompts: bool) -> tuple[bytes, str]:
    files = export_files(whole, kind, assets, prompts=prompts)
    if kind in SINGLE:
        [(name, content)] = files.items()
        return content, name
    return packed(files, whole.run.id), f"{whole.run.id}-{kind}.zip"
