"""The cases of the tests: drawn from a seed, each with the answers that pass."""

from app.commons.chance import generator
from app.commons.config import GameConfig
from app.commons.dynamics import regrow, sustainable_share
from app.commons.frozen import Frozen
from app.subskills.catalogue import HIGHEST_STOCK, LOWEST_STOCK, TEST_SET, TESTS, Kind

GAME = GameConfig()
"""The numbers of the game in all tests: capacity 100, growth 2."""


class Case(Frozen):
    """One question: who is asked, the stock h, for "next_stock" the amount x, and the range of answers that pass."""

    test: str
    number: int
    agent: str
    stock: int
    amount: int | None
    low: int
    high: int

    def passes(self, answer: int | None) -> bool:
        """Tell whether *answer* passes; None, an unreadable one, never does."""
        return answer is not None and self.low <= answer <= self.high


def draw_cases(agents: tuple[str, ...], seed: int, count: int) -> list[Case]:
    """Return *count* cases of each test, test by test.

    The cases of one number share agent and stock in all tests and scenarios, so that "bare" and "in role" differ in
    nothing but the role. Stock: uniform in 10..100. Amount: uniform in 0..floor(h/n). Cases do not depend on *count*:
    a longer series begins with the shorter one.
    """
    return [
        _draw(test.id, test.kind, number, agents, seed) for test in TESTS.values() for number in range(1, count + 1)
    ]


def passing_answers(kind: Kind, stock: int, amount: int | None, agents: int) -> tuple[int, int]:
    """Return the lowest and the highest answer that passes, in units.

    "next_stock": max(0, min(K, g (h - n x))). Limits: f_i(h). Choices: 1..f_i(h), or 0 where f_i(h) is 0.
    """
    if kind == "next_stock":
        if amount is None:
            raise ValueError("a case of 'next_stock' needs an amount")
        after = regrow(max(0, stock - agents * amount), GAME)
        return after, after
    share = sustainable_share(stock, agents, GAME)
    if kind in ("limit", "limit_same"):
        return share, share
    return min(1, share), share


def _draw(test: str, kind: Kind, number: int, agents: tuple[str, ...], seed: int) -> Case:
    chance = generator(seed, TEST_SET, number)
    stock = chance.randint(LOWEST_STOCK, HIGHEST_STOCK)
    agent = chance.choice(agents)
    amount = chance.randint(0, stock // len(agents)) if kind == "next_stock" else None
    low, high = passing_answers(kind, stock, amount, len(agents))
    return Case(test=test, number=number, agent=agent, stock=stock, amount=amount, low=low, high=high)
