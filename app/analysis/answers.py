"""Failure is data: how many answers of a run could not be read, were asked again, were cut off or refused.

An answer is *cut off* when the endpoint says that it ended at the token limit, and *refused* when the endpoint says
that it was withheld; a refusal in words is an answer like any other, and unreadable if it lacks what was asked for.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from pydantic import Field

from app.commons.events import Decided, Event, Unreadable
from app.commons.frozen import Frozen

FRAMEWORK = "framework"
CUT_OFF = frozenset({"length", "max_tokens", "model_length"})
REFUSED = frozenset({"content_filter", "refusal", "safety"})


class Counted(Protocol):
    """Calls of one agent for one purpose whose answers ended the same way."""

    @property
    def agent(self) -> str:
        """Who asked."""
        ...

    @property
    def purpose(self) -> str:
        """What for."""
        ...

    @property
    def finish_reason(self) -> str | None:
        """How the endpoint says the answers ended."""
        ...

    @property
    def calls(self) -> int:
        """How many."""
        ...

    @property
    def again(self) -> int:
        """How many of them were asked because the answer before could not be read."""
        ...


class AnswerCount(Frozen):
    """Counts of calls and of what went wrong with their answers."""

    calls: int = 0
    asked_again: int = Field(default=0, description="calls made because the answer before could not be read")
    unreadable: int = Field(default=0, description="answers that stayed unreadable after all attempts")
    cut_off: int = Field(default=0, description="answers that ended at the token limit")
    refused: int = Field(default=0, description="answers that the endpoint withheld")

    def __add__(self, other: "AnswerCount") -> "AnswerCount":
        """Return the sum of both."""
        return AnswerCount(**{name: getattr(self, name) + getattr(other, name) for name in AnswerCount.model_fields})

    @property
    def flawless(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.asked_again or self.unreadable or self.cut_off or self.refused)


class AnswerLine(AnswerCount):
    """The counts of one agent and purpose; `agent` is "framework" where no agent asked."""

    agent: str
    purpose: str


class Answers(Frozen):
    """How the models of a run answered: in all, by purpose, by agent, and by both."""

    total: AnswerCount
    by_purpose: dict[str, AnswerCount]
    by_agent: dict[str, AnswerCount]
    lines: tuple[AnswerLine, ...]


def answers(events: Iterable[Event], calls: Iterable[Counted]) -> Answers:
    """Count the answers of a run from its events and its calls.

    Args:
        events: of the run; what stayed unreadable is an event.
        calls: counts of its calls.
    """
    found: dict[tuple[str, str], AnswerCount] = {}
    for counted in calls:
        what = AnswerCount(
            calls=counted.calls,
            asked_again=counted.again,
            cut_off=counted.calls if counted.finish_reason in CUT_OFF else 0,
            refused=counted.calls if counted.finish_reason in REFUSED else 0,
        )
        key = (counted.agent, counted.purpose)
        found[key] = found.get(key, AnswerCount()) + what
    for event in events:
        if isinstance(event, Unreadable):
            key = (event.agent or FRAMEWORK, event.purpose)
        elif isinstance(event, Decided) and not event.readable:
            key = (event.agent or FRAMEWORK, "harvest")
        else:
            continue
        found[key] = found.get(key, AnswerCount()) + AnswerCount(unreadable=1)
    lines = [AnswerLine(agent=agent, purpose=purpose, **dict(count)) for (agent, purpose), count in found.items()]
    return Answers(
        total=_sum(lines),
        by_purpose={name: _sum([line for line in lines if line.purpose == name]) for name in _names(lines, "purpose")},
        by_agent={name: _sum([line for line in lines if line.agent == name]) for name in _names(lines, "agent")},
        lines=tuple(lines),
    )


def in_words(count: AnswerCount) -> str:
    """Say what went wrong: "3 unreadable, 12 asked again, 1 cut off"; empty if nothing did."""
    parts = (
        (count.unreadable, "unreadable"),
        (count.asked_again, "asked again"),
        (count.cut_off, "cut off"),
        (count.refused, "refused"),
    )
    return ", ".join(f"{number:,} {word}" for number, word in parts if number)


def _sum(counts: Sequence[AnswerCount]) -> AnswerCount:
    total = AnswerCount()
    for count in counts:
        total = total + count
    return total


def _names(lines: Iterable[AnswerLine], field: str) -> list[str]:
    return list(dict.fromkeys(getattr(line, field) for line in lines))
