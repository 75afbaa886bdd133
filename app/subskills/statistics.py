"""Shares with intervals that know repeated prompts, and two models on the same prompts. Plain numbers in and out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import comb, sqrt

from app.analysis.intervals import Z95, wilson
from app.commons.frozen import Frozen


class Share(Frozen):
    """A share of `total` answers in `prompts` different prompts, with its 95 % interval; null without answers.

    `effective` is the effective number of answers: what `total` is worth when equal prompts get equal answers.
    """

    passed: int
    total: int
    prompts: int
    share: float | None
    low: float | None
    high: float | None
    effective: float


class Paired(Frozen):
    """Two models on the same prompts, each prompt once: how many both, one or neither passed, and McNemar's exact p."""

    pairs: int
    both: int
    only_first: int
    only_second: int
    neither: int
    difference: float | None
    p: float | None


def clustered_share(answers: Iterable[tuple[str, bool]]) -> Share:
    """Return the share of answers that passed, given (prompt, passed) of each, with an interval clustered by prompt.

    Wilson's interval with the effective sample size in place of n (Franco, Little, Louis and Slud 2019, Journal of
    Survey Statistics and Methodology 7(3), 334-364; Dean and Pagano 2015, same journal 3(4), 484-503):

        v     = G / (G - 1) * sum over prompts c of (sum over answers i in c of (x_i - p))^2 / n^2
        deff  = v / (p (1 - p) / n), at least 1
        n_eff = n / deff

    with p the share, n answers, G different prompts. v is the variance of a ratio estimator under cluster sampling
    (linearisation). Where v says nothing (p is 0 or 1, or one prompt only), equal prompts count as wholly dependent:
    n_eff = n^2 / sum of m_c^2 (Kish 1965), m_c being the number of answers to prompt c.
    """
    clusters: dict[str, list[bool]] = defaultdict(list)
    for prompt, passed in answers:
        clusters[prompt].append(passed)
    total = sum(map(len, clusters.values()))
    passes = sum(map(sum, clusters.values()))
    if not total:
        return Share(passed=0, total=0, prompts=0, share=None, low=None, high=None, effective=0.0)
    share = passes / total
    effective = _effective(list(clusters.values()), share, total)
    low, high = wilson(share, effective)
    return Share(
        passed=passes, total=total, prompts=len(clusters), share=share, low=low, high=high, effective=effective
    )


def normal_interval(passed: int, total: int) -> tuple[float, float]:
    """Return the 95 % normal-approximation interval, cut to 0..1: what the research code's result files hold."""
    share = passed / total
    half = Z95 * sqrt(share * (1 - share) / total)
    return max(0.0, share - half), min(1.0, share + half)


def mcnemar(first: Mapping[str, bool], second: Mapping[str, bool]) -> Paired:
    """Compare two models on the prompts both have answered, given whether each passed.

    McNemar's exact test: with b prompts that only the first passed and c that only the second passed,
    p = min(1, 2 P(X <= min(b, c))), X binomial with b + c trials of 1/2 (Agresti, Categorical Data Analysis, 10.1).
    p is 1 where they differ nowhere, None without pairs.
    """
    common = first.keys() & second.keys()
    both = sum(first[prompt] and second[prompt] for prompt in common)
    only_first = sum(first[prompt] and not second[prompt] for prompt in common)
    only_second = sum(second[prompt] and not first[prompt] for prompt in common)
    return Paired(
        pairs=len(common),
        both=both,
        only_first=only_first,
        only_second=only_second,
        neither=len(common) - both - only_first - only_second,
        difference=(only_first - only_second) / len(common) if common else None,
        p=_two_sided(only_first, only_second) if common else None,
    )


def _effective(clusters: Sequence[Sequence[bool]], share: float, total: int) -> float:
    if 0 < share < 1 and len(clusters) > 1:
        spread = sum((sum(answers) - share * len(answers)) ** 2 for answers in clusters)
        variance = len(clusters) / (len(clusters) - 1) * spread / total**2
        return total / max(1.0, variance / (share * (1 - share) / total))
    return total**2 / sum(len(answers) ** 2 for answers in clusters)


def _two_sided(b: int, c: int) -> float:
    tail: int = sum(comb(b + c, k) for k in range(min(b, c) + 1))
    return min(1.0, 2 * tail / (1 << (b + c)))
