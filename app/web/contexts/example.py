"""The home page's example, month by month: what was agreed, who broke it, what was said, what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from app.analysis.replay import AgentMonth, MonthReplay, Replay
from app.commons.config import EpisodeConfig
from app.commons.scenario import get_scenario
from app.web import urls
from app.web.contexts.scene import Seat, seats, shoal

QUOTES = 3
"""How many contributions to a talk are quoted; the full replay has them all."""


@dataclass(frozen=True)
class Catch:
    """Where an agent sits, what it caught this month, and whether that kept what was agreed."""

    seat: Seat
    amount: int
    mark: str


@dataclass(frozen=True)
class Quote:
    """What somebody said."""

    seat: Seat
    text: str


@dataclass(frozen=True)
class ExampleMonth:
    """One month of the example.

    Attributes:
        number: of the month.
        before: units at its start.
        left: units after the harvest.
        scale: how large the commons is drawn, 0..1: areas tell amounts.
        alive: the signs of life that are still in it.
        catches: an entry an agent.
        facts: what was agreed and what came of it, a sentence or two.
        quotes: the beginning of the talk.
        outlook: what the talk came to, or how the story ends.
    """

    number: int
    before: int
    left: int
    scale: float
    alive: Sequence[tuple[float, float, bool]]
    catches: Sequence[Catch]
    facts: str
    quotes: Sequence[Quote]
    outlook: str


@dataclass(frozen=True)
class Example:
    """The example as a whole; `shown` is the number of the month that the address names, `unit` that of the stock."""

    months: Sequence[ExampleMonth]
    shown: int
    capacity: int
    unit: str

    def href(self, month: int) -> str:
        """Return the home page's address with another month shown."""
        return urls.home({"month": month}) + "#example"


def example(told: Replay, config: EpisodeConfig, month: str) -> Example:
    """Return the example at *month*, as an address names it; what names none is the first."""
    places = {seat.name: seat for seat in seats(told.names)}
    unit, capacity = get_scenario(config.scenario).words.unit_short, config.game.capacity
    last = len(told.months)
    return Example(
        months=[_month(item, places, config, unit) for item in told.months],
        shown=int(month) if month.isascii() and month.isdecimal() and len(month) < 4 and 1 <= int(month) <= last else 1,
        capacity=capacity,
        unit=unit,
    )


def _month(month: MonthReplay, places: dict[str, Seat], config: EpisodeConfig, unit: str) -> ExampleMonth:
    before, left = month.stock or 0, month.stock_after or 0
    part = left / config.game.capacity
    spoken = [line for line in month.lines if not line.overseer]
    return ExampleMonth(
        number=month.month,
        before=before,
        left=left,
        scale=round(sqrt(part), 3),
        alive=[
            (round(life.x * sqrt(part), 1), round(life.y * sqrt(part), 1), life.turned)
            for life in shoal()
            if life.needs <= part
        ],
        catches=[Catch(places[agent.name], agent.collected or 0, agent.mark) for agent in month.agents],
        facts=_facts(month.agents, unit),
        quotes=[Quote(places[line.speaker], line.text) for line in spoken[:QUOTES]],
        outlook=_outlook(month, config, unit),
    )


def _facts(agents: Sequence[AgentMonth], unit: str) -> str:
    limit = agents[0].limit
    if limit is None:
        most = max(agents, key=lambda agent: agent.collected or 0)
        return f"Nothing is agreed yet. {most.name} takes most: {most.collected} {unit}."
    broke = [agent.name for agent in agents if agent.mark == "broken"]
    if not broke:
        return f"Agreed: at most {limit} {unit} each. Everybody keeps to it."
    who = broke[0] if len(broke) == 1 else f"{', '.join(broke[:-1])} and {broke[-1]}"
    return f"Agreed: at most {limit} {unit} each. {who} {'takes' if len(broke) == 1 else 'take'} more."


def _outlook(month: MonthReplay, config: EpisodeConfig, unit: str) -> str:
    if month.collapsed:
        return (
            f"{month.stock_after} {unit} are left, fewer than {config.game.collapse_threshold}: "
            "the lake has collapsed. Nobody will fish again."
        )
    agreed = f"They agree on at most {month.limit} {unit} each. " if month.limit is not None else ""
    return f"{agreed}What is left doubles: {month.stock_next} {unit} next month."
