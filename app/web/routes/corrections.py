"""Correcting an agreed limit from the run's page."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from app.jobs.complaints import complaint
from app.store.corrections import CorrectionConflict, CorrectionIn, CorrectionRefused, add_correction
from app.web import urls
from app.web.contexts.place import FRAMEWORK
from app.web.dependencies import KnownRun
from app.web.routes.run_page import render_run
from app.web.services import Use

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form(max_length=2000)]


@router.get("/runs/{run_id}/corrections")
async def back_to_run(request: Request, run: KnownRun) -> RedirectResponse:
    """Lead whoever loads the address of a refused form again to the run."""
    return RedirectResponse(urls.run(run.id, dict(request.query_params)), 303)


@router.post("/runs/{run_id}/corrections")
async def correct(
    request: Request,
    services: Use,
    run: KnownRun,
    month: Typed = "",
    limit: Typed = "",
    author: Typed = "",
    note: Typed = "",
    version: Typed = "",
    withdraw: Typed = "",
) -> Response:
    """Add a version and show it; what is wrong with it stands beside the form. An empty limit is "no limit"."""
    typed = {"month": month, "limit": limit, "author": author, "note": note, "version": version}
    given = {**typed, "limit": limit.strip() or None, "withdraw": bool(withdraw)}
    try:
        wish = CorrectionIn.model_validate(given)
        await add_correction(services.database, run.id, wish)
        return RedirectResponse(urls.run(run.id, {"m": wish.month, "agent": FRAMEWORK}), 303)
    except ValidationError as error:
        problems = error.errors(include_input=False)
        errors = {str(item["loc"][0]): complaint(item) for item in problems}
    except CorrectionRefused as error:
        errors = error.fields
    except CorrectionConflict as error:
        errors = {"version": str(error)}
    return await render_run(
        request,
        services,
        run,
        api=urls.api_run(run.id),
        page_url=urls.run(run.id),
        place={"m": month, "agent": FRAMEWORK},
        correction_typed=typed,
        correction_errors=errors,
        status=409 if "version" in errors else 422,
    )
