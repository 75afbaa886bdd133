"""The months of a run on its page: which are shown one by one, and all of a long run as one drawing."""

from dataclasses import dataclass

from app.analysis.replay import Replay

LONG = 24
"""Above this many months a run's page shows a year at a time, and an overview of all."""
YEAR = 12


@dataclass(frozen=True)
class Overview:
    """SVG paths over all months of a run: a unit a month from left to right, 100 units from the full stock to none."""

    stock: str
    breaches: str
    collapse: str


def months_shown(month: int, total: int) -> range:
    """Return the months shown one by one where *month* is current: all, or its year of a long run."""
    if total <= LONG:
        return range(1, total + 1)
    first = max(0, month - 1) // YEAR * YEAR + 1
    return range(first, min(first + YEAR, total + 1))


def overview(told: Replay, capacity: int) -> Overview:
    """Draw what each month's harvest left, where agreements were broken, and the collapse."""
    stock, breaches, collapse = "M0 100", "", ""
    for month in told.months:
        left = month.stock if month.stock_after is None else month.stock_after
        stock += f"V{100 - 100 * min(1.0, (left or 0) / capacity):.1f}H{month.month}"
        if month.breaches:
            breaches += f"M{month.month - 0.5} 0V30"
        if month.collapsed:
            collapse += f"M{month.month - 0.5} 0V100"
    return Overview(f"{stock}V100Z", breaches, collapse)
