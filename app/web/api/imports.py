"""Logs of the research code, uploaded."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.interop.upload import UploadError
from app.web import urls
from app.web.importing import Unpacked, UploadedFiles, bring_in
from app.web.services import Use

router = APIRouter(tags=["runs"])

# The form is read as it comes, file by file, so the description cannot be derived from the handler.
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}


@router.post(urls.api_import().removeprefix(urls.API), response_class=EventSourceResponse, openapi_extra=FORM)
async def import_logs(services: Use, files: UploadedFiles) -> AsyncIterator[ServerSentEvent]:
    """Import logs from an archive or a folder's files (multipart, `files`), and say how far it is (server-sent events).

    `unpacked` says how many logs there are, a `log` what became of each, `done` how many were imported, skipped and
    failed; `error` ends the stream in their place. Each log is imported whole or not at all; closing the connection
    leaves out those that were not reached.
    """
    counts: Counter[str] = Counter()
    try:
        async for step in bring_in(services.database, files):
            if isinstance(step, Unpacked):
                yield ServerSentEvent(event="unpacked", data=asdict(step))
            else:
                counts[step.kind] += 1
                yield ServerSentEvent(event="log", data=asdict(step))
    except UploadError as error:
        yield ServerSentEvent(event="error", data={"code": "not_an_upload", "message": str(error)})
    else:
        yield ServerSentEvent(event="done", data={kind: counts[kind] for kind in ("imported", "skipped", "failed")})
