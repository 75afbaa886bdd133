"""Intervals against independent computations: scipy's, and published examples worked by their authors."""

import numpy as np
import pytest
from scipy import stats

from app.analysis.intervals import Shares, mean, mean_difference, rate, rate_difference

RUNS = [120.0, 71.0, 90.4, 39.0, 22.8]
OTHERS = [20.0, 20.0, 51.8, 61.4, 58.2, 20.0]


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5), (2, 4), (1, 6), (13, 30), (199, 200)])
def test_a_rate_has_wilsons_interval(successes: int, n: int) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(0.95, "wilson")
    found = rate(successes, n)
    assert (found.value, found.n) == (successes / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


# Newcombe (1998), Statistics in Medicine 17, 873-890, Table II, method 10.
@pytest.mark.parametrize(
    ("shares", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_a_difference_of_rates_has_newcombes_interval(shares: tuple[int, ...], low: float, high: float) -> None:
    successes, n, other, other_n = shares
    found = rate_difference([Shares(successes=successes, n=n, reference_successes=other, reference_n=other_n)])
    assert found.value == pytest.approx(successes / n - other / other_n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_strata_of_rates_are_weighted_by_their_size() -> None:
    strata = [
        Shares(successes=8, n=10, reference_successes=5, reference_n=10),
        Shares(successes=3, n=20, reference_successes=1, reference_n=20),
        Shares(successes=3, n=3, reference_successes=0, reference_n=0),
    ]
    found = rate_difference(strata)
    # Weights 5 and 10 of 15; the stratum without a reference says nothing.
    assert found.value == pytest.approx(0.3 / 3 + 2 * 0.1 / 3)
    assert found.low is not None and found.high is not None and found.low < found.value < found.high


def test_a_mean_has_students_interval_clipped_to_what_is_possible() -> None:
    expected = stats.t.interval(0.95, 4, loc=np.mean(RUNS), scale=stats.sem(RUNS))
    found = mean(RUNS)
    assert (found.low, found.high) == pytest.approx(expected)
    clipped = mean([1.0, 0.9, 1.0], (0.0, 1.0))
    assert clipped.high == 1.0 and clipped.low is not None and clipped.low < 0.9


def test_a_difference_of_means_has_welchs_interval() -> None:
    expected = stats.ttest_ind(RUNS, OTHERS, equal_var=False).confidence_interval(0.95)
    found = mean_difference([(RUNS, OTHERS)])
    assert found.value == pytest.approx(np.mean(RUNS) - np.mean(OTHERS))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_equal_strata_of_means_narrow_the_interval_without_moving_it() -> None:
    one, two = mean_difference([(RUNS, OTHERS)]), mean_difference([(RUNS, OTHERS)] * 2)
    assert two.value == pytest.approx(one.value)
    assert one.low is not None and two.low is not None and two.low > one.low


def test_the_bootstrap_is_scipys_bca_from_ten_runs_on_and_the_same_each_time() -> None:
    values = [*RUNS, *OTHERS]
    found = mean(values, method="bca")
    expected = stats.bootstrap(
        (np.array(values),), np.mean, n_resamples=50_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.03)
    assert mean(values, method="bca") == found != mean(values)
    assert mean(RUNS, method="bca") == mean(RUNS)


@pytest.mark.parametrize("values", [[5.0], [5.0, 7.0]])
def test_one_or_two_runs_have_no_interval(values: list[float]) -> None:
    found = mean(values)
    assert (found.low, found.high, found.note) == (None, None, f"n = {len(values)}, no interval")


def test_what_does_not_vary_says_so_instead_of_an_interval_of_no_width() -> None:
    found = mean([12.0] * 5)
    assert (found.value, found.low, found.note) == (12.0, None, "no variation, n = 5")
    assert mean_difference([([12.0] * 5, [12.0] * 4)]).note == "no variation on either side"


def test_nothing_has_no_value() -> None:
    assert rate(0, 0).value is None
    assert mean([]).value is None
    assert mean_difference([([1.0, 2.0], [])]).value is None
    assert rate_difference([]).value is None
