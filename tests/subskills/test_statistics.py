from math import sqrt

import pytest

from app.subskills.statistics import Z95, clustered_share, mcnemar, normal_interval, wilson


def answers(*groups: tuple[int, int]) -> list[tuple[str, bool]]:
    """Answers by prompt: (passed, not passed) of each."""
    return [
        (str(prompt), passed) for prompt, (good, bad) in enumerate(groups) for passed in [True] * good + [False] * bad
    ]


def test_without_repeated_prompts_it_is_wilsons_interval() -> None:
    share = clustered_share(answers(*[(1, 0)] * 8, *[(0, 1)] * 2))
    # Reference values of Wilson's interval for 8 of 10 (statsmodels proportion_confint, method "wilson").
    plain = wilson(0.8, 10)
    assert plain == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert share.share == 0.8
    assert share.low is not None and share.high is not None
    # G / (G - 1) makes it a little wider.
    assert (share.low, share.high) == pytest.approx(wilson(0.8, 9), abs=1e-9)


def test_answers_to_equal_prompts_that_are_equal_count_once() -> None:
    thrice = clustered_share(answers(*[(3, 0)] * 40, *[(0, 3)] * 10))
    once = clustered_share(answers(*[(1, 0)] * 40, *[(0, 1)] * 10))
    assert (thrice.total, thrice.prompts) == (150, 50)
    assert thrice.effective == pytest.approx(once.effective)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_the_formula_by_hand() -> None:
    # Prompts with (passed, not): (2, 0), (1, 1), (0, 1): n = 5, p = 0.6, G = 3.
    deviations = (2 - 1.2) ** 2 + (1 - 1.2) ** 2 + (0 - 0.6) ** 2
    variance = 3 / 2 * deviations / 25
    effective = 5 / (variance / (0.6 * 0.4 / 5))
    assert clustered_share(answers((2, 0), (1, 1), (0, 1))).effective == pytest.approx(effective)


def test_repeats_that_cancel_out_never_make_it_narrower_than_independent_answers() -> None:
    assert clustered_share(answers(*[(1, 1)] * 20)).effective == 40


def test_all_passed_still_has_an_interval_that_knows_the_repeats() -> None:
    share = clustered_share(answers(*[(2, 0)] * 10))
    assert share.effective == pytest.approx(10)
    assert (share.share, share.high) == (1.0, 1.0)
    assert share.low == pytest.approx(10 / (10 + Z95**2))


def test_one_prompt_asked_often_is_one_answer() -> None:
    assert clustered_share(answers((7, 3))).effective == pytest.approx(1)


def test_no_answers_have_no_share() -> None:
    share = clustered_share([])
    assert (share.share, share.low, share.high, share.total) == (None, None, None, 0)


def test_the_normal_interval_is_cut_to_what_a_share_can_be() -> None:
    assert normal_interval(12, 15) == pytest.approx((0.8 - Z95 * sqrt(0.16 / 15), 1.0))


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (1, 9, 0.021484375), (10, 2, 0.03857421875), (0, 20, 2 / 2**20)],
)
def test_mcnemars_exact_test(only_first: int, only_second: int, p: float) -> None:
    first = {f"a{n}": True for n in range(only_first)} | {f"b{n}": False for n in range(only_second)}
    second = {f"a{n}": False for n in range(only_first)} | {f"b{n}": True for n in range(only_second)}
    both = {f"c{n}": True for n in range(3)}
    paired = mcnemar(first | both | {"only here": True}, second | both)
    assert (paired.pairs, paired.both, paired.neither) == (only_first + only_second + 3, 3, 0)
    assert (paired.only_first, paired.only_second) == (only_first, only_second)
    assert paired.p == pytest.approx(p)


def test_without_common_prompts_nothing_is_compared() -> None:
    paired = mcnemar({"a": True}, {"b": True})
    assert (paired.pairs, paired.difference, paired.p) == (0, None, None)
