"""Share links, from their owner's side."""

from fastapi import APIRouter, Request

from app.store.shares import list_shares, revoke_share
from app.web.api.schemas import ShareList, ShareMade, ShareOut
from app.web.dependencies import KnownRun, ShareId
from app.web.errors import not_found
from app.web.services import Use
from app.web.sharing import ShareIn, issue_link

router = APIRouter(tags=["shares"])


@router.get("/shares")
async def shares(services: Use) -> ShareList:
    """Return the issued links, newest first, at most 1000. Their tokens are not kept."""
    return ShareList(shares=[ShareOut.model_validate(share) for share in await list_shares(services.database)])


@router.post("/runs/{run_id}/shares", status_code=201)
async def make(request: Request, services: Use, run: KnownRun, wish: ShareIn) -> ShareMade:
    """Issue a read-only link to a run. It is told here and nowhere else."""
    share, link = await issue_link(services.database, run, wish, str(request.base_url))
    return ShareMade(share=ShareOut.model_validate(share), link=link)


@router.post("/shares/{share_id}/revoke", status_code=204)
async def revoke(services: Use, share_id: ShareId) -> None:
    """Revoke a link: from the next request on it answers 410."""
    if not await revoke_share(services.database, share_id):
        raise not_found("such link")
