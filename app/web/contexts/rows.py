"""A run as lists show it: one line of a table, one card."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.commons.fidelity import fidelity_text
from app.commons.scenario import conditions, departures, scenarios
from app.store.budgets import PAUSED_BY_BUDGET, PAUSED_BY_DAY
from app.store.records import RunRecord
from app.web import urls
from app.web.contexts.words import mind_counts, waiting_text
from app.web.format import count

SPARK_WIDTH, SPARK_HEIGHT = 120, 32


@dataclass(frozen=True)
class Spark:
    """A small drawing of a run's stock: SVG points of the line, of the area below it, and where it ends."""

    line: str
    area: str
    end: tuple[float, float]
    alt: str


@dataclass(frozen=True)
class RunRow:
    """A run in a list.

    `title` says scenario, condition and seed, or is the run's name with these in `subtitle`; `badge` says how it came
    out or how it is doing (the kind that colours it, and a word); `minds` who decides; `tags` what a reader must know
    before trusting a number; `unit` what gains are counted in; `note` why a run is paused and when it is tried again.
    """

    run: RunRecord
    href: str
    title: str
    subtitle: str | None
    scenario: str
    condition: str
    minds: str
    icon: str
    unit: str
    badge: tuple[str, str]
    tags: tuple[str, ...]
    months: str
    note: str | None = None
    spark: Spark | None = None

    @property
    def active(self) -> bool:
        """Whether the line changes by itself: the run is queued, being played, or tried again soon."""
        return self.run.live


def run_row(run: RunRecord, stocks: Sequence[tuple[int, int]] | None = None) -> RunRow:
    """Return *run* as a line of a list; with *stocks* (before and after each harvest) also as a drawing."""
    scenario = scenarios().get(run.scenario)
    condition = conditions().get(run.condition)
    scenario_label = scenario.label if scenario else run.scenario
    condition_label = condition.label if condition else run.condition.replace("_", " ").capitalize()
    seed = "" if run.seed is None else f", seed {run.seed}"
    what = f"{scenario_label}, {condition_label.lower()}{seed}"
    return RunRow(
        run=run,
        href=urls.run(run.id),
        title=run.name or what,
        subtitle=what if run.name else None,
        scenario=scenario_label,
        condition=condition_label,
        minds=minds(run),
        icon=run.scenario if run.scenario in ("fishery", "pasture", "pollution") else "logo",
        unit=scenario.words.units if scenario else "units",
        badge=badge(run),
        tags=tags(run),
        months=f"{run.months_played}/{run.months}",
        note=note(run),
        spark=None if stocks is None else spark(stocks, run),
    )


def note(run: RunRecord) -> str | None:
    """Return why a run that its user did not pause is paused or failed, and when it is tried again."""
    if run.state not in ("paused", "failed") or run.reason_kind in ("user", None) or not run.reason:
        return None
    waiting = waiting_text(run, datetime.now(UTC))
    return f"{run.reason} {waiting}" if waiting else run.reason


def minds(run: RunRecord) -> str:
    """Return who decides for the agents: "greedy ×3, random, fair-share", or the models."""
    if run.origin == "imported":
        return run.models
    labels = mind_counts(run.episode)
    if len(labels) == 1:
        return next(iter(labels))
    return ", ".join(label if count == 1 else f"{label} ×{count}" for label, count in labels.items())


def differing(rows: Sequence[RunRow]) -> list[str]:
    """Return for each row what sets it apart besides its seed: scenario, condition, minds, as far as they vary."""
    kept = [name for name in ("scenario", "condition", "minds") if len({getattr(row, name) for row in rows}) > 1]
    return [", ".join(getattr(row, name) for name in kept) for row in rows]


def badge(run: RunRecord) -> tuple[str, str]:
    """Return the word for how a run came out, or is doing, and the kind of its badge."""
    if run.view_only:
        return ("interrupted" if run.state == "interrupted" else "plain"), count(run.months_played, "month")
    if run.state == "finished" and run.survived:
        return "survived", "survived"
    if run.collapsed and run.state not in ("queued", "playing", "paused"):
        return "collapsed", "collapsed"
    if run.state == "playing" and run.control:
        return "playing", {"pause": "pausing", "end": "last month"}.get(run.control, "stopping")
    if run.waiting:
        return "paused", "paused, tries again"
    if run.state == "paused" and run.reason_kind in (PAUSED_BY_BUDGET, PAUSED_BY_DAY):
        return "paused", f"paused: {run.reason_kind}"
    return run.state, run.state


def tags(run: RunRecord) -> tuple[str, ...]:
    """Return what has to be said of a run wherever it appears."""
    found = []
    if run.minds == "scripted":
        found.append("scripted")
    if run.minds == "mixed" and "scripted:" in run.models:
        found.append("partly scripted")
    elif run.minds in ("generative", "mixed"):
        found.append("generative")
    if run.origin == "imported":
        found.append("imported")
    if run.view_only:
        found.append("view only")
    if run.origin == "native":
        found += departures(run.episode)
        if run.episode.fidelity:
            found.append(f"fidelity: {fidelity_text(run.episode.fidelity)}")
    if run.unreadable:
        found.append(f"unreadable {run.unreadable}")
    return tuple(found)


def spark(stocks: Sequence[tuple[int, int]], run: RunRecord) -> Spark | None:
    """Draw a run's stock: before and after each harvest, over all months of the episode, up to its capacity."""
    if not stocks:
        return None
    capacity = max(run.episode.game.capacity, 1)
    step = SPARK_WIDTH / max(run.months, 1)
    points: list[tuple[float, float]] = []
    for month, (before, after) in enumerate(stocks):
        for x, stock in ((month * step, before), ((month + 0.75) * step, after)):
            height = SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * min(stock, capacity) / capacity
            points.append((round(x, 1), round(height, 1)))
    line = " ".join(f"{x},{y}" for x, y in points)
    area = f"{points[0][0]},{SPARK_HEIGHT} {line} {points[-1][0]},{SPARK_HEIGHT}"
    alt = f"Stock month by month, from {stocks[0][0]} to {stocks[-1][1]} of {capacity}"
    return Spark(line=line, area=area, end=points[-1], alt=alt)
