"""How numbers and moments are written on pages. What is not defined is a dash, never a zero."""

from datetime import UTC, datetime

DASH = "–"


def number(value: float | None, digits: int = 1) -> str:
    """Write an amount: "100", "98.4"; whole numbers without decimals."""
    if value is None:
        return DASH
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(ratio: float | None, digits: int = 0) -> str:
    """Write a ratio of 0..1 as a percentage.

    What is not quite all or not quite nothing never reads as 100 or 0 %.
    """
    if ratio is None:
        return DASH
    text = f"{100 * ratio:.{digits}f}"
    if ratio < 1 and float(text) >= 100:
        text = ">99" if digits == 0 else f">{100 - 10**-digits:.{digits}f}"
    elif ratio > 0 and float(text) == 0:
        text = "<1" if digits == 0 else f"<{10**-digits:.{digits}f}"
    return f"{text} %"


def count(value: int, one: str, many: str | None = None) -> str:
    """Write a number of things: "1 run", "3 runs"."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def months(played: int, total: int) -> str:
    """Write how far an episode got: "7 of 12 months"."""
    return f"{played} of {count(total, 'month')}"


def iso(value: datetime) -> str:
    """Write a moment for machines."""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(value: datetime | None) -> str:
    """Write a moment for people, in UTC; a script turns it into the reader's own time."""
    return DASH if value is None else value.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


def cost(dollars: float | None, unpriced: int = 0) -> str:
    """Write what was paid. Unknown prices are said, never counted as nothing."""
    if dollars is None:
        return "cost unknown" if unpriced else "$0"
    if dollars == 0 and not unpriced:
        return "no cost"
    text = f"${dollars:,.2f}" if dollars >= 0.01 or dollars == 0 else "<$0.01"
    return f"{text} and {count(unpriced, 'call')} of unknown price" if unpriced else text
