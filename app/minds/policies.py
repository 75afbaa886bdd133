"""Scripted policies: how much to take, as pure functions of what an agent can know."""

from collections.abc import Callable, Mapping
from random import Random

from pydantic import Field

from app.commons.config import GameConfig, PolicyName
from app.commons.dynamics import sustainable_share
from app.commons.frozen import Frozen

LAPSE_CHANCE = 0.4


class Outlook(Frozen):
    """What a scripted agent knows when it decides; amounts in units.

    `others` is what the other agents took on average last month, as a multiple of the sustainable share of that month;
    None in the first month, and where catches are not told.
    """

    stock: int
    present: int
    limit: int | None = Field(description="the limit agreed on last month, if any")
    others: float | None
    game: GameConfig

    @property
    def share(self) -> int:
        """The per-agent share of the sustainability threshold, f_i(t)."""
        return sustainable_share(self.stock, self.present, self.game)


def fair_share(outlook: Outlook, rng: Random) -> int:
    """Take the sustainable share, or the agreed limit where that is less."""
    return outlook.share if outlook.limit is None else min(outlook.share, outlook.limit)


def greedy(outlook: Outlook, rng: Random) -> int:
    """Take three fifths more than the sustainable share, and at least two units, whatever was agreed."""
    return min(outlook.stock, max(2, -(-outlook.share * 8 // 5)))


def reciprocal(outlook: Outlook, rng: Random) -> int:
    """Keep to what is fair while the others do, and take as much as they took when they do not."""
    if outlook.others is None or outlook.others <= 1.0:
        return fair_share(outlook, rng)
    return min(outlook.stock, round(outlook.share * outlook.others))


def forgetful(outlook: Outlook, rng: Random) -> int:
    """Keep to what is fair, and now and then forget it and take up to two and a half times as much."""
    fair = fair_share(outlook, rng)
    if rng.random() >= LAPSE_CHANCE:
        return fair
    return min(outlook.stock, fair + 1 + rng.randrange(1 + fair * 3 // 2))


def at_random(outlook: Outlook, rng: Random) -> int:
    """Take anything from nothing to an equal part of the whole stock."""
    return rng.randint(0, outlook.stock // outlook.present)


Policy = Callable[[Outlook, Random], int]

POLICIES: Mapping[PolicyName, Policy] = {
    "fair-share": fair_share,
    "greedy": greedy,
    "reciprocal": reciprocal,
    "forgetful": forgetful,
    "random": at_random,
}
