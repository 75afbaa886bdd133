"""Groups of real runs: the published logs' reference metrics, and two groups whose curves are easily got wrong."""

import csv
from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy import stats

from app.analysis.ask import ComparisonAsk
from app.analysis.comparison import compare
from app.analysis.groups import ComparedRun
from app.analysis.replay import replay
from app.analysis.summary import summarise
from app.interop.research import read_log
from tests.interop.test_real_logs import DATA

LOGS = DATA / "runs"

# Each collapsed or survived as the reference metrics say; which is which is no business of the comparison.
TWO_OF_FOUR = ("brisk-pine-11", "wise-firefly-12", "swift-waterfall-42", "crimson-bush-40")
ONE_OF_SIX = (
    *("sleek-music-168", "stellar-sponge-16", "gallant-snowball-155"),
    *("fearless-capybara-132", "dainty-dawn-131", "playful-rain-110"),
)

pytestmark = pytest.mark.skipif(not LOGS.is_dir(), reason="the sample of real logs is not here")


def reference() -> dict[str, dict[str, str]]:
    with (LOGS.parent / "reference_metrics.csv").open(newline="") as file:
        return {row["run"]: row for row in csv.DictReader(file)}


def real(name: str, group: str) -> ComparedRun:
    log = read_log(LOGS / name)
    return ComparedRun(
        run=name,
        label=name,
        summary=summarise(replay(log.events, log.config), log.config, {}),
        values={"model": group, "prompts": "log", "engine": "log"},
        settings={},
        config_hash=log.config.hash,
        scenario="fishery",
        unit="tons",
    )


def test_survival_rests_on_runs_alone() -> None:
    runs = [real(name, "two of four") for name in TWO_OF_FOUR] + [real(name, "one of six") for name in ONE_OF_SIX]
    found = {group.label: group for group in compare(runs, ComparisonAsk(group=("model",))).groups}
    half, sixth = found["two of four"], found["one of six"]
    assert (half.figures.survived, half.figures.complete, half.figures.survival_rate.value) == (2, 4, 0.5)
    assert half.curve.at(12) == pytest.approx(0.5)
    assert [sixth.figures.survival_rate.value, sixth.curve.at(12)] == pytest.approx([1 / 6, 1 / 6])
    # Were the mean and both ends of an interval counted as surviving runs, it would be 5 of 7 and 4 of 9.
    assert half.curve.at(12) != pytest.approx(5 / 7) and sixth.curve.at(12) != pytest.approx(4 / 9)
    assert [half.curve.steps[0].at_risk, sixth.curve.steps[0].at_risk] == [4, 6]


def test_differences_of_the_two_groups_are_scipys() -> None:
    runs = [real(name, "two of four") for name in TWO_OF_FOUR] + [real(name, "one of six") for name in ONE_OF_SIX]
    ask = ComparisonAsk(group=("model",), reference="one of six")
    found = {one.metric: one for one in compare(runs, ask).contrasts}
    assert found["survival_rate"].test.p == pytest.approx(stats.fisher_exact([[2, 2], [1, 5]]).pvalue)
    assert found["survival_rate"].test.smallest == pytest.approx(1 / comb(10, 4))
    gains = [run.summary.outcome.gain or 0.0 for run in runs]
    expected = stats.permutation_test(
        (gains[:4], gains[4:]),
        lambda one, two, axis: np.abs(np.mean(one, axis) - np.mean(two, axis)),
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    assert found["gain"].test.p == pytest.approx(expected)
    welch = stats.ttest_ind(gains[:4], gains[4:], equal_var=False).confidence_interval(0.95)
    difference = found["gain"].difference
    assert (difference.low, difference.high) == pytest.approx((welch.low, welch.high))
    times = [(run.summary.outcome.month, run.summary.outcome.collapsed) for run in runs]

    def logrank(own: Sequence[int]) -> float:
        sides = ([times[k] for k in own], [times[k] for k in range(10) if k not in own])
        data = [
            stats.CensoredData(uncensored=[m for m, gone in side if gone], right=[m for m, gone in side if not gone])
            for side in sides
        ]
        return abs(float(stats.logrank(*data).statistic))

    every = [logrank(own) for own in combinations(range(10), 4)]
    at_least = sum(value >= every[0] - 1e-9 for value in every) / len(every)
    assert found["survival_time"].test.p == pytest.approx(at_least)


@pytest.mark.parametrize("name", [*TWO_OF_FOUR, *ONE_OF_SIX, "vivid-galaxy-17", "dashing-puddle-904"])
def test_summaries_equal_the_reference_metrics(name: str) -> None:
    expected, found = reference()[name], real(name, "all").summary
    outcome = found.outcome
    assert outcome.month == int(expected["survival_months"])
    assert outcome.collapsed == (expected["collapsed"] == "True")
    assert outcome.complete == (expected["censored"] == "False")
    assert outcome.gain == pytest.approx(float(expected["mean_gain"]))
    assert outcome.efficiency == pytest.approx(float(expected["efficiency"]), abs=1e-6)
    assert outcome.over_usage == pytest.approx(float(expected["over_usage"]), abs=1e-6)
    if expected["equality"]:
        assert outcome.equality == pytest.approx(float(expected["equality"]), abs=1e-6)
    else:
        assert outcome.equality is None
    assert found.gains[-1] == pytest.approx(outcome.gain)


def test_a_model_that_answered_nothing_is_no_virtue_in_the_worst_case() -> None:
    summary = real("vivid-galaxy-17", "all").summary
    assert summary.unreadable == 60
    assert summary.outcome.survived and summary.outcome.gain == 0
    assert (summary.worst.month, summary.worst.survived, summary.worst.gain) == (1, False, 20)
    group = compare([real("vivid-galaxy-17", "all")], ComparisonAsk(group=("model",))).groups[0]
    rates = {name: figures.survival_rate.value for name, figures in group.sensitivity.items()}
    assert rates == {"with": 1.0, "without": None, "worst": 0.0}
