"""What goes on, and what an operator asks of a whole experiment."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.store.bulk_controls import BulkWish, ask_all
from app.web import urls
from app.web.contexts.operations import OperationsPage, bars, stopped_groups
from app.web.dependencies import ExperimentId
from app.web.errors import Problem
from app.web.operations import look_around
from app.web.pages import page
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@router.get(urls.operations())
async def operations(request: Request, services: Use) -> HTMLResponse:
    """Show what goes on; where the database cannot be read, a sentence that says so."""
    try:
        now = await look_around(services)
    except Problem as problem:
        broken = OperationsPage(
            now=None, problem=problem.message, bars=(), most=0, stopped=(), json=urls.api_operations()
        )
        return page(request, "pages/operations.html", broken, section="", status=problem.status)
    drawn, most = bars(now.last_hour)
    context = OperationsPage(
        now=now, problem=None, bars=drawn, most=most, stopped=stopped_groups(now), json=urls.api_operations()
    )
    return page(request, "pages/operations.html", context, section="")


@router.post("/experiments/{experiment_id}/pause")
async def pause(
    services: Use, experiment_id: ExperimentId, back: Annotated[str, Form(max_length=20)] = ""
) -> RedirectResponse:
    """Pause what waits at once, and what is being played at the end of its month."""
    return await _ask(services, experiment_id, "pause", back)


@router.post("/experiments/{experiment_id}/resume")
async def resume(
    services: Use, experiment_id: ExperimentId, back: Annotated[str, Form(max_length=20)] = ""
) -> RedirectResponse:
    """Queue all paused runs again."""
    return await _ask(services, experiment_id, "resume", back)


@router.post("/experiments/{experiment_id}/cancel")
async def cancel(
    services: Use, experiment_id: ExperimentId, back: Annotated[str, Form(max_length=20)] = ""
) -> RedirectResponse:
    """Take all queued runs off the queue; those being played go on."""
    return await _ask(services, experiment_id, "cancel", back)


async def _ask(services: Use, experiment_id: str, wish: BulkWish, back: str) -> RedirectResponse:
    await ask_all(services.database, experiment_id, wish)
    return RedirectResponse(urls.operations() if back == "operations" else urls.experiment(experiment_id), 303)
