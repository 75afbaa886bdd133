"""Metrics for episodes in which not everybody is there all the time (docs/metrics.md)."""

from collections.abc import Sequence

from pydantic import Field

from app.commons.config import EpisodeConfig
from app.commons.frozen import Frozen
from app.commons.metrics import EpisodeMetrics, MonthHarvest, episode_metrics, equality


class Presence(Frozen):
    """What a run's metrics are from the month on in which the last agent joins, and per month present."""

    from_month: int = Field(description="the month in which the last agent joins")
    since: EpisodeMetrics | None = Field(
        description="the metrics of the months from then on, as if T were their number; None before any of them"
    )
    months_present: dict[str, int] = Field(description="harvests that each agent took part in")
    gain_per_month: dict[str, float] = Field(description="units per month present; agents that came only")
    equality_per_month: float | None = Field(description="equality on the gains per month present")


def presence(months: Sequence[MonthHarvest], config: EpisodeConfig) -> Presence | None:
    """Return the metrics that take note of who was there when; None where everybody is there from month 1.

    Args:
        months: the finished harvests, in order.
        config: says who joins when; the metrics since month k have T - k + 1 months, and f(1) is still from h(1).
    """
    first = max(agent.joins for agent in config.agents)
    if first == 1:
        return None
    later = [month for month in months if month.month >= first]
    game = config.game.model_copy(update={"months": config.game.months - first + 1})
    present = {name: sum(name in month.collected for month in months) for name in config.names}
    per_month = {
        name: sum(month.collected.get(name, 0) for month in months) / count for name, count in present.items() if count
    }
    return Presence(
        from_month=first,
        since=episode_metrics(later, game, config.names) if later else None,
        months_present=present,
        gain_per_month=per_month,
        equality_per_month=equality(per_month),
    )
