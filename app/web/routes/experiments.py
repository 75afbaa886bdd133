"""An experiment: its runs, how far they are, and their trajectories together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.jobs.complaints import complaint
from app.jobs.definition_text import text_hash
from app.store.bulk_controls import ask_all, retry_failed
from app.store.experiments import ExperimentFilter, cell_runs, find_experiments
from app.store.plans import plans_of
from app.store.queries import RunFilter, get_experiment, list_runs, stock_series
from app.store.records import ExperimentRecord, RunRecord
from app.store.spending import spent_by_experiment
from app.web import urls
from app.web.contexts.budget import NO_ERRORS, budget_box
from app.web.contexts.cells import CellOut, by_scenario, grid_of, known_definition
from app.web.contexts.experiments import ExperimentsPage
from app.web.contexts.pages import ExperimentPage
from app.web.contexts.rows import RunRow, run_row
from app.web.dependencies import ExperimentId
from app.web.errors import not_found
from app.web.health import look
from app.web.pages import Flash, page
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)


@router.get(urls.experiments())
async def experiments(request: Request, services: Use) -> HTMLResponse:
    """Show the list; what its address gets wrong is left out, with a notice."""
    wanted, notices = _read(request.query_params)
    found, total = await find_experiments(services.database, wanted)
    if wanted.offset and not found:
        notices.append("There is no such page; this is the first.")
        wanted = wanted.model_copy(update={"offset": 0})
        found, total = await find_experiments(services.database, wanted)
    query = {name: str(value) for name, value in wanted.model_dump(exclude_defaults=True).items()}
    everything = total or (await find_experiments(services.database, ExperimentFilter(archived="all", limit=1)))[1]
    context = ExperimentsPage(
        lines=found,
        total=total,
        any=bool(everything),
        first=wanted.offset + 1,
        chosen=query,
        filtered=bool(set(query) - {"offset", "limit"}),
        previous=_page_at(query, max(0, wanted.offset - wanted.limit)) if wanted.offset else None,
        following=_page_at(query, wanted.offset + wanted.limit) if wanted.offset + len(found) < total else None,
        json=urls.with_query(f"{urls.API}/experiments", query),
        live=any(line.state == "running" for line in found),
        health=await look(services),
    )
    flash = [Flash(text, "warn") for text in notices]
    return page(request, "pages/experiments.html", context, section="experiments", flash=flash)


@router.get("/experiments/{experiment_id}")
async def experiment(request: Request, services: Use, experiment_id: ExperimentId) -> HTMLResponse:
    """Show an experiment."""
    found, runs = await experiment_of(services, experiment_id)
    return await render_experiment(request, services, found, runs)


@router.post("/experiments/{experiment_id}/stop")
async def stop(services: Use, experiment_id: ExperimentId) -> RedirectResponse:
    """Stop all runs that wait, are paused or are being played."""
    await ask_all(services.database, experiment_id, "stop")
    return RedirectResponse(urls.experiment(experiment_id), 303)


@router.post("/experiments/{experiment_id}/retry")
async def retry(
    services: Use,
    experiment_id: ExperimentId,
    model: Annotated[str, Form(max_length=400)] = "",
    scenario: Annotated[str, Form(max_length=40)] = "",
    condition: Annotated[str, Form(max_length=80)] = "",
) -> RedirectResponse:
    """Queue the failed runs again: those of one cell where it is named, else all."""
    cell = (model, scenario, condition) if model else None
    await retry_failed(services.database, experiment_id, cell)
    return RedirectResponse(urls.experiment(experiment_id), 303)


async def experiment_of(services: Services, experiment_id: str) -> tuple[ExperimentRecord, list[RunRecord]]:
    """Return an experiment and its runs, oldest first; 404 if there is none."""
    found = await get_experiment(services.database, experiment_id)
    if found is None:
        raise not_found("such experiment")
    runs, _ = await list_runs(
        services.database, RunFilter(experiment=found.id, archived="all", descending=False, limit=500)
    )
    return found, runs


async def render_experiment(
    request: Request,
    services: Services,
    found: ExperimentRecord,
    runs: Sequence[RunRecord],
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] = NO_ERRORS,
    status: int = 200,
) -> HTMLResponse:
    """Render an experiment's page; *typed* and *errors* are what was wrong about a budget."""
    stocks = await stock_series(services.database, [run.id for run in runs])
    rows = [run_row(run, stocks[run.id]) for run in runs]
    series = [(row, [after for _, after in stocks[row.run.id]]) for row in rows if stocks[row.run.id]]
    cells = grid_of(await cell_runs(services.database, found.id), known_definition(found.definition))
    plans = (await plans_of(services.database, [found.id])).get(found.id)
    plan = plans[-1] if plans else None
    context = ExperimentPage(
        id=found.id,
        name=found.name,
        created_at=found.created_at,
        rows=rows,
        states=_states(rows),
        months_played=sum(run.months_played if run.live or run.state == "paused" else run.months for run in runs),
        months_total=sum(run.months for run in runs),
        queued=sum(run.state == "queued" for run in runs),
        playing=sum(run.state == "playing" for run in runs),
        paused=sum(run.state == "paused" for run in runs),
        over=sum(not run.live and run.state != "paused" for run in runs),
        live=any(run.live for run in runs),
        figure=f"{urls.api_experiment(found.id)}/figures/stock" if series else None,
        series=series,
        months=max((len(stocks) for _, stocks in series), default=0),
        unit=rows[0].unit if len({row.unit for row in rows}) == 1 else "units",
        json=urls.api_experiment(found.id),
        budget=budget_box(
            "experiment",
            found.budget,
            await spent_by_experiment(services.database, found.id),
            action=urls.experiment_action(found.id, "budget"),
            values=typed,
            errors=errors,
        ),
        archived=found.archived_at is not None,
        grids=by_scenario(cells),
        cells=len(cells),
        failed=sum(run.state == "failed" for run in runs),
        definition=found.definition,
        definition_hash=text_hash(found.definition) if found.definition else "",
        compare=_comparison(found.id, cells),
        plan=f"version {plan.version}, frozen {plan.timing}" if plan else None,
        added=frozenset(run.id for run in runs if run.id not in plan.configs) if plan else frozenset(),
    )
    return page(request, "pages/experiment.html", context, section="experiments", status=status)


