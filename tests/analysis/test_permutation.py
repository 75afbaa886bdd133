"""Tests against scipy's, and against labellings counted by hand."""

from math import comb

import numpy as np
import pytest
from scipy import stats

from app.analysis.permutation import Labels, fisher, holm, logrank_statistic, mean_statistic
from tests.analysis.test_survival import SIX_MP

PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_mean_test_is_exact_for_few_runs_and_equals_scipys() -> None:
    mine, other = [12.0, 9.0, 8.0, 12.0], [1.0, 3.0, 9.0]
    labels = Labels([[True] * 4 + [False] * 3])
    found = labels.test(mean_statistic(mine + other, labels))
    expected = stats.permutation_test(
        (mine, other),
        lambda x, y, axis: np.abs(np.mean(x, axis) - np.mean(y, axis)),
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    assert (found.p, found.exact, found.labellings) == (pytest.approx(expected), True, comb(7, 4))


def test_five_against_five_allow_no_p_below_8_in_a_thousand() -> None:
    labels = Labels([[True] * 5 + [False] * 5])
    found = labels.test(mean_statistic([12.0, 11, 10, 9, 8, 1, 2, 3, 4, 5], labels))
    assert found.p == found.smallest == pytest.approx(2 / 252)


def test_many_runs_are_drawn_the_same_each_time_and_the_observed_labelling_counts() -> None:
    values = [float(value) for value in range(40)]
    labels = Labels([[True] * 20 + [False] * 20])
    found = labels.test(mean_statistic(values, labels))
    assert (found.p, found.exact, found.labellings) == (1 / 10_000, False, 9_999)
    noise = np.random.default_rng(1).normal(size=40).tolist()
    drawn = labels.test(mean_statistic(noise, labels)).p
    again = Labels([[True] * 20 + [False] * 20])
    assert again.test(mean_statistic(noise, again)).p == drawn
    assert drawn == pytest.approx(stats.ttest_ind(noise[:20], noise[20:]).pvalue, abs=0.03)


def test_strata_exchange_labels_only_within_themselves() -> None:
    # Within each scenario the group has more; across scenarios it has less.
    strata = [[True, False], [True, False, False], [True, False]]
    labels = Labels(strata)
    assert (labels.possible, labels.exact) == (2 * 3 * 2, True)
    values = [3.0, 2.0, 13.0, 12.0, 11.0, 23.0, 22.0]
    found = labels.test(mean_statistic(values, labels))
    # Weights 1/2, 2/3, 1/2. Of the 12 labellings only the observed one and its mirror (every group member the least)
    # reach |1/2 * 1 + 2/3 * 1.5 + 1/2 * 1| = 2.
    assert found.p == pytest.approx(2 / 12)


def test_the_log_rank_statistic_is_scipys() -> None:
    times = [*SIX_MP, *((month, True) for month in PLACEBO)]
    labels = Labels([[True] * 21 + [False] * 21])
    value = logrank_statistic(times, labels)(labels.own[None, :])[0]
    data = stats.CensoredData(
        uncensored=[time for time, gone in SIX_MP if gone], right=[time for time, gone in SIX_MP if not gone]
    )
    expected = stats.logrank(data, stats.CensoredData(uncensored=PLACEBO))
    assert value == pytest.approx(expected.statistic**2)
    # Kleinbaum and Klein give 16.793 for these data.
    assert value == pytest.approx(16.793, abs=5e-4)
    p = labels.test(logrank_statistic(times, labels)).p
    assert p is not None and p < 0.001


def test_a_log_rank_test_without_any_collapse_says_nothing() -> None:
    labels = Labels([[True] * 3 + [False] * 3])
    assert labels.test(logrank_statistic([(12, False)] * 6, labels)).p == 1


def test_one_possible_labelling_is_no_test() -> None:
    labels = Labels([[True, True]])
    assert labels.test(mean_statistic([1.0, 2.0], labels)).p is None


@pytest.mark.parametrize("table", [(2, 4, 1, 6), (5, 5, 0, 5), (0, 3, 0, 4), (7, 20, 12, 18), (1, 1, 0, 1)])
def test_fishers_test_is_scipys(table: tuple[int, int, int, int]) -> None:
    successes, n, other, other_n = table
    expected = stats.fisher_exact([[successes, n - successes], [other, other_n - other]]).pvalue
    assert fisher(*table) == pytest.approx(float(expected))


def test_holm_steps_down_and_never_lets_a_larger_p_become_the_smaller() -> None:
    # Holm (1979) by hand: 0.005 * 4, 0.011 * 3, then 0.02 * 2 = 0.04, 0.04 * 1 = 0.04.
    assert holm([0.02, 0.005, None, 0.04, 0.011]) == pytest.approx([0.04, 0.02, None, 0.04, 0.033], nan_ok=True)
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_holm_with_tests_that_are_not_known_is_never_more_lenient_than_with_all() -> None:
    assert holm([0.01], 4) == [pytest.approx(0.04)]
    chance = np.random.default_rng(3)
    for _ in range(300):
        everything = (chance.random(5) ** 2).tolist()
        some = holm(everything[:3], 5)
        whole = holm(everything)[:3]
        assert all(a is not None and b is not None and a >= b - 1e-12 for a, b in zip(some, whole, strict=True))
