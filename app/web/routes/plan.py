"""The plan of an experiment: read, printed, and frozen in versions that never change."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.jobs.launch_plan import LaunchError
from app.jobs.more_seeds import add_seeds
from app.jobs.plan_text import MOST_CHARS, read_plan
from app.jobs.seeds import read_seeds
from app.store.experiments import cell_runs
from app.store.plans import PlanConflict, PlanRefused, freeze_plan, plans_of
from app.web import urls
from app.web.contexts.budget import NO_ERRORS
from app.web.contexts.plan import PlanPage, plan_text, shows, suggested
from app.web.dependencies import ExperimentId
from app.web.pages import page
from app.web.routes.experiments import experiment_of
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)


@router.get("/experiments/{experiment_id}/plan")
async def plan(request: Request, services: Use, experiment_id: ExperimentId) -> HTMLResponse:
    """Show the plan of an experiment in all versions, or the form that freezes the first."""
    return await _render(request, services, experiment_id)


@router.post("/experiments/{experiment_id}/plan")
async def freeze(
    request: Request,
    services: Use,
    experiment_id: ExperimentId,
    plan: Annotated[str, Form(max_length=MOST_CHARS)] = "",
    version: Annotated[int, Form(ge=0, le=10**6)] = 0,
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Freeze what was written as the next version; what is wrong stands beside the form."""
    status = 422
    try:
        wanted = read_plan(plan)
        await freeze_plan(services.database, experiment_id, wanted, version=version, reason=reason)
        return RedirectResponse(urls.plan(experiment_id), 303)
    except (LaunchError, PlanRefused) as error:
        errors = error.fields
    except PlanConflict as error:
        errors, status = {"plan": str(error)}, 409
    return await _render(request, services, experiment_id, text=plan, reason=reason, errors=errors, status=status)


@router.post("/experiments/{experiment_id}/seeds")
async def more_seeds(
    request: Request, services: Use, experiment_id: ExperimentId, seeds: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Add runs of more seeds; what is wrong stands beside the form. The same seeds are never added twice."""
    try:
        await add_seeds(
            services.database,
            experiment_id,
            read_seeds(seeds),
            check_model=services.models.check_name,
            prompt_folders=services.prompt_folders,
            price_of=services.models.price_of,
        )
        return RedirectResponse(urls.experiment(experiment_id), 303)
    except ValueError as error:
        errors = {"seeds": str(error)}
    return await _render(request, services, experiment_id, seeds=seeds, errors=errors, status=422)


async def _render(
    request: Request,
    services: Services,
    experiment_id: str,
    *,
    text: str | None = None,
    reason: str = "",
    seeds: str = "",
    errors: Mapping[str, str] = NO_ERRORS,
    status: int = 200,
) -> HTMLResponse:
    found, _ = await experiment_of(services, experiment_id)
    runs = await cell_runs(services.database, found.id)
    versions = (await plans_of(services.database, [found.id])).get(found.id, [])
    known = set(versions[-1].configs) if versions else {run.id for run in runs}
    if text is None:
        text = plan_text(versions[-1].plan) if versions else suggested(runs)
    context = PlanPage(
        id=found.id,
        name=found.name,
        runs=len(runs),
        versions=versions[::-1],
        added=[f"{run.id} (seed {run.seed})" for run in runs if run.id not in known],
        text=text,
        reason=reason,
        seeds=seeds,
        extensible=found.definition is not None,
        errors=errors,
        json=urls.api_plan(found.id),
        shows=shows(versions),
    )
    return page(request, "pages/plan.html", context, section="experiments", status=status)
