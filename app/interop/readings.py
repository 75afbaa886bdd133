"""What the research code recorded of its harvest answers beside what our reader makes of them, rule by rule.

A log holds each completion and the number that came of it. Where ours differs, one of the rules below says why; the
counts over the published logs stand in docs/fidelity.md.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from app.interop.interactions import read_interaction
from app.interop.rows import LogRows
from app.minds.reader import final_answer, read_number
from app.minds.text import strip_markup, strip_thinking

Rule = Literal[
    "no completion", "empty", "no marker", "nothing after the marker", "no number", "range", "several numbers", "bound",
    "lost answer", "another number",
]  # fmt: skip

RULES: Mapping[Rule, str] = MappingProxyType(
    {
        "no completion": "the log holds no answer, and records 0",
        "empty": "the answer holds nothing but thinking",
        "no marker": "no final `Answer:` in an answer of more than three words",
        "nothing after the marker": "the final `Answer:` is followed by nothing",
        "no number": "what follows names no number",
        "range": "a range (5-10, between 5 and 10); the log records its lower end",
        "several numbers": "more than one number after the marker; the log records the first",
        "bound": "an upper bound (as few as possible, at most 89); the log records the bound",
        "lost answer": "a final answer that names one number, and the log records 0",
        "another number": "a final answer that names one number, and the log records another",
    }
)

_RANGE = re.compile(r"\d\s*[-–—]\s*\d|\bbetween\b", re.IGNORECASE)
_BOUND = re.compile(r"\b(?:at most|up to|less than|fewer than|not exceed|as few)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Difference:
    """One harvest whose recorded number is not what our reader reads; *ours* is None where it is unreadable."""

    month: int
    agent_id: str
    recorded: int
    ours: int | None
    rule: Rule


def differences(log: LogRows) -> Iterator[Difference]:
    """Give every harvest of *log* that our reader reads otherwise than it was recorded, in the order of the log."""
    for month in log.months:
        for row in month.harvests:
            shown = read_interaction(row.interactions[-1]) if row.interactions else None
            answer = shown.completion.text if shown and shown.completion else None
            ours = None if answer is None else read_number(answer)
            if ours != row.asked:
                yield Difference(month.number, row.agent_id, row.asked, ours, _rule(answer, row.asked, ours))


def _rule(answer: str | None, recorded: int, ours: int | None) -> Rule:
    if answer is None:
        return "no completion"
    if ours is not None:
        return "lost answer" if recorded == 0 else "another number"
    if not strip_markup(strip_thinking(answer)):
        return "empty"
    final = final_answer(answer)
    if final is None:
        return "no marker"
    if not final:
        return "nothing after the marker"
    if not any(char.isdigit() for char in final):
        return "no number"
    if _RANGE.search(final):
        return "range"
    return "bound" if _BOUND.search(final) else "several numbers"
