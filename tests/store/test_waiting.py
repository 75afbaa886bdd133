"""Runs that try again by themselves: together, one first, longer each time, until what they wait for is back."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.commons.metrics import EpisodeMetrics
from app.store import controls, leases, runs, waiting
from app.store.connect import Database
from app.store.leases import Claim
from app.store.queries import run_log
from app.store.recorder import open_recorder
from app.store.records import RunRecord
from app.store.waiting import LONGEST_WAIT_S, for_endpoint, for_model, leave_waiting, resume_configured, resume_due
from tests.store.test_recorder import call
from tests.store.test_runs import queue

LAB = for_endpoint("lab")


class Wall:
    """The wall clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = datetime(2031, 5, 1, 12, tzinfo=UTC)
        for module in (waiting, leases):
            monkeypatch.setattr(module, "now", lambda: self.moment)

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


async def claimed(database: Database, count: int) -> list[Claim]:
    await queue(database, count)
    found = [await leases.claim_next(database, "w") for _ in range(count)]
    return [claim for claim in found if claim]


async def fail(database: Database, claim: Claim, waits_for: str = LAB, at_least_s: float = 0.0) -> None:
    await leave_waiting(database, claim, waits_for, reason_kind="endpoint", reason="It is down.", at_least_s=at_least_s)


async def get(database: Database, claim: Claim) -> RunRecord:
    return await runs.get_run(database, claim.run_id)


async def get_on(database: Database, claim: Claim) -> None:
    """Let the player of *claim* have an answer recorded."""
    recorder = await open_recorder(database, claim)
    recorder.record(call(1))
    await recorder.flush()
    await recorder.close()


def test_waits_double_with_some_chance_and_never_exceed_ten_minutes() -> None:
    for retries in range(1, 40):
        wait = waiting.wait_seconds(retries, 5.0)
        assert min(0.8 * 5 * 2 ** (retries - 1), LONGEST_WAIT_S) <= wait <= min(1.2 * 5 * 2 ** (retries - 1), 600)
    assert len({waiting.wait_seconds(3) for _ in range(20)}) > 10
    assert waiting.wait_seconds(1, 5.0, at_least_s=77) == 77
    assert waiting.wait_seconds(1, 5.0, at_least_s=7777) == LONGEST_WAIT_S


async def test_a_run_is_tried_again_when_its_time_has_come_and_waits_longer_each_time(
    database: Database, wall: Wall
) -> None:
    [claim] = await claimed(database, 1)
    waits = []
    for attempt in range(1, 5):
        await fail(database, claim)
        run = await get(database, claim)
        assert run.retry_at is not None
        assert (run.state, run.waiting, run.retries) == ("paused", True, attempt)
        waits.append((run.retry_at - wall.moment).total_seconds())
        assert await resume_due(database) == []
        wall.advance(waits[-1])
        assert await resume_due(database) == [claim.run_id]
        again = await leases.claim_next(database, "w")
        assert again
        claim = again
    assert all(1.3 < after / before < 3.1 for before, after in pairwise(waits))


async def test_one_run_goes_first_and_the_others_follow_as_soon_as_it_got_on(database: Database, wall: Wall) -> None:
    claims = await claimed(database, 6)
    for claim in claims:
        await fail(database, claim)
    moments = {(await get(database, claim)).retry_at for claim in claims}
    assert len(moments) == 1
    wall.advance(60)
    [scout] = await resume_due(database)
    assert await resume_due(database) == []
    claim = await leases.claim_next(database, "w")
    assert claim and claim.run_id == scout
    assert await resume_due(database) == []
    await get_on(database, claim)
    followers = await resume_due(database)
    assert sorted(followers) == sorted(one.run_id for one in claims if one.run_id != scout)
    # They are told once: a later failure of one of them is a new story.
    second = await leases.claim_next(database, "w")
    assert second
    await fail(database, second)
    assert (await get(database, second)).retries == 1
    assert await resume_due(database) == []


