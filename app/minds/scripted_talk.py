"""The plain sentences of scripted minds, and how they are read back.

Both live here because they belong together: `stance` reads what `propose` and `agree` say. A limit counts as agreed
when more than half of those who spoke stand behind the same number, by their last word on it.
"""

import re
from collections.abc import Iterable, Sequence
from random import Random

from app.commons.minds import Contribution
from app.commons.scenario import Words, amount

_STANCE = re.compile(r"\bat most (\d+)\b|\bagree to (\d+)\b")


def propose(limit: int, words: Words, rng: Random) -> str:
    """Propose a limit for every agent."""
    if limit == 0:
        return f"I propose that we leave the {words.place} alone for a month: at most 0 for everybody."
    what = amount(words, limit)
    return rng.choice(
        (
            f"I propose that each of us should {words.take} at most {what} next month.",
            f"Let us each {words.take} at most {what} next month, so that the {words.place} can keep up.",
            f"If every one of us keeps to at most {what}, the {words.place} will be as full again in a month.",
        )
    )


def agree(limit: int, words: Words, rng: Random) -> str:
    """Agree to a limit."""
    if limit == 0:
        return "It hurts, but I agree to 0 next month."
    what = amount(words, limit)
    return rng.choice(
        (
            f"I agree to {what} each.",
            f"That is fair, and I can live with it. I agree to {what} each.",
            f"Better a little every month than nothing for ever. I agree to {what} each.",
            f"Fine with me: I agree to {limit}, as long as everybody does.",
            f"I can do with that. I agree to {what} each.",
        )
    )


def stance(text: str) -> int | None:
    """Return the limit that a contribution proposes or agrees to; the last one it names, or None."""
    found = None
    for match in _STANCE.finditer(text):
        found = int(match.group(1) or match.group(2))
    return found


def stances(lines: Iterable[Contribution], names: Sequence[str]) -> dict[str, int | None]:
    """Return the last word on a limit of each of *names* who spoke; None for those who named none."""
    found: dict[str, int | None] = {}
    for line in lines:
        if line.speaker in names and not line.report:
            said = stance(line.text)
            found[line.speaker] = said if said is not None else found.get(line.speaker)
    return found


def agreed(lines: Iterable[Contribution], names: Sequence[str]) -> int | None:
    """Return the limit that more than half of those who spoke stand behind, or None."""
    said = stances(lines, names)
    for limit in sorted({limit for limit in said.values() if limit is not None}):
        if sum(other == limit for other in said.values()) * 2 > len(said):
            return limit
    return None
