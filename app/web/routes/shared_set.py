"""A shared experiment or comparison: its page, and the same as data."""

from dataclasses import replace

from fastapi import Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from app.store.queries import stock_series
from app.store.records import RunState, ShareScope
from app.web.api.schemas import RunMetrics
from app.web.contexts.card import Preview
from app.web.contexts.pages import SharedSetPage
from app.web.contexts.rows import run_row
from app.web.pages import page
from app.web.services import Services
from app.web.shared import SharedSet


class SharedRunOut(BaseModel):
    """A run as the holder of a link sees it in a list."""

    id: str
    page: str
    scenario: str
    condition: str
    models: str
    seed: int | None
    state: RunState
    months: int
    config_hash: str
    metrics: RunMetrics


class SharedSetOut(BaseModel):
    """A shared experiment or comparison."""

    scope: ShareScope
    name: str
    runs: list[SharedRunOut]


def set_out(shared: SharedSet) -> SharedSetOut:
    """Return *shared* as data."""
    runs = [
        SharedRunOut(
            id=run.id,
            page=f"{shared.page}/runs/{run.id}",
            metrics=RunMetrics.model_validate(run),
            **{name: getattr(run, name) for name in SharedRunOut.model_fields if name not in ("id", "page", "metrics")},
        )
        for run in shared.runs
    ]
    return SharedSetOut(scope=shared.share.scope, name=shared.name, runs=runs)


async def render_set(
    request: Request, services: Services, shared: SharedSet, preview: Preview | None = None
) -> HTMLResponse:
    """Render the page of a shared experiment; its links stay below the link's own address."""
    stocks = await stock_series(services.database, [run.id for run in shared.runs])
    rows = []
    for run in shared.runs:
        seen = stocks[run.id][: run.months_played]
        rows.append(replace(run_row(run, seen), href=f"{shared.page}/runs/{run.id}"))
    context = SharedSetPage(
        link=shared.share,
        name=shared.name,
        rows=rows,
        live=shared.share.follows and any(run.live for run in shared.runs),
        figure=f"{shared.page}/api/figures/runs" if any(run.months_played for run in shared.runs) else None,
        series=[(row, [after for _, after in stocks[row.run.id]][: row.run.months_played]) for row in rows],
        months=max((run.months_played for run in shared.runs), default=0),
        unit=rows[0].unit if len({row.unit for row in rows}) == 1 else "units",
        json=f"{shared.page}/api",
    )
    return page(request, "pages/shared_set.html", context, share=True, preview=preview)
