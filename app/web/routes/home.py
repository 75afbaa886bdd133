"""The home page and its sample runs."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.jobs.launch import launch_configs
from app.store.queries import RunFilter, latest_runs, list_runs, runs_like, stock_series
from app.store.records import RunRecord
from app.web import urls
from app.web.contexts.example import example
from app.web.contexts.pages import HomePage
from app.web.contexts.rows import RunRow, run_row
from app.web.day import look_at_day
from app.web.health import look
from app.web.pages import page
from app.web.samples import EXAMPLE_NAME, EXPERIMENT, PACE_MS, example_config, sample_configs
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)

SHOWN = 6


@router.get("/")
async def home(request: Request, services: Use) -> HTMLResponse:
    """Show what is going on, what came out lately, and where to start; `month=N` is the month of the example."""
    database = services.database
    live = await latest_runs(database, ("queued", "playing", "paused"), SHOWN)
    latest = await latest_runs(database, ("finished", "cancelled", "failed", "interrupted"), SHOWN)
    _, total = await list_runs(database, RunFilter(limit=1))
    rows = await with_sparks(services, [*live, *latest])
    context = HomePage(
        live=rows[: len(live)],
        latest=rows[len(live) :],
        example=example(await services.example.told(), example_config(), request.query_params.get("month", "")),
        total=total,
        submission=secrets.token_urlsafe(12),
        has_models=bool(services.models.names()),
        health=await look(services),
        day=await look_at_day(services),
    )
    return page(request, "pages/home.html", context, section="home")


@router.post(urls.samples())
async def start_samples(services: Use, submission: Annotated[str, Form(max_length=64)] = "") -> RedirectResponse:
    """Launch three runs by scripted minds, once however often the button is pressed."""
    experiment, _ = await launch_configs(
        services.database,
        sample_configs(),
        prompt_folders=services.prompt_folders,
        experiment=EXPERIMENT,
        pace_ms=PACE_MS,
        submission=submission or secrets.token_urlsafe(12),
    )
    return RedirectResponse(urls.experiment(experiment or ""), 303)


@router.post(urls.example())
async def play_example(services: Use, submission: Annotated[str, Form(max_length=64)] = "") -> RedirectResponse:
    """Go to the example as a run of its own, which is played if it is not there yet."""
    config = example_config()
    known = await runs_like(services.database, config)
    if known:
        return RedirectResponse(urls.run(known[0], {"m": 1}), 303)
    _, ids = await launch_configs(
        services.database,
        [config],
        prompt_folders=services.prompt_folders,
        experiment=EXAMPLE_NAME,
        submission=submission or secrets.token_urlsafe(12),
    )
    # It is watched while it comes: there is no month to begin with yet.
    return RedirectResponse(urls.run(ids[0]), 303)


async def with_sparks(services: Services, runs: list[RunRecord]) -> list[RunRow]:
    """Return *runs* as rows with a small drawing of their stock."""
    stocks = await stock_series(services.database, [run.id for run in runs])
    return [run_row(run, stocks[run.id]) for run in runs]
