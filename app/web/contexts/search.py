"""The declared variables of pages/search.html."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.store.search import Hit
from app.web.contexts.rows import RunRow


@dataclass(frozen=True)
class FoundPlace:
    """A place that matched: where it opens, what it is in a word, and the text."""

    href: str
    kind: str
    hit: Hit


@dataclass(frozen=True)
class FoundRun:
    """A run that matched: its row, its owner's tags, its best places, how many there are, and where all are listed."""

    row: RunRow
    tags: Sequence[str]
    places: Sequence[FoundPlace]
    total: int
    more: str | None


@dataclass(frozen=True)
class SearchPage:
    """pages/search.html.

    Attributes:
        runs: a page of the runs that hold the words, the best first.
        total: how many runs do.
        searched: whether anything was asked for.
        capped: whether not all was looked at, because the words stand in so many places.
        unindexed: how many runs are not searched yet.
        chosen: the search as it is, as query parameters.
        kinds: kinds of text, by their names in addresses.
        values: what can be chosen in each filter.
        within: the title of the one run that is searched, if it is one.
        any_runs: whether there are any runs at all.
        previous: the page before, if any.
        following: the page after, if any.
        json: the API's twin.
    """

    runs: Sequence[FoundRun]
    total: int
    searched: bool
    capped: bool
    unindexed: int
    chosen: Mapping[str, str]
    kinds: Sequence[tuple[str, str]]
    values: Mapping[str, Sequence[tuple[str, str]]]
    within: str | None
    any_runs: bool
    previous: str | None
    following: str | None
    json: str
