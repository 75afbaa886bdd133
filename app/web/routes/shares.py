"""The owner's list of issued links."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.store.queries import get_runs
from app.store.records import ShareRecord
from app.store.runs import now
from app.store.shares import list_shares, revoke_share
from app.web import urls
from app.web.contexts.pages import IssuedLink, SharesPage
from app.web.contexts.rows import RunRow, run_row
from app.web.dependencies import ShareId
from app.web.errors import not_found
from app.web.pages import page
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@router.get("/shares")
async def shares(request: Request, services: Use) -> HTMLResponse:
    """Show the issued links. Their addresses are not kept."""
    links = await list_shares(services.database)
    runs = {run.id: run_row(run) for run in await get_runs(services.database, sorted({x.run_id for x in links}))}
    context = SharesPage(links=[_issued(share, runs.get(share.run_id)) for share in links])
    return page(request, "pages/shares.html", context, section="shares")


@router.post("/shares/{share_id}/revoke")
async def revoke(services: Use, share_id: ShareId) -> RedirectResponse:
    """Revoke a link: from the next request on it is gone."""
    if not await revoke_share(services.database, share_id):
        raise not_found("such link")
    return RedirectResponse(urls.shares(), 303)


def _issued(share: ShareRecord, run: RunRow | None) -> IssuedLink:
    if share.revoked_at is not None:
        state = "revoked"
    elif share.expires_at is not None and share.expires_at <= now():
        state = "expired"
    else:
        state = "open"
    return IssuedLink(share=share, run=run, open=state == "open", state=state)
