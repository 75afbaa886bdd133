"""What the engine knows of a mind: five things it can be asked to do, and what it is told.

The engine calls these in simulation order; independent calls of different agents run at the same time, so an
implementation keeps its state to itself.
"""

from datetime import datetime
from typing import Protocol

from pydantic import Field

from app.commons.events import Memory, Unreadable
from app.commons.frozen import Frozen
from app.commons.questions import Answer, Question


class Moment(Frozen):
    """When and among whom something happens."""

    month: int
    at: datetime
    present: tuple[str, ...]
    month_over: datetime = Field(description="when this month's observations expire")


class StockSeen(Frozen):
    """What an agent learns at the start of a month; `share` is f_i(t), told under universalization only."""

    stock: int
    share: int | None = None


class ResultSeen(Frozen):
    """What an agent learns of its own harvest; `asked` is None when its answer could not be read."""

    asked: int | None
    wanted: int
    collected: int


class LimitAgreed(Frozen):
    """The per-agent limit for the next month that the framework read from the talk; None when there is none."""

    limit: int | None


class CatchesSeen(Frozen):
    """What everybody collected this month, where that becomes known at its end and not in a talk."""

    catches: dict[str, int]


Percept = StockSeen | ResultSeen | LimitAgreed | CatchesSeen


class Contribution(Frozen):
    """One line of a talk; `report` marks what was not said freely but reports a catch."""

    speaker: str
    text: str
    report: bool = False


class TalkState(Frozen):
    """A talk as far as it has gone. `catches` is what everybody collected this month, as the report told it."""

    lines: tuple[Contribution, ...]
    catches: dict[str, int] | None
    stock_after: int


class Recollection(Frozen):
    """What a mind stored in its memory, in a fixed order, and which answers could not be read on the way."""

    memories: tuple[Memory, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


class Utterance(Frozen):
    """One contribution: its text, whether the talk is over with it, and who is to speak next."""

    text: str
    ends: bool = False
    next_speaker: str | None = None
    unreadable: tuple[Unreadable, ...] = ()


class Mind(Protocol):
    """What decides for one agent."""

    async def perceive(self, percept: Percept, moment: Moment) -> Recollection:
        """Take note of an observation."""
        ...

    async def answer(self, question: Question, moment: Moment) -> Answer:
        """Answer a question; for a number, what the agent asks for, unclipped."""
        ...

    async def speak(self, talk: TalkState, turn: int, moment: Moment) -> Utterance:
        """Contribute to the talk."""
        ...

    async def take_away(self, talk: TalkState, moment: Moment) -> Recollection:
        """Keep what is worth remembering of the talk: a thought for planning and one found interesting.

        The agreed limit is read at the same time and comes afterwards, as the percept `LimitAgreed`.
        """
        ...

    async def remember_talk(self, talk: TalkState, summary: str | None, moment: Moment) -> Recollection:
        """Keep the conversation itself. Nothing later in the episode depends on it.

        It is called while `take_away` is still at work, in any order: a mind may wait in one for the other.
        """
        ...

    async def reflect(self, moment: Moment) -> Recollection:
        """Look back at home and draw insights."""
        ...


class Reading(Frozen):
    """What the framework read from a talk: the value, or None, and how often it had to ask."""

    value: int | str | None
    unreadable: tuple[Unreadable, ...] = ()


class Framework(Protocol):
    """Reads a talk from outside: a one-sentence summary and the agreed per-agent limit."""

    async def summarise(self, talk: TalkState, moment: Moment) -> Reading:
        """Return the talk in one sentence."""
        ...

    async def agreed_limit(self, talk: TalkState, moment: Moment) -> Reading:
        """Return the per-agent limit agreed on, in units, or None when there was none."""
        ...
