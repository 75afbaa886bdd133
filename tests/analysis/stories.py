"""Small episodes written by hand, event by event."""

from datetime import date, datetime

from app.commons.config import AgentConfig, EpisodeConfig, ScriptedMind
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

NAMES = ("John", "Kate", "Jack")


def config(names: tuple[str, ...] = NAMES) -> EpisodeConfig:
    """Return a fishery of *names*."""
    mind = ScriptedMind(policy="fair-share")
    return EpisodeConfig(scenario="fishery", agents=tuple(AgentConfig(name=name, mind=mind) for name in names))


def two_months() -> list[Event]:
    """Month 1 agrees on 10; in month 2 Kate takes 15, Jack is unreadable, and the stock collapses."""
    return [
        MonthStarted(month=1, date=date(2024, 1, 1), stock=100, threshold=50, share=16, present=NAMES),
        *_harvest(1, {"John": 10, "Kate": 12, "Jack": 10}, before=100),
        Said(month=1, turn=1, speaker="Mayor", text="The catches are in.", by_overseer=True, next_speaker="John"),
        Said(month=1, turn=2, speaker="John", text="Ten each? <b>Please</b>", next_speaker="Kate"),
        Said(month=1, turn=3, speaker="Kate", text="", ends=True),
        Summarised(month=1, text="They agree on ten."),
        Agreed(month=1, limit=10),
        Remembered(month=1, phase="take_away", agent="Kate", memory=_memory(7, "limit")),
        MonthEnded(month=1, stock_after=68, stock_next=100),
        MonthStarted(month=2, date=date(2024, 2, 1), stock=100, threshold=50, share=16, present=NAMES),
        Unreadable(month=2, phase="harvest", agent="Jack", purpose="harvest", attempts=3, fallback="0"),
        *_harvest(2, {"John": 10, "Kate": 90, "Jack": None}, before=100, got={"John": 9, "Kate": 89, "Jack": 0}),
        Agreed(month=2, limit=None),
        MonthEnded(month=2, stock_after=2, stock_next=4),
        Ended(month=2, collapsed=True, months_played=2),
    ]


def _harvest(month: int, asked: dict[str, int | None], before: int, got: dict[str, int] | None = None) -> list[Event]:
    collected = got or {name: amount or 0 for name, amount in asked.items()}
    left = before - sum(collected.values())
    return [
        *(
            Decided(month=month, agent=name, asked=amount, wanted=amount or 0, readable=amount is not None, attempts=1)
            for name, amount in asked.items()
        ),
        *(
            Collected(month=month, agent=name, wanted=asked[name] or 0, collected=amount)
            for name, amount in collected.items()
        ),
        Harvested(
            month=month, stock_before=before, stock_after=left, oversubscribed=got is not None, collapsed=left < 5
        ),
    ]


def _memory(number: int, purpose: str) -> Memory:
    return Memory(
        id=number,
        kind="event",
        purpose=purpose,
        text="We agreed on 10 tons.",
        created=datetime(2024, 1, 30),
        expires=datetime(2024, 4, 2),
        importance=10,
        always=True,
    )
