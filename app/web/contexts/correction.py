"""The reading of a talk on its run's page: what was read, what people say of it, and the form that corrects it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from app.analysis.replay import MonthReplay
from app.commons.corrections import LimitCorrection, in_force

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class CorrectionBox:
    """What `partials/run/correction.html` draws.

    Attributes:
        month: the month of the talk.
        read: the limit as the record has it.
        history: all versions of this month.
        standing: the one in force, if any.
        sayers: the ids of messages that name the limit that was read, with who said them.
        action: where the form is posted to; None for readers who may not correct.
        values: what stands in the form's fields.
        errors: what was wrong with which field.
    """

    month: int
    read: int | None
    history: Sequence[LimitCorrection]
    standing: LimitCorrection | None
    sayers: Sequence[tuple[str, str]]
    action: str | None
    values: Mapping[str, str]
    errors: Mapping[str, str]


def correction_box(
    month: MonthReplay,
    corrections: Sequence[LimitCorrection],
    *,
    action: str | None,
    typed: Mapping[str, str] = NOTHING,
    errors: Mapping[str, str] = NOTHING,
) -> CorrectionBox | None:
    """Return the reading of *month*'s talk, told with *corrections*; None where the talk was not read."""
    if not month.agreement_read:
        return None
    history = [item for item in corrections if item.month == month.month]
    standing = in_force(history)
    limit = "" if month.limit is None else str(month.limit)
    read = month.corrected.read if month.corrected else month.limit
    return CorrectionBox(
        month=month.month,
        read=read,
        history=history,
        standing=standing[0] if standing else None,
        sayers=[] if read is None else [(line.id, line.speaker) for line in month.lines if _names(line.text, read)],
        action=action,
        # The version is always the latest: who comes late has seen it when the page is shown again.
        values={"limit": limit, "author": "", "note": "", **typed, "version": str(len(history))},
        errors=errors,
    )


def _names(text: str, number: int) -> bool:
    """Tell whether *text* has *number* in digits, as a number of its own."""
    return str(number) in "".join(char if char.isdigit() else " " for char in text).split()
