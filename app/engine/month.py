"""The state of an episode while it is played: what lasts, and what lasts a month."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, TypeVar

from app.commons.calendar import after_month
from app.commons.config import EpisodeConfig
from app.commons.events import Event
from app.commons.minds import Contribution, Framework, Mind, Moment, TalkState
from app.commons.scenario import Scenario

T = TypeVar("T")

Emit = Callable[[Event], None]


@dataclass(frozen=True)
class Episode:
    """What all phases of an episode work with."""

    config: EpisodeConfig
    scenario: Scenario
    minds: Mapping[str, Mind]
    framework: Framework
    emit: Emit


@dataclass
class Month:
    """One month as it unfolds; phases read what earlier ones left and leave something for later ones.

    `late` runs what nothing later in the episode depends on; `kept` holds the events that come of it, which are emitted
    in a fixed order at the end of the month.
    """

    number: int
    stock: int
    present: tuple[str, ...]
    late: asyncio.TaskGroup
    asked: dict[str, int | None] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    collected: dict[str, int] = field(default_factory=dict)
    stock_after: int = 0
    stock_next: int = 0
    collapsed: bool = False
    lines: list[Contribution] = field(default_factory=list)
    reported: bool = False
    kept: dict[str, list[Event]] = field(default_factory=dict)

    def moment(self, day: date, hour: int = 0) -> Moment:
        """Return the moment on *day* of this month at *hour* o'clock."""
        return Moment(
            month=self.number,
            at=datetime.combine(day, time(hour)),
            present=self.present,
            month_over=after_month(self.number),
        )

    def talk(self) -> TalkState:
        """Return the talk as far as it has gone."""
        return TalkState(
            lines=tuple(self.lines),
            catches=dict(self.collected) if self.reported else None,
            stock_after=self.stock_after,
        )


async def together(jobs: Mapping[str, Coroutine[Any, Any, T]]) -> dict[str, T]:
    """Run what agents do independently at the same time, and return the results in the order given."""
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(job) for name, job in jobs.items()}
    return {name: task.result() for name, task in tasks.items()}
