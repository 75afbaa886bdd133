from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.commons.allocation import allocate

WANTED = st.lists(st.integers(0, 120), min_size=2, max_size=8).map(
    lambda amounts: {f"agent {number}": amount for number, amount in enumerate(amounts)}
)
RULES = st.sampled_from(["stochastic", "proportional"])


@given(WANTED, st.integers(0, 120), RULES, st.integers())
def test_shares_sum_to_what_leaves_and_nobody_gets_more_than_asked(wanted, stock, rule, seed) -> None:
    collected = allocate(wanted, stock, rule, Random(seed))
    assert list(collected) == list(wanted)
    assert sum(collected.values()) == min(stock, sum(wanted.values()))
    assert all(0 <= collected[name] <= wanted[name] for name in wanted)


@given(WANTED, st.integers(0, 120), RULES, st.integers())
def test_same_seed_same_shares(wanted, stock, rule, seed) -> None:
    assert allocate(wanted, stock, rule, Random(seed)) == allocate(wanted, stock, rule, Random(seed))


@given(WANTED, st.integers(0, 120), st.integers())
def test_proportional_is_never_below_the_rounded_down_part(wanted, stock, seed) -> None:
    total = sum(wanted.values())
    collected = allocate(wanted, stock, "proportional", Random(seed))
    if total > stock:
        assert all(collected[name] >= stock * wanted[name] // total for name in wanted)


def test_everybody_gets_all_when_it_fits() -> None:
    assert allocate({"a": 30, "b": 70}, 100, "stochastic", Random(1)) == {"a": 30, "b": 70}


def test_stochastic_gives_small_askers_a_better_part() -> None:
    """Units go one at a time to whoever still wants some, so modest wishes are usually met in full."""
    met = sum(allocate({"small": 5, "large": 100}, 50, "stochastic", Random(seed))["small"] == 5 for seed in range(200))
    assert met > 190


def test_nobody_wants_less_than_nothing() -> None:
    try:
        allocate({"a": -1, "b": 3}, 10, "stochastic", Random(1))
    except ValueError as error:
        assert "less than nothing" in str(error)
    else:
        raise AssertionError("a negative wish was accepted")
