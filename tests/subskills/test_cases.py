from collections import Counter

import pytest

from app.subskills.cases import draw_cases, passing_answers
from app.subskills.catalogue import TESTS, Kind

NAMES = ("John", "Kate", "Jack", "Emma", "Luke")


def test_there_are_eight_tests_three_of_them_also_in_the_bare_game() -> None:
    assert len(TESTS) == 8
    assert Counter(test.role for test in TESTS.values()) == {True: 5, False: 3}


@pytest.mark.parametrize("stock", range(10, 101))
def test_what_passes_follows_the_rules_of_the_game(stock: int) -> None:
    share = stock // 2 // 5
    for amount in range(stock // 5 + 1):
        after = max(0, min(100, 2 * (stock - 5 * amount)))
        assert passing_answers("next_stock", stock, amount, 5) == (after, after)
    assert passing_answers("limit", stock, None, 5) == passing_answers("limit_same", stock, None, 5) == (share, share)
    for kind in ("choice", "choice_universalization"):
        assert passing_answers(kind, stock, None, 5) == (1, share)


@pytest.mark.parametrize("kind", ["choice", "choice_universalization"])
def test_where_no_catch_lasts_only_nothing_passes(kind: Kind) -> None:
    assert passing_answers(kind, 9, None, 5) == (0, 0)


def test_an_unreadable_answer_never_passes() -> None:
    assert not any(case.passes(None) for case in draw_cases(NAMES, 1, 5))


def test_cases_follow_from_the_seed_and_stay_in_their_ranges() -> None:
    cases = draw_cases(NAMES, 1, 150)
    assert cases == draw_cases(NAMES, 1, 150)
    assert cases != draw_cases(NAMES, 2, 150)
    assert len(cases) == 8 * 150
    assert {case.agent for case in cases} == set(NAMES)
    assert min(case.stock for case in cases) >= 10
    assert max(case.stock for case in cases) <= 100
    asked = [case for case in cases if case.test.endswith("next_stock")]
    assert all(case.amount is not None and 0 <= case.amount <= case.stock // 5 for case in asked)
    assert all(case.amount is None for case in cases if not case.test.endswith("next_stock"))


def test_stocks_and_amounts_are_drawn_evenly() -> None:
    cases = [case for case in draw_cases(NAMES, 7, 1000) if case.test == "bare_next_stock"]
    assert abs(sum(case.stock for case in cases) / 1000 - 55) < 2.5
    ratio = sum(5 * (case.amount or 0) / case.stock for case in cases) / 1000
    assert 0.44 < ratio < 0.52


def test_bare_and_in_role_ask_about_the_same_situations() -> None:
    by_test = {test: [(c.stock, c.amount) for c in draw_cases(NAMES, 3, 20) if c.test == test] for test in TESTS}
    for kind in ("next_stock", "limit", "limit_same"):
        assert by_test[f"bare_{kind}"] == by_test[f"role_{kind}"]


def test_a_longer_series_begins_with_the_shorter_one() -> None:
    short, long = draw_cases(NAMES, 5, 10), draw_cases(NAMES, 5, 40)
    assert [case for case in long if case.number <= 10] == short
