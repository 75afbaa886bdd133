"""Static files at addresses that change with their content."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.web import urls
from app.web.errors import not_found
from app.web.services import Use

router = APIRouter(include_in_schema=False)

FOR_GOOD = "public, max-age=31536000, immutable"


@router.get("/static/{build}/{path:path}")
async def static(request: Request, services: Use, build: str, path: str) -> Response:
    """Return a file; under another build's address (a page from before an upgrade) it is not to be kept."""
    # The first time a large file is read and compressed: not in the event loop.
    asset = await asyncio.to_thread(services.assets.get, path)
    if asset is None:
        raise not_found("such file")
    headers = {"Cache-Control": FOR_GOOD if build == services.assets.build else "no-cache", "Vary": "Accept-Encoding"}
    packed = None
    if "gzip" in request.headers.get("accept-encoding", ""):
        packed = await asyncio.to_thread(lambda: asset.packed)
    if packed is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(packed if packed is not None else asset.body, media_type=asset.media_type, headers=headers)


@router.get("/favicon.ico")
async def favicon(services: Use) -> RedirectResponse:
    """Lead browsers that ask for it to the icon."""
    return RedirectResponse(urls.asset(services.assets.build, "img/favicon.svg"), 307)
