"""The metrics of one episode (Piatti et al. 2024, section 3; definitions in docs/metrics.md).

For agent i, R_i is everything it collected. A run that stopped before collapse and before month T is *censored*:
whether it would have survived is unknown.
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from app.commons.config import GameConfig
from app.commons.dynamics import sustainability_threshold
from app.commons.events import Collected, Decided, Event, Harvested, MonthStarted
from app.commons.frozen import Frozen


class MonthHarvest(Frozen):
    """One month's harvest: units asked and collected per agent present, and f_i(t)."""

    month: int
    share: int
    asked: dict[str, int | None]
    collected: dict[str, int]
    unreadable: tuple[str, ...] = ()
    stock_before: int
    stock_after: int
    collapsed: bool


class EpisodeMetrics(Frozen):
    """The metrics of one run; ratios in 0..1, gains in units, None where a metric is not defined."""

    months_played: int
    survival_time: int | None = Field(description="month of collapse, else months played")
    survived: bool | None = Field(description="T months without collapse; None when censored")
    collapsed: bool | None
    censored: bool | None
    gains: dict[str, int]
    total_gain: int
    mean_gain: float | None
    efficiency: float | None
    equality: float | None
    over_usage: float | None
    over_usage_asked: float | None
    unreadable: int = Field(description="harvest answers that could not be read")


def harvests(events: Iterable[Event]) -> list[MonthHarvest]:
    """Gather the finished harvests of an episode from its events, a record a month."""
    found: list[MonthHarvest] = []
    share, asked, collected, unreadable = 0, {}, {}, []  # type: ignore[var-annotated]
    for event in events:
        if isinstance(event, MonthStarted):
            share, asked, collected, unreadable = event.share, {}, {}, []
        elif isinstance(event, Decided) and event.agent is not None:
            asked[event.agent] = event.asked
            if not event.readable:
                unreadable.append(event.agent)
        elif isinstance(event, Collected) and event.agent is not None:
            collected[event.agent] = event.collected
        elif isinstance(event, Harvested):
            found.append(
                MonthHarvest(
                    month=event.month,
                    share=share,
                    asked=asked,
                    collected=collected,
                    unreadable=tuple(unreadable),
                    stock_before=event.stock_before,
                    stock_after=event.stock_after,
                    collapsed=event.collapsed,
                )
            )
    return found


def episode_metrics(months: Sequence[MonthHarvest], game: GameConfig, agents: Sequence[str]) -> EpisodeMetrics:
    """Compute the metrics of a run from its finished harvests.

    Args:
        months: the harvests, in order; empty for a run without any.
        game: the game's numbers; T, K and g decide survival, f(1) and efficiency.
        agents: the names of all agents, in order; agents that collected nothing count, those that never came do not.
    """
    came = {name for month in months for name in month.collected}
    gains = {
        name: sum(month.collected.get(name, 0) for month in months) for name in agents if name in came or not months
    }
    collapsed = any(month.collapsed for month in months)
    complete = collapsed or len(months) >= game.months
    total = sum(gains.values())
    return EpisodeMetrics(
        months_played=len(months),
        survival_time=next((month.month for month in months if month.collapsed), len(months)),
        survived=not collapsed if complete else None,
        collapsed=collapsed,
        censored=not complete,
        gains=gains,
        total_gain=total,
        mean_gain=total / len(gains) if gains else None,
        efficiency=efficiency(total, game) if months else None,
        equality=equality(gains),
        over_usage=over_usage(months),
        over_usage_asked=over_usage(months, asked=True),
        unreadable=sum(len(month.unreadable) for month in months),
    )


def efficiency(total_gain: int, game: GameConfig) -> float | None:
    """Return u = 1 - max(0, T f(1) - sum R_i) / (T f(1)), with f(1) from h(1); None if f(1) is 0."""
    optimum = game.months * sustainability_threshold(game.initial_stock, game)
    if optimum == 0:
        return None
    return 1 - max(0, optimum - total_gain) / optimum


def equality(gains: Mapping[str, float]) -> float | None:
    """Return e = 1 - Gini = 1 - sum_ij |R_i - R_j| / (2 n sum R_i); None when nobody got anything."""
    total = sum(gains.values())
    if total == 0:
        return None
    values = list(gains.values())
    differences = sum(abs(one - other) for one in values for other in values)
    return 1 - differences / (2 * len(values) * total)


def over_usage(months: Sequence[MonthHarvest], *, asked: bool = False) -> float | None:
    """Return o, the share of harvest actions with collected (or asked) > f_i(t); None without any action.

    An unreadable answer asks for nothing here; comparisons report the worst case beside it.
    """
    actions = [
        (amount or 0) > month.share
        for month in months
        for amount in (month.asked if asked else month.collected).values()
    ]
    return sum(actions) / len(actions) if actions else None
