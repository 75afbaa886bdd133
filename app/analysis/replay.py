"""An episode told month by month, from its events alone.

`replay` is pure and takes whatever there is: a finished run, one that is being played, one that stopped half-way, an
imported one. `static/js/reducer.js` does the same in the browser; a test holds the two together, so the JSON form of
`Replay` is a contract. Amounts are whole units of the scenario; months count from 1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from app.commons.config import EpisodeConfig
from app.commons.corrections import LimitCorrection
from app.commons.events import (
    Agreed,
    Collected,
    Decided,
    Ended,
    Event,
    Harvested,
    Memory,
    MonthEnded,
    MonthStarted,
    Remembered,
    Said,
    Summarised,
    Unreadable,
)
from app.commons.frozen import Frozen

Mark = Literal["kept", "broken", "none", "pending"]


class AgentMonth(Frozen):
    """What one agent did in a month, beside what had been agreed in the talk before."""

    name: str
    decided: bool = Field(default=False, description="its decision is in")
    asked: int | None = Field(default=None, description="as asked; None when unreadable or not yet asked")
    wanted: int | None = Field(default=None, description="what counted: asked, clipped to the stock")
    collected: int | None = Field(default=None, description="what it got; None until the harvest is settled")
    readable: bool = True
    attempts: int = 1
    limit: int | None = Field(default=None, description="the limit agreed last month; None where there is none")
    mark: Mark = Field(default="pending", description="said against did")
    over: int = Field(default=0, description="units wanted above the limit")
    over_share: bool = Field(default=False, description="collected more than f_i(t)")
    gain: int = Field(default=0, description="everything collected so far, this month included")


class Line(Frozen):
    """One contribution to a talk. Its id, for example m5-u3, is stable and part of links."""

    id: str
    turn: int
    speaker: str
    text: str
    overseer: bool
    ends: bool
    next_speaker: str | None


class UnreadableAnswer(Frozen):
    """An answer that could not be read after all attempts, and what stood in."""

    agent: str | None
    phase: str
    purpose: str
    item: str
    attempts: int
    fallback: str


class MemoryEntry(Frozen):
    """A memory and when it was stored."""

    agent: str
    month: int
    phase: str
    memory: Memory


class MonthReplay(Frozen):
    """One month as far as it went. None means "not yet" or "not known"."""

    month: int
    date: str | None = None
    stock: int | None = Field(default=None, description="h(t), before the harvest")
    threshold: int | None = Field(default=None, description="f(t)")
    share: int | None = Field(default=None, description="f_i(t)")
    universalization: bool = False
    agents: tuple[AgentMonth, ...] = ()
    harvested: bool = False
    stock_after: int | None = None
    stock_next: int | None = None
    oversubscribed: bool = False
    collapsed: bool = False
    lines: tuple[Line, ...] = ()
    agreement_read: bool = Field(default=False, description="the talk was searched for an agreed limit")
    limit: int | None = Field(default=None, description="the limit agreed in this month's talk, for the next month")
    corrected: LimitCorrection | None = Field(default=None, description="where a person says so, and what was read")
    summary: str | None = None
    unreadable: tuple[UnreadableAnswer, ...] = ()
    ended: bool = Field(default=False, description="the month is over")

    @property
    def total(self) -> int:
        """Everything collected this month."""
        return sum(agent.collected or 0 for agent in self.agents)

    @property
    def breaches(self) -> int:
        """How many agents asked for more than had been agreed."""
        return sum(agent.mark == "broken" for agent in self.agents)

    def agent(self, name: str) -> AgentMonth | None:
        """Return what *name* did this month, or None if it was not there."""
        return next((agent for agent in self.agents if agent.name == name), None)


class Replay(Frozen):
    """An episode so far."""

    names: tuple[str, ...]
    months_total: int = Field(description="T")
    months: tuple[MonthReplay, ...]
    months_played: int = Field(description="months whose harvest is settled")
    finished: bool = Field(description="the episode ended by itself")
    collapsed: bool = Field(description="some month's harvest left less than the collapse threshold")
    gains: dict[str, int]
    memories: tuple[MemoryEntry, ...] = ()

    def month(self, number: int) -> MonthReplay | None:
        """Return month *number*, or None if it has not begun."""
        return next((month for month in self.months if month.month == number), None)


def replay(events: Iterable[Event], config: EpisodeConfig) -> Replay:
    """Tell the episode of *config* as far as *events* go.

    Args:
        events: the run's events in stored order; any prefix of an episode will do, memories may be left out.
        config: gives the agents in their order and the length of the episode.
    """
    tale = _Tale(config.names)
    for event in events:
        tale.take(event)
    months = tuple(tale.months[number].frozen() for number in sorted(tale.months))
    return Replay(
        names=config.names,
        months_total=config.game.months,
        months=months,
        months_played=sum(month.harvested for month in months),
        finished=tale.finished,
        collapsed=any(month.collapsed for month in months),
        gains=dict(tale.gains),
        memories=tuple(tale.memories),
    )


def judged(*, collected: int | None, asked: int | None, wanted: int | None, limit: int | None) -> tuple[Mark, int]:
    """Judge a decision by the limit agreed before: its mark, and by how many units it asked for too much.

    Who asked for too much broke the agreement, also where the commons ran dry and it got less. An answer that could not
    be read (*asked* is None) keeps no promise, though it counts as 0.
    """
    if collected is None:
        return "pending", 0
    over = 0 if limit is None or wanted is None else max(0, wanted - limit)
    if limit is None or asked is None:
        return "none", over
    return ("broken" if over else "kept"), over


def initials(names: Sequence[str]) -> tuple[str, ...]:
    """Return two letters per name that tell the names apart: John and Jack become Jo and Ja.

    The first letter and the earliest later one that no name before has taken; a number where letters do not suffice.
    """
    taken: list[str] = []
    for name in names:
        letters = [letter for letter in name if letter.isalnum()] or ["?"]
        first = letters[0].upper()
        options = [first + letter.lower() for letter in letters[1:]] + [f"{first}{n}" for n in range(1, 100)]
        taken.append(next(option for option in options if option not in taken))
    return tuple(taken)


@dataclass
class _Month:
    """A month being told."""

    month: int
    present: list[str]
    agreed_before: int | None
    gains: dict[str, int]
    facts: dict[str, object] = field(default_factory=dict)
    agents: dict[str, dict[str, object]] = field(default_factory=dict)
    collected: dict[str, int] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    unreadable: list[UnreadableAnswer] = field(default_factory=list)

    def frozen(self) -> MonthReplay:
        share = self.facts.get("share")
        agents = [self._agent(name, share if isinstance(share, int) else None) for name in self._names()]
        return MonthReplay.model_validate(
            {"month": self.month, **self.facts, "agents": agents, "lines": self.lines, "unreadable": self.unreadable}
        )

    def _names(self) -> list[str]:
        return self.present + [name for name in self.agents if name not in self.present]

    def _agent(self, name: str, share: int | None) -> AgentMonth:
        told = self.agents.get(name, {})
        got = self.collected.get(name)
        limit = self.agreed_before
        asked, wanted = told.get("asked"), told.get("wanted")
        mark, over = judged(
            collected=got,
            asked=asked if isinstance(asked, int) else None,
            wanted=wanted if isinstance(wanted, int) else None,
            limit=limit,
        )
        return AgentMonth.model_validate(
            {
                "name": name,
                **told,
                "collected": got,
                "limit": limit,
                "mark": mark,
                "over": over,
                "over_share": got is not None and share is not None and got > share,
                "gain": self.gains.get(name, 0),
            }
        )


class _Tale:
    """Takes events one by one and keeps what the replay needs."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.months: dict[int, _Month] = {}
        self.gains = dict.fromkeys(names, 0)
        self.memories: list[MemoryEntry] = []
        self.finished = False

    def take(self, event: Event) -> None:
        month = self._month(event.month)
        match event:
            case MonthStarted():
                month.present = list(event.present)
                month.facts |= {
                    "date": event.date.isoformat(),
                    "stock": event.stock,
                    "threshold": event.threshold,
                    "share": event.share,
                    "universalization": event.universalization,
                }
            case Decided(agent=str(name)):
                month.agents[name] = {
                    "decided": True,
                    "asked": event.asked,
                    "wanted": event.wanted,
                    "readable": event.readable,
                    "attempts": event.attempts,
                }
            case Collected(agent=str(name)):
                month.agents.setdefault(name, {})["wanted"] = event.wanted
                month.collected[name] = event.collected
                self.gains[name] = self.gains.get(name, 0) + event.collected
                month.gains[name] = self.gains[name]
            case Harvested():
                month.facts |= {
                    "stock": event.stock_before,
                    "stock_after": event.stock_after,
                    "oversubscribed": event.oversubscribed,
                    "collapsed": event.collapsed,
                    "harvested": True,
                }
            case Said():
                month.lines.append(_line(event))
            case Agreed():
                month.facts |= {"agreement_read": True, "limit": event.limit}
            case Summarised():
                month.facts["summary"] = event.text
            case Remembered(agent=str(name)):
                self.memories.append(MemoryEntry(agent=name, month=event.month, phase=event.phase, memory=event.memory))
            case Unreadable():
                month.unreadable.append(_unreadable(event))
            case MonthEnded():
                month.facts |= {"stock_after": event.stock_after, "stock_next": event.stock_next, "ended": True}
            case Ended():
                month.facts["ended"] = True
                self.finished = True
            case _:
                pass  # an event about an agent that names none says nothing here

    def _month(self, number: int) -> _Month:
        if number not in self.months:
            before = self.months.get(number - 1)
            limit = before.facts.get("limit") if before else None
            self.months[number] = _Month(
                month=number,
                present=list(self.names),
                agreed_before=limit if isinstance(limit, int) else None,
                gains=dict(self.gains),
            )
        return self.months[number]


def _line(event: Said) -> Line:
    return Line(
        id=f"m{event.month}-u{event.turn}",
        turn=event.turn,
        speaker=event.speaker,
        text=event.text,
        overseer=event.by_overseer,
        ends=event.ends,
        next_speaker=event.next_speaker,
    )


def _unreadable(event: Unreadable) -> UnreadableAnswer:
    return UnreadableAnswer(
        agent=event.agent,
        phase=event.phase,
        purpose=event.purpose,
        item=event.item,
        attempts=event.attempts,
        fallback=event.fallback,
    )
