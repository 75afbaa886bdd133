"""Shares and means with 95 % intervals, and the differences between two groups. Plain numbers in and out.

The run is the unit: a value is a run's, never an agent's or a month's. docs/comparison.md lists formulas and sources.
"""

from collections.abc import Sequence
from math import fsum, inf, sqrt
from typing import Literal

from app.commons.frozen import Frozen

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
FEWEST = 3
"""Fewer runs are shown as they are, without an interval."""
FEWEST_BOOTSTRAP = 10
RESAMPLES = 9_999
SEED = 20_240_424
"""Of every random number of a comparison, so that the same runs give the same numbers."""

Method = Literal["t", "bca"]
Span = tuple[float, float]
ANY: Span = (-inf, inf)


class Estimate(Frozen):
    """A number with its 95 % interval; `n` runs are behind it. `note` says why there is no interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    note: str | None = None


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a share of *n* (Wilson 1927); *n* need not be whole."""
    z2 = Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half) if share > 0 else 0.0, min(1.0, middle + half) if share < 1 else 1.0


def rate(successes: int, n: int) -> Estimate:
    """Return a share of *n* runs with Wilson's interval; without an interval below three runs."""
    if n == 0:
        return Estimate(value=None, n=0, note="no complete run")
    if n < FEWEST:
        return Estimate(value=successes / n, n=n, note=few(n))
    low, high = wilson(successes / n, n)
    return Estimate(value=successes / n, low=low, high=high, n=n)


def mean(values: Sequence[float], span: Span = ANY, method: Method = "t") -> Estimate:
    """Return the mean of one value a run with its interval, clipped to *span*, the values it can take.

    *t*: Student's interval on run means. *bca*: the bias-corrected and accelerated bootstrap (Efron 1987), seeded, from
    ten runs on; below that Student's. Values that do not vary have no interval, and the note says so.
    """
    n = len(values)
    if n == 0:
        return Estimate(value=None, n=0, note="not defined")
    middle = fsum(values) / n
    if n < FEWEST:
        return Estimate(value=middle, n=n, note=few(n))
    if constant(values):
        return Estimate(value=values[0], n=n, note=f"no variation, n = {n}")
    if method == "bca" and n >= FEWEST_BOOTSTRAP:
        low, high = _bootstrapped(values)
    else:
        half = t_quantile(n - 1) * sqrt(variance(values) / n)
        low, high = middle - half, middle + half
    return Estimate(value=middle, low=max(low, span[0]), high=min(high, span[1]), n=n)


def few(n: int) -> str:
    """Say why so few runs have no interval."""
    return f"n = {n}, no interval"


def constant(values: Sequence[float]) -> bool:
    """Tell whether all *values* are equal, but for rounding."""
    return max(values) - min(values) <= 1e-12 * max(1.0, abs(values[0]))


def variance(values: Sequence[float]) -> float:
    """Return the sample variance (n - 1)."""
    middle = fsum(values) / len(values)
    return fsum((value - middle) ** 2 for value in values) / (len(values) - 1)


def t_quantile(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t with *freedom* degrees of freedom."""
    from scipy.special import stdtrit  # a third of a second that other pages need not wait for

    return float(stdtrit(freedom, 0.975))


def _bootstrapped(values: Sequence[float]) -> tuple[float, float]:
    import numpy
    from scipy.stats import bootstrap

    found = bootstrap(
        (numpy.asarray(values, dtype=float),),
        numpy.mean,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=numpy.random.default_rng(SEED),
    ).confidence_interval
    return float(found.low), float(found.high)


class Shares(Frozen):
    """Successes of two groups within one stratum."""

    successes: int
    n: int
    reference_successes: int
    reference_n: int


def rate_difference(strata: Sequence[Shares]) -> Estimate:
    """Return the difference of two shares, group minus reference, with Newcombe's hybrid score interval (method 10).

    Over several strata it is the weighted sum of the strata's differences, with the weights of Mantel and Haenszel,
    n m / (n + m), and the interval puts together Wilson's intervals of all shares (MOVER; Zou and Donner 2008); with
    one stratum that is Newcombe's (1998). Strata without runs of both groups say nothing and are left out.
    """
    used = [one for one in strata if one.n and one.reference_n]
    n = sum(one.n + one.reference_n for one in used)
    if not used:
        return Estimate(value=None, n=0, note="no runs to compare")
    value, below, above = 0.0, 0.0, 0.0
    for one, weight in zip(used, weights([(one.n, one.reference_n) for one in used]), strict=True):
        share, other = one.successes / one.n, one.reference_successes / one.reference_n
        low, high = wilson(share, one.n)
        other_low, other_high = wilson(other, one.reference_n)
        value += weight * (share - other)
        below += weight**2 * ((share - low) ** 2 + (other_high - other) ** 2)
        above += weight**2 * ((high - share) ** 2 + (other - other_low) ** 2)
    fewest = min(sum(one.n for one in used), sum(one.reference_n for one in used))
    if fewest < FEWEST:
        return Estimate(value=value, n=n, note=few(fewest))
    return Estimate(value=value, low=max(-1.0, value - sqrt(below)), high=min(1.0, value + sqrt(above)), n=n)


Values = tuple[Sequence[float], Sequence[float]]


def mean_difference(strata: Sequence[Values], span: Span = ANY) -> Estimate:
    """Return the difference of two means, group minus reference, with Welch's t interval, clipped to *span*.

    Each stratum gives the run values of the group and of the reference. Over several strata the differences are
    weighted like those of shares, and the degrees of freedom are Satterthwaite's over all variances (Welch 1947).
    """
    used = [(group, reference) for group, reference in strata if group and reference]
    if not used:
        return Estimate(value=None, n=0, note="no runs to compare")
    value, spread, denominator = 0.0, 0.0, 0.0
    n = sum(len(group) + len(reference) for group, reference in used)
    parts = weights([(len(group), len(reference)) for group, reference in used])
    for (group, reference), weight in zip(used, parts, strict=True):
        value += weight * (fsum(group) / len(group) - fsum(reference) / len(reference))
        for values in (group, reference):
            if len(values) > 1:
                part = weight**2 * variance(values) / len(values)
                spread += part
                denominator += part**2 / (len(values) - 1)
    fewest = min(len(values) for pair in used for values in pair)
    if fewest < 2 or min(sum(len(pair[side]) for pair in used) for side in (0, 1)) < FEWEST:
        return Estimate(value=value, n=n, note="too few runs, no interval")
    if spread <= 1e-24 * max(1.0, value**2):
        return Estimate(value=value, n=n, note="no variation on either side")
    half = t_quantile(spread**2 / denominator) * sqrt(spread)
    return Estimate(value=value, low=max(span[0], value - half), high=min(span[1], value + half), n=n)


def weights(sizes: Sequence[tuple[int, int]]) -> list[float]:
    """Return the weight of each stratum, given how many runs each side has there: n m / (n + m), summing to 1."""
    raw = [one * other / (one + other) for one, other in sizes]
    total = sum(raw)
    return [weight / total for weight in raw]
