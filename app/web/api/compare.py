"""A comparison as data, and its charts: the JSON twin of `/compare`, which reads the same address."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.analysis.ask import ComparisonAsk
from app.analysis.comparison import Comparison
from app.analysis.comparison_figures import FigureName
from app.analysis.palette import Theme
from app.interop.compared import LaidOut
from app.web.comparing import figure as chart_of
from app.web.comparing import find_runs, laid_out, read_ask
from app.web.services import Use

router = APIRouter(tags=["comparison"])


class ComparisonOut(BaseModel):
    """A comparison: what was asked (`query` is its canonical address), the numbers, and what was left out."""

    ask: ComparisonAsk
    query: str
    notices: list[str] = Field(description="what of the address was left out, and why")
    left_out: list[str] = Field(description="runs that cannot be compared: not begun, or of another game")
    comparison: Comparison


@router.get("/compare")
async def compare(request: Request, services: Use) -> ComparisonOut:
    """Compare groups of runs.

    `run` and `experiment` (as often as wanted) choose, the filters of `/runs` narrow down; `group`, `reference`,
    `answers` (with, without, worst) and `intervals` (t, bca) say how.
    """
    ask, notices = read_ask(request.query_params)
    runs, more = await find_runs(services, ask)
    return comparison_out(await laid_out(services, ask, runs), ask.query, notices + more)


def comparison_out(shown: LaidOut, query: str, notices: Sequence[str]) -> ComparisonOut:
    """Return a comparison as data."""
    return ComparisonOut(
        ask=shown.ask,
        query=query,
        notices=list(notices),
        left_out=[run.id for run in shown.left_out],
        comparison=shown.comparison,
    )


@router.get("/compare/figures/{figure}")
async def figure(request: Request, services: Use, figure: FigureName, theme: Theme = "light") -> dict[str, Any]:
    """Return a chart of a comparison: Plotly's `data` and `layout`."""
    ask, _ = read_ask(request.query_params)
    runs, _ = await find_runs(services, ask)
    return chart_of(await laid_out(services, ask, runs), figure, theme)
