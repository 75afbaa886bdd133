"""The memory stream: what is remembered, for how long, and what always comes to mind."""

from datetime import datetime, timedelta

from app.minds.memory import MemoryStream
from tests.minds.samples import moment, talk_moment


def test_observations_last_until_the_month_is_over():
    stream = MemoryStream()
    seen = stream.observe("stock", "100 tons", moment(1))
    assert (seen.always, seen.importance, seen.kind) == (True, 10, "event")
    assert stream.retrievable(datetime(2024, 1, 31, 23)) == [seen]
    assert stream.retrievable(datetime(2024, 2, 1)) == []


def test_thoughts_last_63_days():
    stream = MemoryStream()
    when = talk_moment(1)
    thought = stream.think("planning", "be careful", when, 4, rated=True)
    assert stream.retrievable(when.at + timedelta(days=63, seconds=-1)) == [thought]
    assert stream.retrievable(when.at + timedelta(days=63)) == []


def test_conversations_are_kept_and_never_retrieved():
    stream = MemoryStream()
    kept = stream.converse("a talk", talk_moment(), 3, rated=True, number=stream.reserve("talk"))
    assert kept.expires.year == 9999
    assert stream.retrievable(talk_moment().at) == []


def test_only_the_latest_limit_is_always_included():
    stream = MemoryStream()
    older = stream.agree("at most 10", talk_moment(1))
    latest = stream.agree("at most 8", talk_moment(2))
    seen = stream.retrievable(moment(3).at)
    assert [(memory.id, memory.always) for memory in seen] == [(older.id, False), (latest.id, True)]
    assert older.always, "the record itself never changes"


def test_ids_count_from_1_and_a_reserved_one_stays_reserved():
    stream = MemoryStream()
    first = stream.observe("stock", "100 tons", moment())
    reserved = stream.reserve("talk")
    thought = stream.think("planning", "be careful", talk_moment(), 4, rated=True)
    assert (first.id, reserved, thought.id) == (1, 2, 3)
    assert stream.reserve("talk") == 2


def test_memories_come_by_time_then_id():
    stream = MemoryStream()
    late = stream.think("planning", "later", talk_moment(2), 4, rated=True)
    early = stream.think("planning", "earlier", talk_moment(1), 4, rated=True)
    other = stream.think("interesting", "earlier too", talk_moment(1), 4, rated=True)
    assert stream.retrievable(moment(3).at) == [early, other, late]
