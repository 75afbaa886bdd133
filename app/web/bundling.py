"""A deposit bundle for the browser and the API: written to a file on disk, a run at a time, then sent and removed."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Annotated

from fastapi import Query
from fastapi.responses import StreamingResponse

from app.interop.bundle import BundleRefused
from app.interop.bundle_about import BundleTerms
from app.interop.bundling import bundle_to
from app.store.runs import UnknownExperiment, UnknownRun
from app.web.errors import Problem, not_found
from app.web.services import Services

PIECE = 256 * 1024

Id = Annotated[str, Query(pattern=r"^[rx][a-z0-9]{1,15}$")]
Of = Annotated[list[Id], Query(min_length=1, max_length=500, description="ids of runs and experiments")]
Text = Annotated[str, Query(max_length=200)]
Licence = Annotated[str, Query(max_length=200, description="an SPDX name, such as CC-BY-4.0, or an address")]
Authors = Annotated[str, Query(max_length=2000, description="who made the data, separated by semicolons")]


async def bundle_reply(
    services: Services, of: Sequence[str], title: str, authors: str, licence: str, *, costs: bool
) -> StreamingResponse:
    """Return the bundle of the runs and experiments *of* as a download; 404 or 409 where it cannot be made."""
    terms = BundleTerms(
        title=title.strip() or None,
        authors=tuple(name.strip() for name in authors.split(";") if name.strip()),
        licence=licence.strip() or None,
        costs=costs,
    )
    out = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        await bundle_to(services.database, of, terms, out)
    except BaseException as error:
        out.close()
        if isinstance(error, UnknownRun | UnknownExperiment):
            raise not_found("such run or experiment") from None
        if isinstance(error, BundleRefused):
            raise Problem(409, "conflict", str(error)) from None
        raise
    named = f"govsim-{of[0]}.zip" if len(of) == 1 else "govsim-bundle.zip"
    headers = {
        "Content-Disposition": f'attachment; filename="{named}"',
        "Content-Length": str(out.seek(0, os.SEEK_END)),
        "Content-Encoding": "identity",  # It is packed already: not to be packed again on the way.
    }
    return StreamingResponse(_pieces(out), media_type="application/zip", headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece
