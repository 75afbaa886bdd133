"""The simulated calendar: month 1 starts on 2024-01-01; talk is on the day before the last, home on the last."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta

FIRST_YEAR = 2024


def month_start(month: int) -> date:
    """Return the first day of *month* (counted from 1): the day of the harvest."""
    years, index = divmod(month - 1, 12)
    return date(FIRST_YEAR + years, index + 1, 1)


def month_end(month: int) -> date:
    """Return the last day of *month*: the day at home."""
    start = month_start(month)
    return start.replace(day=monthrange(start.year, start.month)[1])


def talk_day(month: int) -> date:
    """Return the day of the town-hall talk: the day before the last of *month*."""
    return month_end(month) - timedelta(days=1)


def after_month(month: int) -> datetime:
    """Return the moment *month* is over: midnight at the start of the next month's first day."""
    return datetime.combine(month_start(month + 1), time())
