"""The facts of an episode, in the order they happen. Replay, metrics and charts derive from these alone.

An event holds no clock time, tokens, retries or run states: those belong to the call log and the run log. Amounts are
whole units of the scenario; months count from 1; an agent is named by its name.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from app.commons.frozen import Frozen, canonical_json

PhaseName = Literal["observe", "harvest", "settle", "talk", "take_away", "home", "regrow"]
MemoryKind = Literal["event", "thought", "conversation"]


class _Event(Frozen):
    month: int = Field(ge=1)
    phase: PhaseName
    agent: str | None = None


class MonthStarted(_Event):
    """A month begins: the stock everybody sees, f(t), f_i(t), and who is present."""

    kind: Literal["month_started"] = "month_started"
    phase: PhaseName = "observe"
    date: date
    stock: int
    threshold: int
    share: int
    present: tuple[str, ...]
    universalization: bool = False


class Decided(_Event):
    """An agent asked for `asked` units; None when its answer could not be read.

    `wanted` is what counts: `asked` clipped to 0..stock, and 0 when unreadable. In an imported run `asked` is what the
    log recorded, also where `readable` is false.
    """

    kind: Literal["decided"] = "decided"
    phase: PhaseName = "harvest"
    asked: int | None
    wanted: int
    readable: bool = True
    attempts: int = 1


class Collected(_Event):
    """An agent's share of the harvest."""

    kind: Literal["collected"] = "collected"
    phase: PhaseName = "settle"
    wanted: int
    collected: int


class Harvested(_Event):
    """The month's harvest is over: what was in the commons before and after, and whether that is a collapse."""

    kind: Literal["harvested"] = "harvested"
    phase: PhaseName = "settle"
    stock_before: int
    stock_after: int
    oversubscribed: bool
    collapsed: bool


class Said(_Event):
    """One contribution to the talk; `turn` counts from 1 and the overseer's report is `by_overseer`."""

    kind: Literal["said"] = "said"
    phase: PhaseName = "talk"
    turn: int
    speaker: str
    text: str
    by_overseer: bool = False
    ends: bool = False
    next_speaker: str | None = None


class Agreed(_Event):
    """The per-agent limit read from the talk, for the next month; None when there is none."""

    kind: Literal["agreed"] = "agreed"
    phase: PhaseName = "take_away"
    limit: int | None


class Summarised(_Event):
    """The talk in one sentence; None when the answer could not be read."""

    kind: Literal["summarised"] = "summarised"
    phase: PhaseName = "take_away"
    text: str | None


class Memory(Frozen):
    """One node of a mind's memory stream (Park et al. 2023; GovSim, section 3).

    `purpose` says what it is to the simulation: stock, universalization, result, others, conversation, limit,
    planning, interesting, insight. `sources` are ids of the memories an insight rests on.
    """

    id: int
    kind: MemoryKind
    purpose: str
    text: str
    created: datetime
    expires: datetime
    importance: int = Field(ge=1, le=10)
    rated: bool = Field(default=True, description="False where no rating could be read and 5 stands in")
    always: bool = False
    sources: tuple[int, ...] = ()


class Remembered(_Event):
    """An agent stored a memory."""

    kind: Literal["remembered"] = "remembered"
    memory: Memory


class Unreadable(_Event):
    """An answer that stayed unreadable after all attempts, and what stands in its place."""

    kind: Literal["unreadable"] = "unreadable"
    purpose: str
    item: str = ""
    attempts: int
    fallback: str


class MonthEnded(_Event):
    """A month is over: the stock left after the harvest and what it grew to."""

    kind: Literal["month_ended"] = "month_ended"
    phase: PhaseName = "regrow"
    stock_after: int
    stock_next: int


class Ended(_Event):
    """The episode is over: by collapse, or because all its months were played."""

    kind: Literal["ended"] = "ended"
    phase: PhaseName = "regrow"
    collapsed: bool
    months_played: int


Event = Annotated[
    MonthStarted
    | Decided
    | Collected
    | Harvested
    | Said
    | Agreed
    | Summarised
    | Remembered
    | Unreadable
    | MonthEnded
    | Ended,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def event_json(event: Event) -> str:
    """Return the canonical JSON of *event*: the bytes that a rerun must reproduce."""
    return canonical_json(event)


def parse_event(text: str) -> Event:
    """Read an event from its canonical JSON.

    Raises:
        pydantic.ValidationError: if it is none.
    """
    return EVENT.validate_json(text)
