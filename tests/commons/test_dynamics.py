from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commons.config import GameConfig
from app.commons.dynamics import is_collapse, regrow, sustainability_threshold, sustainable_share

GAMES = st.builds(
    lambda capacity, growth: GameConfig(
        capacity=capacity, initial_stock=capacity, growth=growth, collapse_threshold=min(5, capacity)
    ),
    st.integers(1, 400),
    st.sampled_from([1.05, 1.1, 1.15, 1.5, 2.0, 2.5, 3.0, 10.0]),
)


@pytest.mark.parametrize(("left", "grown"), [(0, 0), (1, 2), (49, 98), (50, 100), (51, 100), (100, 100)])
def test_what_is_left_doubles_up_to_the_capacity(left: int, grown: int) -> None:
    assert regrow(left, GameConfig()) == grown


def test_growth_is_the_decimal_number_that_was_written() -> None:
    assert floor(1.15 * 100) == 114, "the binary float would lose a unit"
    assert regrow(100, GameConfig(capacity=200, initial_stock=100, growth=1.15)) == 115


def test_threshold_is_half_of_the_stock_when_it_doubles() -> None:
    assert [sustainability_threshold(stock, GameConfig()) for stock in range(101)] == [h // 2 for h in range(101)]


@given(GAMES, st.integers(0, 400))
def test_threshold_is_the_largest_harvest_that_grows_back(game: GameConfig, stock: int) -> None:
    stock = min(stock, game.capacity)
    sustainable = [x for x in range(stock + 1) if regrow(stock - x, game) >= stock]
    assert sustainability_threshold(stock, game) == max(sustainable, default=0)


def test_no_harvest_is_sustainable_above_the_capacity() -> None:
    assert sustainability_threshold(101, GameConfig()) == 0


def test_share_is_rounded_down() -> None:
    assert sustainable_share(99, 5, GameConfig()) == 9
    assert sustainable_share(8, 5, GameConfig()) == 0


@pytest.mark.parametrize(("left", "collapsed"), [(0, True), (4, True), (5, False), (6, False)])
def test_fewer_than_the_threshold_left_is_a_collapse(left: int, collapsed: bool) -> None:
    assert is_collapse(left, GameConfig()) is collapsed