def _comparison(experiment_id: str, cells: Sequence[CellOut]) -> str:
    """Return the comparison of an experiment's runs, grouped by what its cells differ in."""
    varies = [name for name in ("model", "condition", "scenario") if len({getattr(cell, name) for cell in cells}) > 1]
    groups = [("group", name) for name in varies]
    return f"{urls.compare()}?{urlencode([('experiment', experiment_id), *groups])}"


def _page_at(query: dict[str, str], offset: int) -> str:
    return urls.experiments(query | {"offset": str(offset) if offset else ""})


def _read(query: Mapping[str, str]) -> tuple[ExperimentFilter, list[str]]:
    """Return the filter that *query* asks for; what cannot be read is left out, with a sentence about it."""
    given = {name: value for name, value in query.items() if name in ExperimentFilter.model_fields and value.strip()}
    unknown = sorted({name[:40] for name in query if name not in ExperimentFilter.model_fields})
    notices = [f"Experiments cannot be filtered by “{name}”; it is left out." for name in unknown[:5]]
    while True:
        try:
            return ExperimentFilter.model_validate(given), notices
        except ValidationError as error:
            problem = error.errors(include_input=False)[0]
            name = str(problem["loc"][0])
            notices.append(f"{name.capitalize()} “{given.pop(name)[:40]}” is left out: {complaint(problem)}.")


def _states(rows: Sequence[RunRow]) -> list[tuple[str, str, int]]:
    counted: Counter[tuple[str, str]] = Counter(row.badge for row in rows)
    return [(kind, text, number) for (kind, text), number in counted.items()]
