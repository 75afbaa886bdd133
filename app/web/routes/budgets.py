"""Changing the budget of a run or an experiment from its page."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from app.jobs.budgets import BudgetError, set_budget, set_experiment_budget
from app.store.records import NO_BUDGET, Budget
from app.web import urls
from app.web.budget_form import MAX_CHARS, read_budget
from app.web.dependencies import ExperimentId, KnownRun
from app.web.routes.experiments import experiment_of, render_experiment
from app.web.routes.run_page import render_run
from app.web.services import Use

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form(max_length=MAX_CHARS)]


@router.get("/runs/{run_id}/budget")
async def back_to_run(run: KnownRun) -> RedirectResponse:
    """Lead whoever loads the address of a refused form again to the run."""
    return RedirectResponse(urls.run(run.id), 303)


@router.get("/experiments/{experiment_id}/budget")
async def back_to_experiment(experiment_id: ExperimentId) -> RedirectResponse:
    """Lead whoever loads the address of a refused form again to the experiment."""
    return RedirectResponse(urls.experiment(experiment_id), 303)


@router.post("/runs/{run_id}/budget")
async def of_run(
    request: Request, services: Use, run: KnownRun, tokens: Typed = "", cost: Typed = "", remove: Typed = ""
) -> Response:
    """Change or remove a run's budget; what it had paused goes on if it has something left."""
    budget, errors = (NO_BUDGET, {}) if remove else read_budget(tokens, cost)
    if budget is not None:
        try:
            await set_budget(services.database, run, lambda before: budget, price_of=services.models.price_of)
            return RedirectResponse(urls.run(run.id), 303)
        except BudgetError as error:
            errors = error.fields
    return await render_run(
        request,
        services,
        run,
        api=urls.api_run(run.id),
        page_url=urls.run(run.id),
        budget_typed={"tokens": tokens, "cost": cost},
        budget_errors=errors,
        status=422,
    )


@router.post("/experiments/{experiment_id}/budget")
async def of_experiment(
    request: Request,
    services: Use,
    experiment_id: ExperimentId,
    tokens: Typed = "",
    cost: Typed = "",
    remove: Typed = "",
) -> Response:
    """Change or remove an experiment's budget; the runs that it had paused go on if it has something left."""
    experiment, runs = await experiment_of(services, experiment_id)
    budget: Budget | None
    budget, errors = (NO_BUDGET, {}) if remove else read_budget(tokens, cost)
    if budget is not None:
        try:
            await set_experiment_budget(
                services.database, experiment.id, runs, lambda before: budget, price_of=services.models.price_of
            )
            return RedirectResponse(urls.experiment(experiment.id), 303)
        except BudgetError as error:
            errors = error.fields
    typed = {"tokens": tokens, "cost": cost}
    return await render_experiment(request, services, experiment, runs, typed=typed, errors=errors, status=422)
