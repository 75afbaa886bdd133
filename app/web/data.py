"""A run's data, for its owner and for the holder of a link alike: what may be asked, and the answers."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.analysis.figures import catches_figure, gains_figure, stock_figure
from app.analysis.palette import Theme
from app.analysis.replay import replay
from app.analysis.trajectory_figures import trajectories_figure, trajectory
from app.commons.events import parse_event
from app.commons.scenario import get_scenario
from app.store.pages import CallPage, WholeCall
from app.store.queries import RunFilter, events_after, harvest_events, list_runs
from app.store.records import RunRecord
from app.web.contexts.rows import differing, run_row
from app.web.errors import not_found
from app.web.services import Services

FigureName = Literal["stock", "catches", "gains"]

After = Annotated[int, Query(ge=0, le=2**53, description="the number of the last event that is known")]
Limit = Annotated[int, Query(ge=1, le=5000)]
Kind = Annotated[
    str | None, Query(max_length=200, description="only events of this kind, or of these, separated by commas")
]
Month = Annotated[int | None, Query(ge=1, le=10_000)]
Agent = Annotated[str | None, Query(max_length=40)]
KnownTexts = Annotated[int, Query(ge=0, le=2**53, description="how many texts are known: those of lower numbers")]
PageOfCalls = Annotated[int, Query(ge=1, le=1000, description="how many calls at most")]
CallKey = Annotated[str, Path(max_length=300, description="month/phase/agent/purpose/item/attempt")]


class Following(BaseModel):
    """What to ask for next: calls after number `after`, and of their texts only those from number `texts` on."""

    after: int
    texts: int


class CallPageOut(BaseModel):
    """Calls of a run in the order they were recorded, with the texts of their prompts that no page before has told."""

    calls: tuple[WholeCall, ...]
    texts: dict[int, str] = Field(description="by the number under which requests name them")
    next: Following | None = Field(description="left out at the end of what is recorded")


def call_page_out(page: CallPage) -> CallPageOut:
    """Return *page* as the API shows it."""
    following = None if page.following is None else Following(after=page.following, texts=page.known)
    return CallPageOut(calls=page.calls, texts=page.texts, next=following)


async def events_reply(
    services: Services, run: RunRecord, after: int, limit: int, kind: str | None, agent: str | None
) -> Response:
    """Return events of *run*, none beyond its last one, as `EventsOut`. They are stored as JSON and not read again."""
    kinds = kind.split(",") if kind is not None else None
    rows = await events_after(services.database, run.id, after, limit=limit, last=run.events, kinds=kinds, agent=agent)
    items = ",".join(f'{{"seq":{seq},{payload[1:]}' for seq, payload in rows)
    following = str(rows[-1][0]) if len(rows) == limit else "null"
    # Lone surrogates, which a model's JSON may hold, cannot be sent as UTF-8.
    body = f'{{"events":[{items}],"next":{following},"state":"{run.state}"}}'.encode("utf-8", "replace")
    return Response(body, media_type="application/json")


async def run_figure(services: Services, run: RunRecord, name: FigureName, theme: Theme) -> dict[str, Any]:
    """Return a chart of *run* as far as its `events` go."""
    found = await harvest_events(services.database, [run.id], last=run.events)
    told = replay([parse_event(payload) for payload in found[run.id]], run.episode)
    words = get_scenario(run.scenario).words
    rules = run.view_only is None
    if name == "stock":
        return stock_figure(told, run.episode.game, words, theme, rules=rules)
    if name == "catches":
        return catches_figure(told, words, theme, rules=rules)
    return gains_figure(told, words, theme)


async def experiment_figure(services: Services, experiment_id: str, theme: Theme) -> dict[str, Any]:
    """Return the stock of all runs of an experiment, grouped where they differ in scenario or condition."""
    runs, _ = await list_runs(
        services.database, RunFilter(experiment=experiment_id, archived="all", descending=False, limit=500)
    )
    if not runs:
        raise not_found("such experiment")
    return await runs_figure(services, runs, theme)


async def runs_figure(services: Services, runs: Sequence[RunRecord], theme: Theme) -> dict[str, Any]:
    """Return the stock of *runs* as far as their `events` go, grouped where they differ in scenario or condition."""
    found = await harvest_events(services.database, [run.id for run in runs], ends={run.id: run.events for run in runs})
    lines = []
    for row, group in zip((rows := [run_row(run) for run in runs]), differing(rows), strict=True):
        told = replay([parse_event(payload) for payload in found[row.run.id]], row.run.episode)
        seed = "" if row.run.seed is None else f"seed {row.run.seed}"
        line = trajectory(told, run=row.run.id, label=group or seed or row.run.id, group=group)
        # What is still going on has not stopped early.
        lines.append(line.model_copy(update={"complete": True}) if row.active else line)
    # One axis for all: the longest episode and the largest commons.
    games = [run.episode.game for run in runs]
    frame = games[0].model_copy(
        update={"months": max(game.months for game in games), "capacity": max(game.capacity for game in games)}
    )
    return trajectories_figure(lines, frame, get_scenario(runs[0].scenario).words, theme)
