from datetime import date, datetime

from app.commons.calendar import after_month, month_end, month_start, talk_day


def test_the_calendar_starts_with_2024_and_knows_its_leap_year() -> None:
    assert month_start(1) == date(2024, 1, 1)
    assert month_end(2) == date(2024, 2, 29)
    assert talk_day(2) == date(2024, 2, 28)


def test_month_thirteen_is_january_of_the_next_year() -> None:
    assert month_start(13) == date(2025, 1, 1)
    assert talk_day(12) == date(2024, 12, 30)
    assert after_month(12) == datetime(2025, 1, 1)
