"""Share links, from their owner's side."""

from fastapi import APIRouter, Request

from app.store.queries import RunFilter, get_experiment, list_runs
from app.store.shares import list_shares, revoke_share
from app.web.api.schemas import ShareList, ShareMade, ShareOut
from app.web.comparing import find_runs, read_ask
from app.web.dependencies import ExperimentId, KnownRun, ShareId
from app.web.errors import not_found
from app.web.services import Use
from app.web.sharing import ShareIn, issue_link, issue_set_link

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


@router.post("/experiments/{experiment_id}/shares", status_code=201)
async def make_for_experiment(request: Request, services: Use, experiment_id: ExperimentId, wish: ShareIn) -> ShareMade:
    """Issue a read-only link to an experiment and its runs. It is told here and nowhere else."""
    experiment = await get_experiment(services.database, experiment_id)
    if experiment is None:
        raise not_found("such experiment")
    runs, _ = await list_runs(services.database, RunFilter(experiment=experiment.id, descending=False, limit=500))
    share, link = await issue_set_link(services.database, runs, wish, str(request.base_url), experiment=experiment)
    return ShareMade(share=ShareOut.model_validate(share), link=link)


@router.post("/compare/shares", status_code=201)
async def make_for_comparison(request: Request, services: Use, wish: ShareIn) -> ShareMade:
    """Issue a read-only link to a comparison and its runs; what is compared is said as for `GET /compare`.

    It is told here and nowhere else.
    """
    ask, _ = read_ask(request.query_params)
    runs, _ = await find_runs(services, ask)
    share, link = await issue_set_link(services.database, runs, wish, str(request.base_url), query=ask.query)
    return ShareMade(share=ShareOut.model_validate(share), link=link)


@router.post("/shares/{share_id}/revoke", status_code=204)
async def revoke(services: Use, share_id: ShareId) -> None:
    """Revoke a link: from the next request on it answers 410."""
    if not await revoke_share(services.database, share_id):
        raise not_found("such link")
