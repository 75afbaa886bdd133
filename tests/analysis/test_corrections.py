"""Said against did by corrected limits."""

from datetime import UTC, datetime

from app.analysis.corrections import corrected, reading_count
from app.analysis.replay import replay
from app.commons.corrections import LimitCorrection, in_force, without_authors
from tests.analysis.stories import config, two_months


def correction(limit: int | None, month: int = 1, version: int = 1, **more: object) -> LimitCorrection:
    values = {"month": month, "version": version, "limit": limit, "read": 10, "before": 10, "author": "Ada"}
    return LimitCorrection.model_validate({**values, "at": datetime(2026, 1, 2, tzinfo=UTC), **more})


def marks(limit: int | None, month: int = 1) -> dict[str, tuple[str, int, int | None]]:
    told = corrected(replay(two_months(), config()), [correction(limit, month)])
    return {agent.name: (agent.mark, agent.over, agent.limit) for agent in told.months[1].agents}


def test_every_decision_of_the_next_month_is_judged_by_the_corrected_limit() -> None:
    assert marks(9) == {"John": ("broken", 1, 9), "Kate": ("broken", 81, 9), "Jack": ("none", 0, 9)}
    assert marks(90) == {"John": ("kept", 0, 90), "Kate": ("kept", 0, 90), "Jack": ("none", 0, 90)}
    assert marks(None) == dict.fromkeys(("John", "Kate", "Jack"), ("none", 0, None))


def test_the_month_says_what_was_read_and_the_rest_stays() -> None:
    plain = replay(two_months(), config())
    told = corrected(plain, [correction(9)])
    assert told.months[0].limit == 9
    assert told.months[0].corrected is not None
    assert told.months[0].corrected.read == 10
    assert told.months[0].agents == plain.months[0].agents
    assert told.gains == plain.gains
    assert corrected(plain, []) is plain


def test_a_limit_is_found_where_none_was_read_and_none_where_the_talk_was_not_read_yet() -> None:
    plain = replay(two_months(), config())
    assert corrected(plain, [correction(12, month=2, read=None)]).months[1].limit == 12
    unread = replay(two_months()[:8], config())
    assert corrected(unread, [correction(12)]) == unread


def test_readings_and_corrections_are_counted() -> None:
    plain = replay(two_months(), config())
    assert reading_count(plain).model_dump() == {"read": 2, "corrected": 0}
    assert reading_count(corrected(plain, [correction(9)])).corrected == 1
    assert reading_count(corrected(plain, [correction(10)])).corrected == 0, "a correction to what was read is none"


def test_the_latest_version_stands_unless_it_takes_back() -> None:
    first, second = correction(9), correction(8, version=2)
    back = correction(10, version=3, withdrawn=True)
    other = correction(5, month=2)
    assert in_force([other, second, first]) == (second, other)
    assert in_force([first, second, back, other]) == (other,)
    assert [item.author for item in without_authors([first, other])] == [None, None]
