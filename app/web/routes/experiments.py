"""An experiment: its runs, how far they are, and their trajectories together."""

from collections import Counter
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.store.queries import RunFilter, get_experiment, list_runs, stock_series
from app.store.records import ExperimentRecord, RunRecord
from app.store.spending import spent_by_experiment
from app.web import urls
from app.web.contexts.budget import NO_ERRORS, budget_box
from app.web.contexts.pages import ExperimentPage
from app.web.contexts.rows import RunRow, run_row
from app.web.dependencies import ExperimentId
from app.web.errors import not_found
from app.web.pages import page
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)


@router.get("/experiments/{experiment_id}")
async def experiment(request: Request, services: Use, experiment_id: ExperimentId) -> HTMLResponse:
    """Show an experiment."""
    found, runs = await experiment_of(services, experiment_id)
    return await render_experiment(request, services, found, runs)


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
    )
    return page(request, "pages/experiment.html", context, section="runs", status=status)


def _states(rows: Sequence[RunRow]) -> list[tuple[str, str, int]]:
    counted: Counter[tuple[str, str]] = Counter(row.badge for row in rows)
    return [(kind, text, number) for (kind, text), number in counted.items()]
