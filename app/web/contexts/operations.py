"""What the page /operations shows, as its template needs it."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.web.operations import MinuteLine, OperationsOut

CHART_WIDTH, CHART_HEIGHT = 600, 96


@dataclass(frozen=True)
class Bar:
    """One minute in the chart, in the drawing's units: answered calls from the ground, failed attempts above them."""

    x: float
    width: float
    answered_y: float
    answered_height: float
    failed_y: float
    failed_height: float
    text: str


@dataclass(frozen=True)
class StoppedGroup:
    """Paused or failed runs with one reason."""

    state: str
    reason: str
    runs: int


@dataclass(frozen=True)
class OperationsPage:
    """pages/operations.html.

    Attributes:
        now: how the instance is doing; None where the database cannot be read.
        problem: the sentence about that.
        bars: the chart of the last hour.
        most: the calls of its busiest minute, attempts that failed included.
        stopped: paused and failed runs by reason.
        json: the API's twin.
    """

    now: OperationsOut | None
    problem: str | None
    bars: Sequence[Bar]
    most: int
    stopped: Sequence[StoppedGroup]
    json: str


def bars(minutes: Sequence[MinuteLine]) -> tuple[list[Bar], int]:
    """Return the chart of some minutes, and how many calls the highest bar stands for."""
    most = max((minute.answered + minute.failed for minute in minutes), default=0)
    step, unit = CHART_WIDTH / max(len(minutes), 1), CHART_HEIGHT / max(most, 1)
    drawn = []
    for number, minute in enumerate(minutes):
        answered, failed = minute.answered * unit, minute.failed * unit
        drawn.append(
            Bar(
                x=round(number * step + 1, 2),
                width=round(step - 2, 2),
                answered_y=round(CHART_HEIGHT - answered, 2),
                answered_height=round(answered, 2),
                failed_y=round(CHART_HEIGHT - answered - failed, 2),
                failed_height=round(failed, 2),
                text=f"{minute.minute:%H:%M} UTC: {minute.answered:,} answered, {minute.failed:,} failed",
            )
        )
    return drawn, most


def stopped_groups(now: OperationsOut) -> list[StoppedGroup]:
    """Return the paused and failed runs by reason, the most frequent first."""
    groups = [
        StoppedGroup(state=count.state, reason=count.reason or "no reason given", runs=count.runs)
        for count in now.runs
        if count.state in ("paused", "failed")
    ]
    return sorted(groups, key=lambda group: -group.runs)
