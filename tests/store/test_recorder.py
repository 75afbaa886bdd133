from datetime import timedelta

import pytest

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, RecordedCall, Retrieval, Segment, request_hash
from app.models.decoding import Decoding
from app.store import leases, runs
from app.store.codec import SegmentBook, pack, pack_messages, unpack, unpack_messages
from app.store.connect import Database
from app.store.lost import Watch, recover_lost
from app.store.queries import events_after, get_call, list_calls
from app.store.recorder import ReplayDiverged, open_recorder
from tests.support import played, scripted_config, texts


async def claimed(database: Database) -> leases.Claim:
    await runs.launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    claim = await leases.claim_next(database, "w")
    assert claim is not None
    return claim


def call(number: int, text: str = "Answer: 5", cost: float | None = None) -> RecordedCall:
    segments = (Segment(kind="rules", text="the rules " * 20), Segment(kind="memory", text=f"m{number}", memory=number))
    return RecordedCall(
        key=CallKey(month=number, phase="harvest", agent="Kate", purpose="harvest"),
        model="lab/m",
        request_hash=f"hash {number}",
        messages=(Message(role="user", segments=segments),),
        sampling=SamplingConfig(),
        completion=Completion(text=text, thinking="hm", prompt_tokens=10, completion_tokens=2),
        cost=cost,
    )


@pytest.mark.parametrize("text", ["", "a", "é" * 500, "\x00\ud800 lone", "x" * 100_000])
def test_packed_text_comes_back(text: str) -> None:
    assert unpack(pack(text)) == text


def test_messages_come_back_and_equal_segments_are_kept_once() -> None:
    book = SegmentBook()
    packed = [pack_messages(call(number).messages, book) for number in (1, 2, 3)]
    texts = dict(book.take_new())
    assert len(texts) == 4
    assert unpack_messages(packed[1], texts) == call(2).messages
    assert book.take_new() == []


async def test_events_and_calls_come_back_as_they_were_given(database: Database) -> None:
    claim = await claimed(database)
    recorder = await open_recorder(database, claim)
    events = await played(scripted_config())
    for number in (1, 2, 3):
        recorder.record(call(number, cost=0.5 if number < 3 else None))
    for event in events:
        recorder.emit(event)
    await recorder.flush()
    await recorder.close()
    assert [text for _, text in await events_after(database, claim.run_id)] == texts(events)
    stored = await get_call(database, claim.run_id, str(call(2).key))
    assert stored is not None
    assert stored.messages == call(2).messages
    assert stored.answer is not None
    assert (stored.answer.text, stored.answer.thinking) == ("Answer: 5", "hm")
    run = await runs.get_run(database, claim.run_id)
    assert (run.calls, run.prompt_tokens, run.cost, run.unpriced_calls) == (3, 30, 1.0, 1)
    assert (run.events, run.collapsed, run.stock) == (len(events), True, events[-2].stock_next)
    assert [item.month for item in await list_calls(database, claim.run_id, agent="Kate")] == [1, 2, 3]
    assert await list_calls(database, claim.run_id, agent="Luke") == []


async def test_a_replay_skips_what_is_stored_and_answers_from_the_log(database: Database) -> None:
    claim = await claimed(database)
    events = await played(scripted_config())
    first = await open_recorder(database, claim)
    first.record(call(1))
    for event in events[:10]:
        first.emit(event)
    await first.close()
    again = await open_recorder(database, claim)
    assert again.replaying
    assert again.find(call(1).key) == ("hash 1", call(1).completion)
    assert again.find(call(2).key) is None
    for event in events:
        again.emit(event)
    assert not again.replaying
    await again.flush()
    await again.close()
    assert [text for _, text in await events_after(database, claim.run_id)] == texts(events)


