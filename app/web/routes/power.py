"""Compared runs as pilots: what so many runs a group would show."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.analysis.comparison import NAMES
from app.analysis.pilots import PilotPower, power_of_pilots
from app.analysis.power import MOST, smallest_p_said
from app.interop.compared import LaidOut
from app.web import urls
from app.web.comparing import find_runs, laid_out, read_ask
from app.web.errors import Problem
from app.web.pages import Flash, page
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)

MOST_GROUPS = 7
"""More groups would keep the reader waiting: each is some thousand simulated experiments."""
Runs = Annotated[int, Query(ge=1, le=MOST, description="runs a group that are thought of")]


@dataclass(frozen=True)
class PowerPage:
    """pages/power.html.

    Attributes:
        n: runs a group that are thought of.
        rows: the power for each group and metric.
        shows: what n can show at best.
        names: titles of the metrics.
        hidden: the comparison as fields of the form.
        back: the comparison.
        json: the API's twin.
    """

    n: int
    rows: list[PilotPower]
    shows: str
    names: dict[str, str]
    hidden: list[tuple[str, str]]
    back: str
    json: str


@router.get("/compare/power")
async def power(request: Request, services: Use, n: Runs = 10) -> HTMLResponse:
    """Show what *n* runs a group would find, if the compared runs are what to expect."""
    shown, notices = await pilots(request, services)
    rows = await power_found(shown, n)
    query = shown.ask.query
    context = PowerPage(
        n=n,
        rows=rows,
        shows=smallest_p_said(n, n),
        names=dict(NAMES),
        hidden=shown.ask.pairs,
        back=urls.comparison(query),
        json=f"{urls.api_compare()}/power?{query}&n={n}",
    )
    return page(
        request, "pages/power.html", context, section="compare", flash=[Flash(text, "warn") for text in notices]
    )


async def pilots(request: Request, services: Services) -> tuple[LaidOut, list[str]]:
    """Return the comparison that the address asks for, and what to say about it."""
    names: Any = request.query_params
    ask, notices = read_ask(names)
    runs, more = await find_runs(services, ask)
    return await laid_out(services, ask, runs), notices + more


async def power_found(shown: LaidOut, n: int) -> list[PilotPower]:
    """Return the power of *n* runs a group, its runs being the pilots.

    Raises:
        Problem: it has fewer than two groups, or too many.
    """
    reference = shown.comparison.reference
    if reference is None or len(shown.members) < 2:
        raise Problem(404, "not_found", "Pilots need two groups: the comparison has fewer.")
    if len(shown.members) > MOST_GROUPS + 1:
        raise Problem(422, "invalid", f"At most {MOST_GROUPS} groups and their reference; group by less.")
    return await asyncio.to_thread(power_of_pilots, shown.members, reference, shown.ask.answers, n)
