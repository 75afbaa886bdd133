"""Which of a run's events its page holds: all of a short run; of a long one the numbers and the talk of one month.

Memories are most of a run's events and are read when somebody looks at them. A long run's talk is read by the page's
script in parts (`static/js/run/store.js`), so the page itself stays small however long an episode is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.analysis.replay import replay
from app.commons.config import EpisodeConfig
from app.commons.events import Event, parse_event
from app.store.connect import Database
from app.store.queries import events_after
from app.web.contexts.place import read_view

WHOLE_UP_TO = 4000
"""Events, memories included, up to which a page holds a run's whole talk: some 12 agents in 24 months."""
TALK = ("said", "summarised")
MEMORY = "remembered"


@dataclass(frozen=True)
class PageEvents:
    """A run's events as its page holds them, in order.

    Attributes:
        rows: (seq, canonical JSON).
        events: the same, read.
        whole: whether all of the talk is among them.
    """

    rows: Sequence[tuple[int, str]]
    events: Sequence[Event]
    whole: bool


async def page_events(
    database: Database, run_id: str, episode: EpisodeConfig, last: int, query: Mapping[str, str]
) -> PageEvents:
    """Read what the page of a run needs up to event *last*, at the place that the *query* of its address names."""
    whole = last <= WHOLE_UP_TO
    rows = await events_after(database, run_id, last=last, without=(MEMORY,) if whole else (MEMORY, *TALK))
    events = [parse_event(payload) for _, payload in rows]
    if whole:
        return PageEvents(rows, events, whole)
    month = read_view(query, replay(events, episode)).month
    talk = await events_after(database, run_id, last=last, kinds=TALK, month=month)
    rows = sorted([*rows, *talk])
    known = [*events, *(parse_event(payload) for _, payload in talk)]
    return PageEvents(rows, known, whole)


async def memories_of(database: Database, run_id: str, agent: str, last: int) -> list[Event]:
    """Read the memories of *agent* up to event *last*."""
    rows = await events_after(database, run_id, last=last, kinds=(MEMORY,), agent=agent)
    return [parse_event(payload) for _, payload in rows]