async def test_a_scout_that_fails_puts_all_off_and_another_goes_next(database: Database, wall: Wall) -> None:
    claims = await claimed(database, 3)
    for claim in claims:
        await fail(database, claim)
    tried = []
    for attempt in range(1, 4):
        wall.advance(LONGEST_WAIT_S)
        [scout] = await resume_due(database)
        claim = await leases.claim_next(database, "w")
        assert claim and claim.run_id == scout
        await fail(database, claim)
        found = [await get(database, one) for one in claims]
        assert {(run.retries, run.retry_at) for run in found} == {(attempt + 1, found[0].retry_at)}
        tried.append(scout)
    assert len(set(tried)) == 3


async def test_what_waits_for_something_else_waits_apart(database: Database, wall: Wall) -> None:
    lab, other = await claimed(database, 2)
    await fail(database, lab)
    await fail(database, other, for_endpoint("other"))
    wall.advance(60)
    assert sorted(await resume_due(database)) == sorted([lab.run_id, other.run_id])


async def test_an_endpoint_that_says_how_long_is_left_alone_so_long(database: Database, wall: Wall) -> None:
    [claim] = await claimed(database, 1)
    await fail(database, claim, at_least_s=300)
    wall.advance(299)
    assert await resume_due(database) == []
    wall.advance(1)
    assert await resume_due(database) == [claim.run_id]


async def test_a_clock_put_back_by_hours_delays_nobody(database: Database, wall: Wall) -> None:
    [claim] = await claimed(database, 1)
    await fail(database, claim)
    wall.advance(-5 * 3600)
    assert await resume_due(database) == [claim.run_id]


async def test_a_users_pause_is_never_resumed_by_itself(database: Database, wall: Wall) -> None:
    playing, given_up = await claimed(database, 2)
    await leases.leave(database, playing, "paused", reason_kind="user", reason="Paused on request.")
    await fail(database, given_up)
    assert await controls.request(database, given_up.run_id, "pause") == "paused"
    run = await get(database, given_up)
    assert (run.waiting, run.reason_kind, run.retry_at) == (False, "user", None)
    wall.advance(3600)
    assert await resume_due(database) == []
    with pytest.raises(controls.StateConflict):
        await controls.request(database, given_up.run_id, "pause")


async def test_whoever_resumes_one_at_once_frees_the_others_when_it_works(database: Database, wall: Wall) -> None:
    first, second = await claimed(database, 2)
    await fail(database, first)
    await fail(database, second)
    assert await controls.resume(database, second.run_id) == "queued"
    claim = await leases.claim_next(database, "w")
    assert claim and claim.run_id == second.run_id
    await get_on(database, claim)
    assert await resume_due(database) == [first.run_id]


async def test_stopping_a_run_that_waits_ends_it(database: Database, wall: Wall) -> None:
    [claim] = await claimed(database, 1)
    await fail(database, claim)
    assert await controls.request(database, claim.run_id, "stop") == "cancelled"
    wall.advance(3600)
    assert await resume_due(database) == []


async def test_a_run_without_its_model_goes_on_when_a_worker_starts_that_can_ask_it(
    database: Database, wall: Wall
) -> None:
    claim, other = await claimed(database, 2)
    await fail(database, claim, for_model("paid/big"))
    await fail(database, other, for_model("paid/huge"))
    wall.advance(3600)
    assert await resume_due(database) == []
    assert not (await get(database, claim)).waiting
    assert await resume_configured(database, lambda name: name == "paid/big") == [claim.run_id]
    assert (await run_log(database, claim.run_id))[
        -1
    ].text == "A worker has started that can ask its model; queued again."


async def test_many_workers_at_once_send_one_scout(database: Database, wall: Wall) -> None:
    for claim in await claimed(database, 5):
        await fail(database, claim)
    wall.advance(60)
    found = await asyncio.gather(*(resume_due(database) for _ in range(6)))
    assert sum(len(ids) for ids in found) == 1


async def test_whoever_lost_its_claim_cannot_leave_the_run_waiting(database: Database) -> None:
    [claim] = await claimed(database, 1)
    with pytest.raises(leases.LostRun):
        await leave_waiting(
            database,
            claim.model_copy(update={"epoch": 7}),
            LAB,
            reason_kind="endpoint",
            reason="",
            metrics=EpisodeMetrics.model_construct(),
        )
    assert (await get(database, claim)).state == "playing"
