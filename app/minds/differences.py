"""Where one wording differs from another, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from app.models.base import Message, Segment

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Part:
    """A stretch of text, and whether the other wording says it otherwise."""

    text: str
    changed: bool


def compared(messages: Sequence[Message], others: Sequence[Message]) -> list[list[tuple[Segment, tuple[Part, ...]]]]:
    """Return the segments of *messages*, message by message, in parts: what *others* say otherwise, and the rest.

    The texts of the parts of a segment, joined, are its text.
    """
    found = []
    for index, message in enumerate(messages):
        others_here = others[index].segments if index < len(others) else ()
        found.append(
            [
                (segment, parts(segment.text, others_here[place].text if place < len(others_here) else ""))
                for place, segment in enumerate(message.segments)
            ]
        )
    return found


def parts(text: str, other: str) -> tuple[Part, ...]:
    """Return *text* in stretches that *other* has as well and stretches that it has not."""
    words, others = _WORD.findall(text), _WORD.findall(other)
    same = [False] * len(words)
    for start, _, length in SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks():
        same[start : start + length] = [True] * length
    for place in range(1, len(words) - 1):
        # The space between two changed words belongs to them; one beside an unchanged word to that.
        if words[place].isspace():
            same[place] = same[place - 1] or same[place + 1]
    stretches = groupby(zip(same, words, strict=True), key=lambda item: item[0])
    return tuple(Part("".join(word for _, word in stretch), not alike) for alike, stretch in stretches)
