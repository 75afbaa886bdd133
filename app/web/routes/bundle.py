"""The form that writes a deposit bundle, and the bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from app.interop.bundle import BundleRefused, check_runs
from app.store.bundled import named_runs
from app.store.runs import UnknownExperiment, UnknownRun
from app.web import urls
from app.web.bundling import Authors, Licence, Of, Text, bundle_reply
from app.web.errors import not_found
from app.web.pages import page
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class BundlePage:
    """pages/bundle.html: what goes in and where it is, how many runs, and why it cannot be made, if so."""

    of: Sequence[str]
    name: str
    back: str
    runs: int
    refused: str | None


@router.get("/bundle")
async def form(request: Request, services: Use, of: Of) -> HTMLResponse:
    """Show the form."""
    try:
        runs, experiments = await named_runs(services.database, of)
    except (UnknownRun, UnknownExperiment):
        raise not_found("such run or experiment") from None
    refused = None
    try:
        check_runs(runs)
    except BundleRefused as error:
        refused = str(error)
    one = of[0]
    name = experiments[0].name if experiments else (runs[0].name or f"run {one}")
    back = urls.experiment(one) if experiments else urls.run(one)
    context = BundlePage(of=of, name=name, back=back, runs=len(runs), refused=refused)
    return page(request, "pages/bundle.html", context, section="runs")


@router.get(urls.bundle_file())
async def download(
    services: Use, of: Of, title: Text = "", authors: Authors = "", licence: Licence = "", costs: bool = False
) -> StreamingResponse:
    """Return the bundle."""
    return await bundle_reply(services, of, title, authors, licence, costs=costs)
