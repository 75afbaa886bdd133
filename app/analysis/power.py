"""What a number of runs can show, before any is played: the smallest p there is, and the chance to find a difference.

Survival rates are exact: every outcome of two binomials is weighed with Fisher's verdict on it. Where the rates come
from few pilots the estimate has a range: what else these pilots could have come from. Months and means are in
`app.analysis.power_pilots`.
"""

from functools import lru_cache
from math import comb
from typing import Any

from pydantic import Field

from app.analysis.intervals import SEED
from app.analysis.permutation import DRAWS, MOST_EXACT, fisher
from app.commons.frozen import Frozen

ALPHA = 0.05
MOST = 200
"""More runs a group are not looked at."""
SLACK = 1e-12

Array = Any  # numpy is imported when it is needed


class Power(Frozen):
    """The chance that a test at `alpha` finds the difference that is there, with so many runs a group.

    `low` and `high` hold the middle 95 % of what the pilots allow; None where the rates were assumed, or pilots are too
    few, or all alike on both sides. `note` says what it rests on.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    m: int
    alpha: float
    test: str
    smallest: float = Field(description="the smallest two-sided p that n against m runs can give")
    note: str


def smallest_p(n: int, m: int, *, drawn: bool = False) -> float:
    """Return the smallest two-sided p that *n* against *m* runs can give.

    Both Fisher's exact test and a permutation test count labellings: of the C(n + m, n) there are, one is the most
    extreme, and with n = m its mirror image is as extreme.

    Args:
        n: runs of the group, at least 1.
        m: runs of the reference, at least 1.
        drawn: of a permutation test as comparisons make it: with more than 20,000 labellings 9,999 are drawn, and no p
            lies below 1 / 10,000.

    Raises:
        ValueError: if there are no runs.
    """
    if n < 1 or m < 1:
        raise ValueError("each side needs at least one run")
    ways = comb(n + m, n)
    if drawn and ways > MOST_EXACT:
        return 1 / (DRAWS + 1)
    return (2 if n == m else 1) / ways


def smallest_p_said(n: int, m: int) -> str:
    """Say what *n* against *m* runs can show at best: "With 5 against 5 runs no two-sided p below 0.0079 exists."."""
    p = smallest_p(n, m)
    text = f"{p:.2g}" if p >= 0.0001 else "0.0001"
    said = f"With {n} against {m} runs no two-sided p below {text} exists"
    if p > ALPHA:
        return f"{said}: no difference, however large, can reach {ALPHA}."
    return f"{said}." if p >= 0.0001 else f"With {n} against {m} runs two-sided p can be smaller than 0.0001."


def power_of_rates(rate: float, reference: float, n: int, m: int, alpha: float = ALPHA) -> Power:
    """Return the power of Fisher's exact test for two assumed survival rates: exact, without simulation.

    Args:
        rate: of the group, 0 to 1.
        reference: of the reference, 0 to 1.
        n: runs of the group.
        m: runs of the reference.
        alpha: the level.

    Raises:
        ValueError: for numbers that are none of these.
    """
    require(n, m, alpha)
    if not (0 <= rate <= 1 and 0 <= reference <= 1):
        raise ValueError("a survival rate lies between 0 and 1")
    return Power(
        value=_chance(rate, reference, n, m, alpha),
        n=n,
        m=m,
        alpha=alpha,
        test="Fisher's exact test",
        smallest=smallest_p(n, m),
        note=f"if the true survival rates are {rate:.0%} and {reference:.0%}",
    )


def power_from_rates(
    survived: int, pilots: int, reference_survived: int, reference_pilots: int, n: int, m: int, alpha: float = ALPHA
) -> Power:
    """Return the power of Fisher's exact test if the pilots' survival rates are the true ones.

    The range takes true rates from Jeffreys' posterior of each rate, Beta(s + 1/2, k - s + 1/2) (Brown, Cai and
    DasGupta 2001), 1,000 seeded draws.

    Args:
        survived: pilots of the group that survived, of *pilots* complete ones.
        pilots: how many there were.
        reference_survived: the same of the reference.
        reference_pilots: the same of the reference.
        n: runs of the group that are thought of.
        m: runs of the reference.
        alpha: the level.

    Raises:
        ValueError: for numbers that are none of these.
    """
    import numpy

    require(n, m, alpha)
    if not (0 <= survived <= pilots and 0 <= reference_survived <= reference_pilots):
        raise ValueError("more pilots survived than there were")
    if not pilots or not reference_pilots:
        return unknown(n, m, alpha, "Fisher's exact test", "no complete pilot run on one side")
    chance = numpy.random.default_rng(SEED)
    own = chance.beta(survived + 0.5, pilots - survived + 0.5, 1000)
    other = chance.beta(reference_survived + 0.5, reference_pilots - reference_survived + 0.5, 1000)
    found = [_chance(float(one), float(two), n, m, alpha) for one, two in zip(own, other, strict=True)]
    low, high = numpy.quantile(found, [0.025, 0.975])
    value = _chance(survived / pilots, reference_survived / reference_pilots, n, m, alpha)
    return Power(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=n,
        m=m,
        alpha=alpha,
        test="Fisher's exact test",
        smallest=smallest_p(n, m),
        note=f"from {survived} of {pilots} and {reference_survived} of {reference_pilots} pilot runs that survived",
    )


def require(n: int, m: int, alpha: float) -> None:
    """Refuse numbers of runs and levels that are none.

    Raises:
        ValueError: with a sentence.
    """
    if not (1 <= n <= MOST and 1 <= m <= MOST):
        raise ValueError(f"1 to {MOST} runs a group")
    if not 0 < alpha < 1:
        raise ValueError("a level lies between 0 and 1")


def unknown(n: int, m: int, alpha: float, test: str, note: str) -> Power:
    """Return that nothing can be said of the power; *note* says why."""
    return Power(value=None, n=n, m=m, alpha=alpha, test=test, smallest=smallest_p(n, m), note=note)


def _chance(rate: float, reference: float, n: int, m: int, alpha: float) -> float:
    """Return the chance that Fisher's p is at most *alpha*: the sum over all outcomes of two binomials."""
    own, other = _binomial(n, rate), _binomial(m, reference)
    found = sum(
        own[one] * sum(other[low:high]) for one, spans in enumerate(_rejected(n, m, alpha)) for low, high in spans
    )
    return min(1.0, found)


def _binomial(n: int, rate: float) -> list[float]:
    return [comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)]


@lru_cache(maxsize=64)
def _rejected(n: int, m: int, alpha: float) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return, by how many of *n* survive, the spans of the numbers of *m* for which Fisher's p is at most *alpha*."""
    rows = []
    for one in range(n + 1):
        small = [(fisher(one, n, other, m) or 0.0) <= alpha + SLACK for other in range(m + 1)]
        edges = [k for k in range(m + 2) if (k <= m and small[k]) != (k > 0 and small[k - 1])]
        rows.append(tuple(zip(edges[::2], edges[1::2], strict=True)))
    return tuple(rows)
