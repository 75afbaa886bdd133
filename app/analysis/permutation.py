"""Permutation tests of two groups of runs, stratified, exact where that is quick.

Under the hypothesis that nothing distinguishes the groups, who is in which is an accident of labels: the labels are
exchanged within each stratum, and p is the share of labellings whose statistic is at least as extreme (two-sided).
"""

from collections.abc import Callable, Sequence
from math import comb, prod
from typing import Any

from pydantic import Field

from app.analysis.intervals import SEED
from app.commons.frozen import Frozen

MOST_EXACT = 20_000
DRAWS = 9_999
CLOSE = 1e-9

Array = Any  # numpy is imported when a test is made, not before


class Test(Frozen):
    """A p value: `exact`, over all labellings, or from seeded draws; `smallest` is the least p that n allows."""

    p: float | None
    exact: bool
    labellings: int = Field(description="how many labellings p rests on")
    smallest: float | None = Field(default=None, description="no smaller p exists with so few runs")


NO_TEST = Test(p=None, exact=True, labellings=0)


class Labels:
    """All labellings of runs as group or reference within strata, or a seeded sample of them.

    Args:
        strata: for each stratum, whether each of its runs belongs to the group.
    """

    def __init__(self, strata: Sequence[Sequence[bool]]) -> None:
        import numpy

        self.own = numpy.array([member for stratum in strata for member in stratum], dtype=float)
        self.strata = numpy.repeat(numpy.arange(len(strata)), [len(stratum) for stratum in strata])
        self.possible = prod(comb(len(stratum), sum(stratum)) for stratum in strata)
        self.exact = self.possible <= MOST_EXACT
        self.matrix = _every(strata) if self.exact else _drawn(strata)

    def test(self, statistic: Callable[[Array], Array]) -> Test:
        """Return the test of *statistic*, which takes labellings (rows) and gives one number a row; larger says more.

        With drawn labellings p = (b + 1) / (B + 1), the observed one counted among them (Davison and Hinkley 1997).
        """
        if self.possible <= 1:
            return NO_TEST
        observed = statistic(self.own[None, :])[0]
        found = statistic(self.matrix)
        at_least = _count(found, observed)
        if self.exact:
            return Test(
                p=at_least / self.possible,
                exact=True,
                labellings=self.possible,
                smallest=_count(found, found.max()) / self.possible,
            )
        return Test(p=(at_least + 1) / (DRAWS + 1), exact=False, labellings=DRAWS)


class Shuffles:
    """Labellings by the sizes of their strata: drawn once for all tests of a comparison that need the same ones."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[int, int], ...], Labels] = {}

    def labels(self, sizes: Sequence[tuple[int, int]]) -> Labels:
        """Return the labellings of strata with so many runs of the group, listed first, and of the reference."""
        key = tuple(size for size in sizes if sum(size))
        if key not in self._known:
            self._known[key] = Labels([[True] * own + [False] * other for own, other in key])
        return self._known[key]


def _count(found: Array, bound: float) -> int:
    """Return how many statistics reach *bound*, but for rounding."""
    return int((found >= bound - CLOSE * max(1.0, abs(bound))).sum())


def _every(strata: Sequence[Sequence[bool]]) -> Array:
    """Return every labelling as a row of zeros and ones."""
    from itertools import combinations

    import numpy

    rows = numpy.zeros((1, 0))
    for stratum in strata:
        chosen = list(combinations(range(len(stratum)), sum(stratum)))
        part = numpy.zeros((len(chosen), len(stratum)))
        for row, members in enumerate(chosen):
            part[row, list(members)] = 1.0
        rows = numpy.hstack([numpy.repeat(rows, len(part), axis=0), numpy.tile(part, (len(rows), 1))])
    return rows


def _drawn(strata: Sequence[Sequence[bool]]) -> Array:
    import numpy

    chance = numpy.random.default_rng(SEED)
    parts = []
    for stratum in strata:
        ranks = chance.random((DRAWS, len(stratum))).argsort(axis=1)
        parts.append((ranks < sum(stratum)).astype(float))
    return numpy.hstack(parts)


def mean_statistic(values: Sequence[float], labels: Labels) -> Callable[[Array], Array]:
    """Return the absolute weighted difference of means as a statistic; the weights are those of `mean_difference`."""
    import numpy

    taken = numpy.asarray(values, dtype=float)
    sizes = []
    for stratum in range(int(labels.strata[-1]) + 1 if len(labels.strata) else 0):
        inside = labels.strata == stratum
        own = float(labels.own[inside].sum())
        sizes.append((inside, own, float(inside.sum()) - own))
    raw = [own * other / (own + other) for _, own, other in sizes]

    def statistic(rows: Array) -> Array:
        total = numpy.zeros(len(rows))
        for (inside, own, other), weight in zip(sizes, raw, strict=True):
            if own and other:
                sums = rows[:, inside] @ taken[inside]
                total += weight * (sums / own - (taken[inside].sum() - sums) / other)
        return numpy.abs(total) / sum(raw)

    return statistic


def logrank_statistic(times: Sequence[tuple[int, bool]], labels: Labels) -> Callable[[Array], Array]:
    """Return the stratified log-rank statistic (Mantel 1966; Peto and Peto 1972): (sum of O - E)^2 / sum of V.

    Per month with d collapses among r at risk, r_1 of them of the group: E = d r_1 / r and
    V = d (r_1 / r) (1 - r_1 / r) (r - d) / (r - 1).
    """
    import numpy

    ends = numpy.array([time for time, _ in times], dtype=float)
    collapsed = numpy.array([collapse for _, collapse in times], dtype=bool)
    months = []
    for stratum in range(int(labels.strata[-1]) + 1 if len(labels.strata) else 0):
        inside = labels.strata == stratum
        for month in sorted({float(end) for end in ends[inside & collapsed]}):
            risk = (inside & (ends >= month)).astype(float)
            event = (inside & collapsed & (ends == month)).astype(float)
            months.append((risk, event))

    risks, events = (numpy.array([month[side] for month in months]).T for side in (0, 1))
    r, d = risks.sum(axis=0), events.sum(axis=0)

    def statistic(rows: Array) -> Array:
        if not months:
            return numpy.zeros(len(rows))
        share = rows @ (risks / r)
        gap = rows @ events.sum(axis=1) - share @ d
        spread = (share * (1 - share)) @ (d * (r - d) / numpy.maximum(r - 1, 1))
        return numpy.divide(gap**2, spread, out=numpy.zeros(len(rows)), where=spread > 0)

    return statistic


def fisher(successes: int, n: int, reference_successes: int, reference_n: int) -> float | None:
    """Return the two-sided p of Fisher's exact test (1935); None where a group is empty."""
    if not n or not reference_n:
        return None
    total, won = n + reference_n, successes + reference_successes
    ways = [comb(n, k) * comb(reference_n, won - k) for k in range(max(0, won - reference_n), min(n, won) + 1)]
    observed = comb(n, successes) * comb(reference_n, reference_successes)
    return sum(count for count in ways if count <= observed) / comb(total, won)


def holm(p_values: Sequence[float | None], family: int = 0) -> list[float | None]:
    """Return p values adjusted by Holm's step-down procedure (1979), in the given order; None stays None.

    Args:
        p_values: of the tests that are known.
        family: how many tests there are, where not all of them are known: those that are missing count as the least
            significant, so that no adjusted p is smaller than it would be if all were known.
    """
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    tests, largest = max(len(known), family), 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, p * (tests - rank)))
        adjusted[index] = largest
    return adjusted
