"""What of a text a result shows: the stretch around the first match, with what matched marked."""

from collections.abc import Sequence

from app.store.search_query import Term, matches
from app.store.search_words import pieces

Stretch = tuple[str, bool]
"""Some text, and whether it matched."""

BEFORE, AFTER = 80, 200
"""Signs that are shown before and after the first match."""


def marked(source: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where (start, end) what is wanted of *terms* stands in a text, in order."""
    found = pieces(source)
    words = [piece.word for piece in found]
    spans = []
    for at in range(len(found)):
        for term in terms:
            if term.wanted and matches(term, words, at):
                spans.append((found[at].start, found[at + len(term.words) - 1].end))
    return sorted(spans)


def score(source: str, terms: Sequence[Term]) -> int:
    """Return how many of the wanted *terms* a text holds."""
    words = [piece.word for piece in pieces(source)]
    return sum(any(matches(term, words, at) for at in range(len(words))) for term in terms if term.wanted)


def snippet(source: str, terms: Sequence[Term]) -> list[Stretch]:
    """Return the stretch of a text to show, cut between words, with an ellipsis where something is left out."""
    spans = marked(source, terms)
    middle = spans[0] if spans else (0, 0)
    start, end = max(0, middle[0] - BEFORE), min(len(source), middle[1] + AFTER)
    start, end = _whole_words(source, start, end, middle)
    shown: list[Stretch] = [("…", False)] if start else []
    at = start
    for left, right in spans:
        if left < at or right > end:
            continue
        shown += [(source[at:left], False), (source[left:right], True)]
        at = right
    shown.append((source[at:end] + ("…" if end < len(source) else ""), False))
    return [stretch for stretch in shown if stretch[0]]


def _whole_words(source: str, start: int, end: int, middle: tuple[int, int]) -> tuple[int, int]:
    if start and (space := source.find(" ", start, middle[0])) >= 0:
        start = space + 1
    if end < len(source) and (space := source.rfind(" ", middle[1], end)) >= 0:
        end = space
    return start, end
