"""A deposit bundle, as a download."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.web.bundling import Authors, Licence, Of, Text, bundle_reply
from app.web.services import Use

router = APIRouter(tags=["runs"])


@router.get("/bundle", response_class=StreamingResponse)
async def bundle(
    services: Use, of: Of, title: Text = "", authors: Authors = "", licence: Licence = "", costs: bool = True
) -> StreamingResponse:
    """Return the deposit bundle of runs and experiments (a zip archive); all its runs must be over."""
    return await bundle_reply(services, of, title, authors, licence, costs=costs)