async def test_a_replay_that_does_something_else_is_stopped(database: Database) -> None:
    claim = await claimed(database)
    events = await played(scripted_config())
    first = await open_recorder(database, claim)
    for event in events[:3]:
        first.emit(event)
    await first.close()
    again = await open_recorder(database, claim)
    again.emit(events[0])
    with pytest.raises(ReplayDiverged, match="event 2"):
        again.emit(events[2])
    await again.close()
    assert len(await events_after(database, claim.run_id)) == 3


async def test_a_player_that_lost_its_run_writes_nothing_more(database: Database) -> None:
    old = await claimed(database)
    events = await played(scripted_config())
    recorder = await open_recorder(database, old)
    failures: list[BaseException] = []
    recorder.on_failure = failures.append
    await recover_lost(database, Watch(), timedelta(seconds=-1))
    new = await leases.claim_next(database, "other")
    assert new is not None
    recorder.emit(events[0])
    with pytest.raises(leases.LostRun):
        await recorder.flush()
    assert isinstance(failures[0], leases.LostRun)
    with pytest.raises(leases.LostRun):
        recorder.emit(events[1])
    await recorder.close()
    assert await events_after(database, old.run_id) == []


def test_how_memories_were_found_comes_back_with_the_messages() -> None:
    found = [
        Retrieval(always=True),
        Retrieval(recency=0.97, importance=0.667, relevance=0.123),
        Retrieval(recency=1.0, importance=0.0, relevance=-0.05),
        None,
    ]
    segments = tuple(
        Segment(kind="memory", text=f"m{number}", memory=number, retrieval=how) for number, how in enumerate(found)
    )
    messages, book = (Message(role="user", segments=segments),), SegmentBook()
    packed = pack_messages(messages, book)
    assert unpack_messages(packed, dict(book.take_new())) == messages


def test_requests_packed_before_scores_were_kept_are_still_read() -> None:
    packed = pack('[["user",[["memory",0,7],["task",1,null]]]]')
    (message,) = unpack_messages(packed, {0: "a", 1: "b"})
    assert [(segment.memory, segment.retrieval) for segment in message.segments] == [(7, None), (None, None)]


def test_scores_are_no_part_of_what_identifies_a_request() -> None:
    plain = call(1).messages
    segments = tuple(one.model_copy(update={"retrieval": Retrieval(always=True)}) for one in plain[0].segments)
    scored = (Message(role="user", segments=segments),)
    assert request_hash("m", plain, SamplingConfig()) == request_hash("m", scored, SamplingConfig())


async def test_what_the_endpoint_said_of_itself_comes_back(database: Database) -> None:
    claim = await claimed(database)
    recorder = await open_recorder(database, claim)
    said = Completion(text="8", model_revision="m-2026", fingerprint="fp_1", provider="village")
    recorder.record(call(1).model_copy(update={"completion": said}))
    await recorder.flush()
    await recorder.close()
    (summary,) = await list_calls(database, claim.run_id)
    assert (summary.model_revision, summary.fingerprint, summary.provider) == ("m-2026", "fp_1", "village")
    stored = await get_call(database, claim.run_id, str(call(1).key))
    assert stored is not None and stored.answer == said


async def test_how_an_answer_was_made_is_kept_and_replayed(database: Database) -> None:
    made = Decoding(cached_tokens=9, exit_layer=2, draft_length=4, drafted=8, accepted=3, verifications=2)
    completion = Completion(text="Answer: 5", decoding=made)
    claim = await claimed(database)
    recorder = await open_recorder(database, claim)
    recorder.record(call(1).model_copy(update={"completion": completion}))
    recorder.record(call(2))
    await recorder.flush()
    await recorder.close()
    first, second = await list_calls(database, claim.run_id)
    assert (first.decoding, second.decoding) == (made, None)
    assert first.model_dump(mode="json")["decoding"]["tokens_per_verification"] == 2.5
    detail = await get_call(database, claim.run_id, first.key)
    assert detail is not None and detail.answer is not None
    assert detail.decoding == detail.answer.decoding == made
    again = await open_recorder(database, claim)
    assert again.find(call(1).key) == ("hash 1", completion)
    await again.close()
