"""A run's data, for its owner and for the holder of a link alike: what may be asked, and the answers."""

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from fastapi.responses import Response

from app.analysis.figures import catches_figure, gains_figure, stock_figure
from app.analysis.palette import Theme
from app.analysis.replay import replay
from app.commons.events import parse_event
from app.commons.scenario import get_scenario
from app.store.queries import events_after, harvest_events
from app.store.records import RunRecord
from app.web.services import Services

FigureName = Literal["stock", "catches", "gains"]

After = Annotated[int, Query(ge=0, le=2**53, description="the number of the last event that is known")]
Limit = Annotated[int, Query(ge=1, le=5000)]
Kind = Annotated[str | None, Query(max_length=20, description="only events of this kind")]
Month = Annotated[int | None, Query(ge=1, le=10_000)]
Agent = Annotated[str | None, Query(max_length=40)]
CallKey = Annotated[str, Path(max_length=300, description="month/phase/agent/purpose/item/attempt")]


async def events_reply(
    services: Services, run: RunRecord, after: int, limit: int, kind: str | None
) -> Response:
    """Return events of *run*, none beyond its last one, as `EventsOut`. They are stored as JSON and not read again."""
    rows = await events_after(services.database, run.id, after, limit=limit, last=run.events, kind=kind)
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
    if name == "stock":
        return stock_figure(told, run.episode.game, words, theme)
    if name == "catches":
        return catches_figure(told, words, theme)
    return gains_figure(told, words, theme)
