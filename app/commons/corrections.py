"""What people say of an agreed limit that was read wrongly: versions beside the record, which stays as it is.

The limit is read from a talk by a model or a policy. What agents were told and did rests on that reading, so no event
is ever changed; a correction says what a reader of the talk finds there, and said against did is judged by it.
"""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from app.commons.frozen import Frozen

MOST = 10**9
"""The largest limit a correction may name, in units of the scenario."""


class LimitCorrection(Frozen):
    """One version of what a person says about the limit agreed in the talk of a month; None is "no limit"."""

    month: int = Field(ge=1, description="the month of the talk; its limit holds for the month after")
    version: int = Field(ge=1, description="counts from 1 for each month of a run")
    at: datetime
    author: str | None = Field(description="who says so; null where a link hides it")
    read: int | None = Field(description="the limit as the record has it")
    before: int | None = Field(description="what stood before this version")
    limit: int | None = Field(description="what stands with this version")
    withdrawn: bool = Field(default=False, description="this version takes corrections back: the record stands again")
    note: str | None = Field(default=None, description="why")


def in_force(history: Iterable[LimitCorrection]) -> tuple[LimitCorrection, ...]:
    """Return the corrections that stand, at most one a month and by month: the latest version, unless it withdraws."""
    latest: dict[int, LimitCorrection] = {}
    for item in history:
        if item.month not in latest or latest[item.month].version < item.version:
            latest[item.month] = item
    return tuple(latest[month] for month in sorted(latest) if not latest[month].withdrawn)


def without_authors(history: Iterable[LimitCorrection]) -> tuple[LimitCorrection, ...]:
    """Return *history* for readers who shall not learn who wrote it."""
    return tuple(item.model_copy(update={"author": None}) for item in history)
