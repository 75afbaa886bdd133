"""Power against scipy, and against every outcome counted."""

from collections.abc import Callable, Sequence
from itertools import combinations, combinations_with_replacement, product
from math import comb, factorial, prod

import numpy as np
import pytest
from scipy import stats

from app.analysis.permutation import Labels, mean_statistic
from app.analysis.power import (
    power_from_rates,
    power_of_rates,
    smallest_p,
    smallest_p_said,
)
from app.analysis.power_pilots import power_of_means, power_of_months


@pytest.mark.parametrize(("n", "m"), [(5, 5), (4, 6), (2, 3), (1, 1), (3, 3), (6, 2)])
def test_no_table_and_no_labelling_gives_a_smaller_p(n: int, m: int) -> None:
    tables = [[[one, n - one], [two, m - two]] for one in range(n + 1) for two in range(m + 1)]
    assert smallest_p(n, m) == pytest.approx(min(stats.fisher_exact(table).pvalue for table in tables))
    apart = [float(1000 + place) for place in range(n)] + [float(-place) for place in range(m)]
    labels = Labels([[True] * n + [False] * m])
    assert labels.test(mean_statistic(apart, labels)).p == pytest.approx(smallest_p(n, m))


def test_five_against_five() -> None:
    assert smallest_p(5, 5) == pytest.approx(2 / 252)
    assert smallest_p_said(5, 5) == "With 5 against 5 runs no two-sided p below 0.0079 exists."
    assert "no difference, however large, can reach 0.05" in smallest_p_said(3, 3)
    assert smallest_p(20, 20, drawn=True) == 1 / 10_000 > smallest_p(20, 20)
    with pytest.raises(ValueError, match="at least one run"):
        smallest_p(0, 3)


@pytest.mark.parametrize(("n", "m", "alpha"), [(5, 5, 0.05), (10, 7, 0.05), (12, 12, 0.01)])
def test_power_of_rates_weighs_every_outcome(n: int, m: int, alpha: float) -> None:
    expected = sum(
        stats.binom.pmf(one, n, 0.9) * stats.binom.pmf(two, m, 0.25)
        for one, two in product(range(n + 1), range(m + 1))
        if stats.fisher_exact([[one, n - one], [two, m - two]]).pvalue <= alpha
    )
    found = power_of_rates(0.9, 0.25, n, m, alpha)
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.low is found.high is None


def test_a_test_that_cannot_reject_has_no_power_and_equal_rates_no_more_than_alpha() -> None:
    assert power_of_rates(1.0, 0.0, 3, 3).value == 0
    assert power_of_rates(1.0, 0.0, 5, 5).value == 1
    equal = power_of_rates(0.5, 0.5, 20, 20).value
    assert equal is not None
    assert 0 < equal <= 0.05


def test_few_pilots_leave_a_wide_range_and_many_a_narrow_one() -> None:
    few = power_from_rates(2, 4, 1, 6, 20, 20)
    many = power_from_rates(4000, 8000, 2000, 12_000, 20, 20)
    assert few.value == many.value == power_of_rates(2 / 4, 1 / 6, 20, 20).value
    assert few.low is not None
    assert few.high is not None
    assert many.low is not None
    assert many.high is not None
    assert few.low < 0.1 < 0.9 < few.high
    assert many.high - many.low < 0.1
    assert few == power_from_rates(2, 4, 1, 6, 20, 20)
    assert power_from_rates(0, 0, 1, 6, 5, 5).value is None


def _counted(n: int, pilots: Sequence[object], other: Sequence[object], rejects: Callable[[list, list], bool]) -> float:
    """Return the chance of a rejection over all samples with replacement, each weighed by how often it is drawn."""

    def samples(values: Sequence[object]) -> list[tuple[list[object], float]]:
        found = []
        for places in combinations_with_replacement(range(len(values)), n):
            ways = factorial(n) / prod(factorial(places.count(place)) for place in set(places))
            found.append(([values[place] for place in places], ways / len(values) ** n))
        return found

    return sum(a * b for one, a in samples(pilots) for two, b in samples(other) if rejects(one, two))


def test_power_of_means_is_that_of_all_samples() -> None:
    pilots, other = [1.0, 2.0, 9.0], [10.0, 12.0, 6.0]

    def rejects(one: list[float], two: list[float]) -> bool:
        both = np.array(one + two)
        seen = abs(both[:4].mean() - both[4:].mean())
        gaps = [abs(both[list(own)].mean() - np.delete(both, own).mean()) for own in combinations(range(8), 4)]
        return sum(gap >= seen - 1e-9 for gap in gaps) / comb(8, 4) <= 0.05

    expected = _counted(4, pilots, other, rejects)
    found = power_of_means(pilots, other, 4, 4)
    assert 0.2 < expected < 0.9
    assert found.value == pytest.approx(expected, abs=0.06)
    assert found.low is not None
    assert found.high is not None
    assert found.low < expected < found.high
    assert found == power_of_means(pilots, other, 4, 4)


def test_power_of_months_is_that_of_all_samples() -> None:
    pilots, other = [(12, False), (12, False), (5, True)], [(3, True), (6, True), (12, False)]

    def rejects(one: list[tuple[int, bool]], two: list[tuple[int, bool]]) -> bool:
        both = one + two
        found = []
        for own in combinations(range(6), 3):
            sides = [[both[k] for k in range(6) if (k in own) is mine] for mine in (True, False)]
            if not any(collapse for _, collapse in both):
                found.append(0.0)
                continue
            data = [
                stats.CensoredData(
                    uncensored=[month for month, collapse in side if collapse],
                    right=[month for month, collapse in side if not collapse],
                )
                for side in sides
            ]
            statistic = float(stats.logrank(*data).statistic)
            found.append(0.0 if np.isnan(statistic) else abs(statistic))
        # The first combination is the observed one.
        return sum(value >= found[0] - 1e-9 for value in found) / len(found) <= 0.2

    expected = _counted(3, pilots, other, rejects)
    found = power_of_months(pilots, other, 3, 3, alpha=0.2)
    assert 0.1 < expected < 0.9
    assert found.value == pytest.approx(expected, abs=0.08)


def test_two_pilots_are_too_few_to_draw_from() -> None:
    found = power_of_means([1.0, 2.0], [3.0, 4.0, 5.0], 5, 5)
    assert found.value is None
    assert found.note == "needs 3 complete pilot runs on either side"


def test_pilots_that_are_all_alike_give_no_range_that_passes_for_certainty() -> None:
    alike = power_of_means([10.0] * 5, [4.0] * 5, 5, 5)
    assert (alike.value, alike.low, alike.high) == (1.0, None, None)
    assert alike.note.endswith("of the group and of the reference are alike: how much they vary is not known")
    times = [(12, False)] * 4
    one = power_of_months(times, [(3, True), (6, True), (12, False)], 5, 5)
    assert one.low is not None and one.high is not None and one.low < one.high
    assert "all pilots of the group are alike" in one.note


@pytest.mark.parametrize(("n", "m", "alpha"), [(0, 5, 0.05), (5, 201, 0.05), (5, 5, 0.0)])
def test_numbers_that_are_none(n: int, m: int, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"runs a group|a level"):
        power_of_rates(0.5, 0.5, n, m, alpha)


def test_rates_that_are_none() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        power_of_rates(1.2, 0.5, 5, 5)
    with pytest.raises(ValueError, match="more pilots survived"):
        power_from_rates(5, 4, 1, 6, 5, 5)
