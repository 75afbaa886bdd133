"""Said against did by corrected limits, and how often the reading of the talk had to be corrected."""

from collections.abc import Sequence

from app.analysis.replay import AgentMonth, MonthReplay, Replay, judged
from app.commons.corrections import LimitCorrection
from app.commons.frozen import Frozen


class ReadingCount(Frozen):
    """How many talks were searched for a limit, and for how many of them a person says something else."""

    read: int
    corrected: int


def corrected(told: Replay, corrections: Sequence[LimitCorrection]) -> Replay:
    """Return *told* with the limits that *corrections* say, and every decision judged by them.

    Args:
        told: a replay of the events alone.
        corrections: those in force (`app.commons.corrections.in_force`). One for a month whose talk was not read yet
            changes nothing. `static/js/reducer.js` does the same in the browser.
    """
    said = {item.month: item for item in corrections}
    if not said:
        return told
    months: list[MonthReplay] = []
    for month in told.months:
        before = months[-1] if months and months[-1].month == month.month - 1 else None
        changes: dict[str, object] = {}
        if month.agreement_read and month.month in said:
            changes |= {"limit": said[month.month].limit, "corrected": said[month.month]}
        if before is not None and before.corrected is not None:
            changes["agents"] = tuple(_by(agent, before.corrected.limit) for agent in month.agents)
        months.append(month.model_copy(update=changes) if changes else month)
    return told.model_copy(update={"months": tuple(months)})


def reading_count(told: Replay) -> ReadingCount:
    """Count the talks of a corrected replay that were read, and those whose limit is corrected to another one."""
    read = [month for month in told.months if month.agreement_read]
    return ReadingCount(
        read=len(read), corrected=sum(item.corrected is not None and item.limit != item.corrected.read for item in read)
    )


def _by(agent: AgentMonth, limit: int | None) -> AgentMonth:
    mark, over = judged(collected=agent.collected, asked=agent.asked, wanted=agent.wanted, limit=limit)
    return agent.model_copy(update={"limit": limit, "mark": mark, "over": over})
