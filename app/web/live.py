"""A run as a stream of server-sent events: what is stored, then what comes.

Each event of the episode goes out as a message whose id is its number, so a reader that lost the connection goes on
where it was (`Last-Event-ID`). How the run itself is doing comes as `status` messages without id. The stream ends when
the run is over; a share's stream also ends when its link does.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

from fastapi.sse import ServerSentEvent
from pydantic import BaseModel, ConfigDict

from app.store.money import Dollars
from app.store.queries import events_after
from app.store.records import RunRecord, RunState
from app.store.runs import UnknownRun, get_run
from app.web.contexts.words import waiting_text
from app.web.services import Services

BATCH = 500
# A link may expire while nothing is written.
LOOK_AGAIN_S = 5.0
WAITING_STATES = frozenset({"queued", "playing", "paused"})

Look = Callable[[], Awaitable[RunRecord | None]]


class RunStatus(BaseModel):
    """How a run is doing; the `status` message of its stream. `over` says that nothing more will come.

    `tries_again` says what is kept of a paused run and when it is tried again, if that happens by itself.
    """

    model_config = ConfigDict(from_attributes=True)

    state: RunState
    reason_kind: str | None
    reason: str | None
    control: Literal["pause", "end", "stop"] | None
    months_played: int
    stock: int | None
    events: int
    calls: int
    tokens: int
    cost: Dollars | None
    unpriced_calls: int
    unreadable: int
    retry_at: datetime | None
    retries: int
    tries_again: str | None = None
    over: bool = False


def status_of(run: RunRecord) -> RunStatus:
    """Return how *run* is doing."""
    more = {"over": run.state not in WAITING_STATES, "tries_again": waiting_text(run, datetime.now(UTC))}
    return RunStatus.model_validate(run).model_copy(update=more)


def look_at(services: Services, run_id: str) -> Look:
    """Return a function that gives the run as it is now, without a query where the watcher knows it."""

    async def look() -> RunRecord | None:
        try:
            return services.watcher.latest(run_id) or await get_run(services.database, run_id)
        except UnknownRun:
            # Deleted while somebody watched.
            return None

    return look


async def stream_run(services: Services, run_id: str, look: Look, after: int = 0) -> AsyncIterator[ServerSentEvent]:
    """Yield the events of a run after number *after*, as they come, and its status whenever it changes.

    Args:
        services: of the application.
        run_id: a run that exists.
        look: gives the run as the reader may see it, its `events` the last one to tell; None ends the stream.
        after: the number of the last event that the reader has.
    """
    told: RunStatus | None = None
    with services.watcher.following(run_id):
        while True:
            generation = services.watcher.generation
            # The state is read before the events: whoever is told that a run is over has been told all of it.
            run = await look()
            if run is None:
                return
            while after < run.events:
                rows = await events_after(services.database, run_id, after, limit=BATCH, last=run.events)
                if not rows:
                    break
                for after, payload in rows:
                    yield ServerSentEvent(raw_data=payload, id=str(after))
            status = status_of(run)
            if status != told:
                told = status
                yield ServerSentEvent(event="status", data=status)
            if status.over:
                return
            await services.watcher.wait(generation, LOOK_AGAIN_S)
