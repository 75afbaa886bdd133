"""Power for survival months and means: drawn from pilot runs, since nothing else is known of how they vary.

Where pilots are few the estimate has a range: the same over resampled pilots.
"""

from collections.abc import Sequence
from math import comb
from typing import Any

from app.analysis.intervals import SEED
from app.analysis.permutation import CLOSE
from app.analysis.power import ALPHA, SLACK, Power, require, smallest_p, unknown
from app.analysis.survival import Time

FEWEST_PILOTS = 3
TRIALS = 400
"""Simulated experiments behind an estimate; its simulation error is at most 2.5 points (one standard error)."""
OUTER, INNER = 100, 60
LABELLINGS = 999

Array = Any  # numpy is imported when it is needed


def power_of_means(pilots: Sequence[float], reference: Sequence[float], n: int, m: int, alpha: float = ALPHA) -> Power:
    """Return the power of the permutation test of means, drawn from pilot runs with replacement, seeded.

    Args:
        pilots: one value a pilot run of the group.
        reference: the same of the reference.
        n: runs of the group that are thought of.
        m: runs of the reference.
        alpha: the level.

    Raises:
        ValueError: for numbers that are none of these.
    """
    require(n, m, alpha)
    return _simulated(list(pilots), list(reference), n, m, alpha, "permutation test of means", _mean_rejections)


def power_of_months(pilots: Sequence[Time], reference: Sequence[Time], n: int, m: int, alpha: float = ALPHA) -> Power:
    """Return the power of the log-rank permutation test, drawn from pilot runs with replacement, seeded.

    Args:
        pilots: of each pilot run the month of its collapse, or the last that was seen, and whether it collapsed.
        reference: the same of the reference.
        n: runs of the group that are thought of.
        m: runs of the reference.
        alpha: the level.

    Raises:
        ValueError: for numbers that are none of these.
    """
    require(n, m, alpha)
    return _simulated(list(pilots), list(reference), n, m, alpha, "log-rank permutation test", _logrank_rejections)


def _simulated(
    pilots: list[Any], reference: list[Any], n: int, m: int, alpha: float, test: str, rejections: Any
) -> Power:
    """Return the share of simulated experiments that a test finds, and its range over resampled pilots."""
    import numpy

    if min(len(pilots), len(reference)) < FEWEST_PILOTS:
        return unknown(n, m, alpha, test, f"needs {FEWEST_PILOTS} complete pilot runs on either side")
    chance = numpy.random.default_rng(SEED)
    labels = _labels(n, m, chance)
    own, other = numpy.asarray(pilots, dtype=float), numpy.asarray(reference, dtype=float)

    def found(mine: Array, theirs: Array, trials: int) -> float:
        picks = (
            mine[chance.integers(len(mine), size=(trials, n))],
            theirs[chance.integers(len(theirs), size=(trials, m))],
        )
        return float(rejections(numpy.concatenate(picks, axis=1), labels, n, alpha).mean())

    value = found(own, other, TRIALS)
    note = f"drawn from {len(pilots)} and {len(reference)} pilot runs, {TRIALS} simulated experiments"
    alike = [name for name, side in (("group", own), ("reference", other)) if len(numpy.unique(side, axis=0)) == 1]
    if alike:
        # Resampled, runs that are all the same stay the same, which would pass for certainty.
        note = f"{note}; all pilots of the {' and of the '.join(alike)} are alike: how much they vary is not known"
    low: float | None = None
    high: float | None = None
    if len(alike) < 2:
        spread = [found(_again(own, chance), _again(other, chance), INNER) for _ in range(OUTER)]
        low, high = (float(bound) for bound in numpy.quantile(spread, [0.025, 0.975]))
        low, high = min(low, value), max(high, value)
    return Power(
        value=value,
        low=low,
        high=high,
        n=n,
        m=m,
        alpha=alpha,
        test=test,
        smallest=smallest_p(n, m, drawn=True),
        note=note,
    )


def _again(side: Array, chance: Array) -> Array:
    """Return as many pilots of a side, drawn with replacement."""
    return side[chance.integers(len(side), size=len(side))]


def _labels(n: int, m: int, chance: Array) -> Array:
    """Return labellings as rows of zeros and ones, the observed one first: all where there are few, else drawn ones."""
    from itertools import combinations

    import numpy

    if comb(n + m, n) <= LABELLINGS:
        rows = numpy.zeros((comb(n + m, n), n + m))
        for row, members in enumerate(combinations(range(n + m), n)):
            rows[row, list(members)] = 1.0
        return rows
    ranks = chance.random((LABELLINGS, n + m)).argsort(axis=1)
    first = numpy.concatenate([numpy.ones(n), numpy.zeros(m)])
    return numpy.concatenate([first[None, :], (ranks < n).astype(float)])


def _small(statistics: Array, alpha: float) -> Array:
    """Tell for each column whether its first statistic is so large that p is at most *alpha*.

    The first labelling is the observed one, so that drawn ones give (b + 1) / (B + 1).
    """
    import numpy

    observed = statistics[0]
    reached = statistics >= observed - CLOSE * numpy.maximum(1.0, numpy.abs(observed))
    return reached.mean(axis=0) <= alpha + SLACK


def _mean_rejections(values: Array, labels: Array, n: int, alpha: float) -> Array:
    """Tell for each row of *values*, n of the group first, whether the test of means rejects."""
    import numpy

    m = values.shape[1] - n
    sums = labels @ values.T
    return _small(numpy.abs(sums / n - (values.sum(axis=1) - sums) / m), alpha)


def _logrank_rejections(times: Array, labels: Array, n: int, alpha: float) -> Array:
    """Tell for each experiment (its runs as month and collapse), n of the group first, whether the test rejects."""
    import numpy

    ends, collapsed = times[:, :, 0], times[:, :, 1] > 0
    gap = numpy.zeros((len(labels), len(ends)))
    spread = numpy.zeros_like(gap)
    for month in numpy.unique(ends[collapsed]):
        risk = (ends >= month).astype(float)
        event = (collapsed & (ends == month)).astype(float)
        r, d = risk.sum(axis=1), event.sum(axis=1)
        share = (labels @ risk.T) / numpy.maximum(r, 1)
        gap += labels @ event.T - share * d
        spread += share * (1 - share) * (d * (r - d) / numpy.maximum(r - 1, 1))
    found = numpy.divide(gap**2, spread, out=numpy.zeros_like(gap), where=spread > CLOSE)
    return _small(found, alpha)
