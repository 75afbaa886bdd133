"""The owner's list of issued links."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.store.queries import get_runs, list_experiments
from app.store.records import ShareRecord
from app.store.runs import now
from app.store.shares import list_shares, revoke_share
from app.web import urls
from app.web.contexts.pages import IssuedLink, IssuedPage, SharesPage
from app.web.contexts.rows import run_row
from app.web.dependencies import ExperimentId, ShareId
from app.web.errors import not_found
from app.web.pages import page
from app.web.routes.experiments import experiment_of
from app.web.services import Use
from app.web.sharing import ShareIn, issue_set_link, share_form

router = APIRouter(include_in_schema=False)


@router.get("/shares")
async def shares(request: Request, services: Use) -> HTMLResponse:
    """Show the issued links. Their addresses are not kept."""
    links = await list_shares(services.database)
    ids = sorted({link.run_id for link in links if link.run_id})
    runs = {run.id: run_row(run).title for run in await get_runs(services.database, ids)}
    named = {one.id: one.name for one in await list_experiments(services.database, 1000)}
    context = SharesPage(links=[_issued(share, runs, named) for share in links])
    return page(request, "pages/shares.html", context, section="shares")


@router.post("/experiments/{experiment_id}/share")
async def share_experiment(
    request: Request,
    services: Use,
    experiment_id: ExperimentId,
    wish: Annotated[ShareIn, Depends(share_form)],
) -> HTMLResponse:
    """Issue a link to an experiment and show it, this once."""
    found, runs = await experiment_of(services, experiment_id)
    _, link = await issue_set_link(services.database, runs, wish, str(request.base_url), experiment=found)
    context = IssuedPage(link=link, title=found.name, back=urls.experiment(found.id))
    return page(request, "pages/issued.html", context, section="runs", status=201)


@router.post("/shares/{share_id}/revoke")
async def revoke(services: Use, share_id: ShareId) -> RedirectResponse:
    """Revoke a link: from the next request on it is gone."""
    if not await revoke_share(services.database, share_id):
        raise not_found("such link")
    return RedirectResponse(urls.shares(), 303)


def _issued(share: ShareRecord, runs: Mapping[str, str], experiments: Mapping[str, str]) -> IssuedLink:
    if share.revoked_at is not None:
        state = "revoked"
    elif share.expires_at is not None and share.expires_at <= now():
        state = "expired"
    else:
        state = "open"
    title, href = "Comparison", urls.comparison(share.query or "")
    if share.run_id is not None:
        title, href = runs.get(share.run_id, share.run_id), urls.run(share.run_id)
    elif share.experiment_id is not None:
        title = experiments.get(share.experiment_id, share.experiment_id)
        href = urls.experiment(share.experiment_id)
    return IssuedLink(share=share, title=title, href=href, open=state == "open", state=state)
