"""How the stock changes: thresholds, collapse and regrowth.

Symbols as in "Cooperate or Collapse" (Piatti et al. 2024, section 2): h stock before the harvest, K carrying capacity,
g growth, C collapse threshold, f(t) sustainability threshold.
"""

from fractions import Fraction
from math import ceil, floor

from app.commons.config import GameConfig


def regrow(left: int, game: GameConfig) -> int:
    """Return next month's stock, min(K, floor(g * left)), in units.

    The growth is read as the decimal number that was written, so that 1.15 * 100 is 115 and not 114.
    """
    return min(game.capacity, floor(_growth(game) * left))


def is_collapse(left: int, game: GameConfig) -> bool:
    """Tell whether *left*, the stock after the harvest and before regrowth, is below the collapse threshold."""
    return left < game.collapse_threshold


def sustainability_threshold(stock: int, game: GameConfig) -> int:
    """Return f(t): the largest total harvest after which the stock grows back to at least *stock*.

    The largest x with min(K, floor(g * (h - x))) >= h, and 0 where no x has it; floor(h / 2) for g = 2.
    """
    if stock > game.capacity:
        return 0
    return max(0, stock - ceil(stock / _growth(game)))


def sustainable_share(stock: int, agents_present: int, game: GameConfig) -> int:
    """Return f_i(t) = floor(f(t) / n), the per-agent share of the sustainability threshold, in units."""
    return sustainability_threshold(stock, game) // agents_present


def _growth(game: GameConfig) -> Fraction:
    return Fraction(str(game.growth))
