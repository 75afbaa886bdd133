"""Uploaded logs brought in, one after the other, with an account of how far it is."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from app.interop.files import NothingToImport, find_logs
from app.interop.library import ImportOutcome, importing
from app.interop.unbundle import UnreadableBundle, is_bundle, read_bundle
from app.interop.upload import MAX_FILES, Unpacker, UploadError, upload_source
from app.store.connect import Database
from app.store.restored import restore
from app.web import urls

MAX_UPLOAD = 256_000_000
NOTHING = "There is no run in the upload. A run is a folder with a log_env.json, in a zip file or not."


@dataclass(frozen=True)
class Unpacked:
    """How many logs the upload holds, and how many of its files no run is read from."""

    logs: int
    left_out: int


@dataclass(frozen=True)
class ImportedLog:
    """What became of one uploaded log: `kind` is imported, skipped or failed; `page` is its run's, if there is one."""

    name: str
    kind: str
    run_id: str | None
    page: str | None
    reason: str | None
    equal_to: Sequence[str]


async def uploaded_files(request: Request) -> AsyncIterator[list[UploadFile]]:
    """Give the files of a form's field `files`; they are gone when the answer is."""
    async with request.form(max_files=MAX_FILES, max_fields=10) as form:
        yield [part for part in form.getlist("files") if isinstance(part, UploadFile) and part.filename]


UploadedFiles = Annotated[list[UploadFile], Depends(uploaded_files)]


async def bring_in(database: Database, files: Sequence[UploadFile]) -> AsyncIterator[Unpacked | ImportedLog]:
    """Import what was uploaded: first how much it is, then what became of each log, as soon as it is known.

    Each log is one transaction: whoever stops listening stops the import between two of them.

    Raises:
        UploadError: if there is nothing to import, or the upload cannot be taken.
    """
    if not files:
        raise UploadError("Choose an archive or a folder first.")
    archives = [file for file in files if (file.filename or "").lower().endswith(".zip")]
    bundles = [file for file in archives if await asyncio.to_thread(is_bundle, file.file)]
    if bundles:
        async for step in _bundles(database, files, bundles):
            yield step
        return
    with tempfile.TemporaryDirectory(prefix="govsim-upload-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unpacker = Unpacker(folder)
        for file in files:
            await asyncio.to_thread(unpacker.add, file.filename or "", file.file)
        try:
            found = await asyncio.to_thread(find_logs, [folder])
        except NothingToImport:
            raise UploadError(NOTHING) from None
        yield Unpacked(logs=len(found), left_out=unpacker.left_out)
        async for outcome in importing(database, found, upload_source(folder)):
            yield _told(outcome)


async def _bundles(
    database: Database, files: Sequence[UploadFile], bundles: Sequence[UploadFile]
) -> AsyncIterator[Unpacked | ImportedLog]:
    """Import uploaded bundles; their runs come back under their experiments."""
    if len(bundles) != len(files):
        raise UploadError("A bundle is imported by itself, without logs beside it.")
    try:
        found = [await asyncio.to_thread(read_bundle, file.file) for file in bundles]
    except UnreadableBundle as error:
        raise UploadError(str(error)) from None
    yield Unpacked(logs=sum(len(one.runs) for one in found), left_out=0)
    for one in found:
        for there, here, new in await restore(database, one):
            told = None if new else f"already here as run {here}."
            kind = "imported" if new else "skipped"
            yield ImportedLog(name=there, kind=kind, run_id=here, page=urls.run(here), reason=told, equal_to=())


def _told(outcome: ImportOutcome) -> ImportedLog:
    return ImportedLog(
        name=outcome.folder.name,
        kind=outcome.kind,
        run_id=outcome.run_id,
        page=urls.run(outcome.run_id) if outcome.run_id else None,
        reason=(outcome.reason or "").removeprefix(f"{outcome.folder.name}: ") or None,
        equal_to=outcome.equal_to,
    )
