"""Survival against scipy, and against numbers worked by hand."""

import numpy as np
import pytest
from scipy import stats

from app.analysis.survival import Time, kaplan_meier, months_difference, restricted_mean

# Months to remission of 21 patients on 6-MP (Freireich et al. 1963), the textbook example; True: relapsed.
SIX_MP: list[Time] = [
    (6, True), (6, True), (6, True), (6, False), (7, True), (9, False), (10, True), (10, False), (11, False),
    (13, True), (16, True), (17, False), (19, False), (20, False), (22, True), (23, True), (25, False), (32, False),
    (32, False), (34, False), (35, False),
]  # fmt: skip
# Two of four survived twelve months; one of the others collapsed in month 2, one in month 6.
HALF: list[Time] = [(12, False), (12, False), (2, True), (6, True)]


def reference(times: list[Time]) -> stats.CensoredData:
    return stats.CensoredData(
        uncensored=[time for time, collapsed in times if collapsed],
        right=[time for time, collapsed in times if not collapsed],
    )


@pytest.mark.parametrize("times", [SIX_MP, HALF, [(1, True), (3, False), (3, True), (5, True), (12, False)]])
def test_the_curve_is_scipys_with_its_log_log_interval(times: list[Time]) -> None:
    curve = kaplan_meier(times, max(time for time, _ in times))
    found = stats.ecdf(reference(times)).sf
    with np.errstate(all="ignore"):
        bounds = found.confidence_interval(0.95, method="log-log")
    for step in curve.steps:
        assert step.survival == pytest.approx(float(found.evaluate(step.month)))
        if step.low is not None:
            assert step.low == pytest.approx(float(bounds.low.evaluate(step.month)))
            assert step.high == pytest.approx(float(bounds.high.evaluate(step.month)))


def test_the_textbook_curve_has_the_textbooks_values() -> None:
    curve = kaplan_meier(SIX_MP, 35)
    # Kleinbaum and Klein, Survival Analysis, Table 2.2.
    values = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert {month: round(curve.at(month), 4) for month in values} == values
    assert [curve.steps[month - 1].at_risk for month in (6, 7, 10, 13, 16, 22, 23)] == [21, 17, 15, 12, 11, 7, 6]


def test_without_early_stops_the_restricted_mean_is_the_mean_with_students_interval() -> None:
    values = [12, 12, 2, 6]
    found = restricted_mean(HALF, 12).estimate
    assert found.value == 8
    low, high = stats.t.interval(0.95, 3, loc=8, scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((max(1.0, low), min(12.0, high)))


def test_a_restricted_mean_with_a_run_that_stopped_early_by_hand() -> None:
    # Collapse in month 2 among 4 runs; one run last seen in month 3; collapse in month 4 among 2; one survives.
    # S = 1 1 3/4 3/4 3/8: the area to month 6 is 2 + 3/4 * 2 + 3/8 * 2 = 4.25.
    times: list[Time] = [(2, True), (3, False), (4, True), (6, False)]
    found = restricted_mean(times, 6)
    assert found.estimate.value == pytest.approx(4.25)
    # A_2 = 2.25, A_4 = 0.75: 2.25^2 / (4 * 3) + 0.75^2 / (2 * 1) = 0.703125; three runs watched to the end: times 3/2.
    assert found.variance == pytest.approx(0.703125 * 1.5)


def test_a_group_that_nobody_watched_to_the_end_is_restricted_to_what_was_watched() -> None:
    found = restricted_mean([(3, True), (7, False), (5, False)], 12)
    assert found.horizon == 7
    assert found.estimate.note == "of the first 7 months: nothing was watched longer"
    assert found.estimate.value == pytest.approx(3 + 4 * 2 / 3)


def test_collapse_of_all_leaves_nothing_and_collapse_in_the_last_month_is_a_collapse() -> None:
    curve = kaplan_meier([(1, True), (1, True), (1, True)], 12)
    assert [step.survival for step in curve.steps] == [0.0] * 12
    assert restricted_mean([(1, True)] * 3, 12).estimate.note == "no variation, n = 3"
    assert kaplan_meier([(12, True), (12, False)], 12).at(12) == 0.5


def test_few_runs_have_no_interval() -> None:
    assert restricted_mean([(3, True), (12, False)], 12).estimate.low is None
    assert {step.low for step in kaplan_meier([(3, True), (12, False)], 12).steps} == {None}


def test_a_difference_of_months_is_welchs_and_refuses_other_horizons() -> None:
    mine, other = [(12, False), (12, False), (2, True), (6, True)], [(1, True), (3, True), (4, True)]
    expected = stats.ttest_ind([12, 12, 2, 6], [1, 3, 4], equal_var=False).confidence_interval(0.95)
    found = months_difference([(restricted_mean(mine, 12), restricted_mean(other, 12))])
    assert found.value == pytest.approx(8 - 8 / 3)
    assert (found.low, found.high) == pytest.approx((expected.low, min(11.0, expected.high)))
    short = restricted_mean([(3, True), (7, False), (5, False)], 12)
    assert months_difference([(restricted_mean(mine, 12), short)]).value is None
