"""A run as a comparison needs it: a pure function of its replay, small enough to keep for hundreds of runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.analysis.corrections import ReadingCount, reading_count
from app.analysis.replay import Mark, MonthReplay, Replay
from app.commons.config import EpisodeConfig, GameConfig
from app.commons.metrics import efficiency, equality


@dataclass(frozen=True)
class Outcome:
    """How a run came out: the month it collapsed in or was last seen in, and its metrics.

    `complete` tells whether it was watched to its collapse or its last month; metrics are None where not defined.
    """

    month: int
    collapsed: bool
    complete: bool
    gain: float | None
    efficiency: float | None
    equality: float | None
    over_usage: float | None
    over_usage_asked: float | None

    @property
    def survived(self) -> bool | None:
        """Whether all months were played without a collapse; None where the run stopped early."""
        return not self.collapsed if self.complete else None


@dataclass(frozen=True)
class Promise:
    """What an agent asked for after an agreement, as the run's page judges it; `over` is by how many units."""

    month: int
    agent: str
    mind: str
    mark: Mark
    over: int


@dataclass(frozen=True)
class RunSummary:
    """A run in numbers, month by month where a chart needs it.

    `gains` are cumulative, per agent; `ginis` of the cumulative gains, None while nobody got anything. `worst` is the
    outcome if every agent whose answer could not be read had asked for everything. `limits` says how many talks were
    searched for a limit, and how many of them a person read otherwise.
    """

    months: int
    capacity: int
    initial: int
    threshold: int
    agents: int
    outcome: Outcome
    worst: Outcome
    unreadable: int
    stocks: tuple[int, ...]
    gains: tuple[float, ...]
    ginis: tuple[float | None, ...]
    promises: tuple[Promise, ...]
    limits: ReadingCount


@dataclass(frozen=True)
class _Taken:
    """A month's harvest: agent to amount asked and amount collected; the share f_i(t)."""

    month: int
    share: int
    asked: dict[str, int]
    collected: dict[str, int]
    after: int
    collapsed: bool


def summarise(told: Replay, config: EpisodeConfig, minds: dict[str, str]) -> RunSummary:
    """Return the summary of a run as far as it went.

    Args:
        told: its replay, corrections of agreed limits included.
        config: gives the game's numbers.
        minds: what decides for each agent, by name, for said against did.
    """
    game = config.game
    played = [month for month in told.months if month.harvested]
    taken = [_taken(month) for month in played]
    unreadable = sum(not agent.readable for month in played for agent in month.agents)
    outcome = _outcome(taken, game)
    totals: dict[str, int] = {}
    gains, ginis = [], []
    for month in taken:
        for name, amount in month.collected.items():
            totals[name] = totals.get(name, 0) + amount
        share = equality(totals)
        gains.append(sum(totals.values()) / len(totals) if totals else 0.0)
        ginis.append(None if share is None else 1 - share)
    return RunSummary(
        months=game.months,
        capacity=game.capacity,
        initial=game.initial_stock,
        threshold=game.collapse_threshold,
        agents=len(config.names),
        outcome=outcome,
        worst=_worst(played, taken, game) if unreadable else outcome,
        unreadable=unreadable,
        stocks=tuple(month.after for month in taken),
        gains=tuple(gains),
        ginis=tuple(ginis),
        promises=tuple(
            Promise(month.month, agent.name, minds.get(agent.name, ""), agent.mark, agent.over)
            for month in played
            for agent in month.agents
            if agent.mark in ("kept", "broken") or (agent.mark == "none" and agent.limit is not None)
        ),
        limits=reading_count(told),
    )


def _taken(month: MonthReplay) -> _Taken:
    return _Taken(
        month=month.month,
        share=month.share or 0,
        asked={agent.name: agent.asked or 0 for agent in month.agents if agent.decided},
        collected={agent.name: agent.collected for agent in month.agents if agent.collected is not None},
        after=month.stock_after or 0,
        collapsed=month.collapsed,
    )


def _outcome(taken: Sequence[_Taken], game: GameConfig) -> Outcome:
    totals: dict[str, int] = {}
    for month in taken:
        for name, amount in month.collected.items():
            totals[name] = totals.get(name, 0) + amount
    collapsed = any(month.collapsed for month in taken)
    total = sum(totals.values())
    return Outcome(
        month=next((month.month for month in taken if month.collapsed), len(taken)),
        collapsed=collapsed,
        complete=collapsed or len(taken) >= game.months,
        gain=total / len(totals) if totals else None,
        efficiency=efficiency(total, game) if taken else None,
        equality=equality(totals),
        over_usage=_above([(amount, month.share) for month in taken for amount in month.collected.values()]),
        over_usage_asked=_above([(amount, month.share) for month in taken for amount in month.asked.values()]),
    )


def _above(actions: Sequence[tuple[int, int]]) -> float | None:
    return sum(amount > share for amount, share in actions) / len(actions) if actions else None


def _worst(played: Sequence[MonthReplay], taken: Sequence[_Taken], game: GameConfig) -> Outcome:
    """Return the outcome if unreadable answers had asked for all there was: nothing is left in the first such month.

    The stock of that month is shared in proportion to what was asked. Where a stock of nothing is no collapse (C = 0),
    nothing grows back either, and the months after it give nothing.
    """
    index = next(place for place, month in enumerate(played) if any(not agent.readable for agent in month.agents))
    month = played[index]
    stock = month.stock or 0
    asked = {agent.name: stock if not agent.readable else (agent.wanted or 0) for agent in month.agents}
    total = sum(asked.values()) or 1
    emptied = replace(
        taken[index],
        asked={agent.name: stock if not agent.readable else (agent.asked or 0) for agent in month.agents},
        collected={name: round(stock * amount / total) for name, amount in asked.items()},
        after=0,
        collapsed=game.collapse_threshold > 0,
    )
    found = _outcome([*taken[:index], emptied], game)
    gain = (sum(sum(one.collected.values()) for one in taken[:index]) + stock) / max(1, len(asked))
    whole = round(gain * max(1, len(asked)))
    return replace(
        found,
        gain=gain,
        efficiency=efficiency(whole, game),
        month=month.month if emptied.collapsed else game.months,
        complete=True,
    )
