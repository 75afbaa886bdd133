"""Who is lost is judged by whoever looks, with its own clock; and who is to blame when a worker dies."""

from datetime import UTC, datetime, timedelta

import pytest

from app.store import leases, runs
from app.store.connect import Database
from app.store.line import SUSPECT
from app.store.lost import LONGEST_LOOK_S, MAX_FRUITLESS, Heartbeat, Watch, recover_lost
from tests.store.test_runs import queue, state

PATIENCE = timedelta(seconds=12)
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)


class Clock:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def beat_at(second: int, run_id: str = "r1") -> Heartbeat:
    return Heartbeat(run_id, 1, LONG_AGO + timedelta(seconds=second))


def test_only_a_heartbeat_that_stands_still_is_silence_whatever_moment_it_names() -> None:
    clock = Clock()
    watch = Watch(clock)
    for second in range(0, 60, 2):
        clock.seconds += 2
        # One host's clock lives in 1999, and jumps back by an hour in the middle.
        lost = watch.look([beat_at(second - 3600 * (second > 30)), beat_at(0, "dead")], PATIENCE)
        assert [beat.run_id for beat in lost] == (["dead"] if second >= 12 else [])


def test_time_in_which_the_watcher_itself_was_frozen_does_not_count() -> None:
    clock = Clock()
    watch = Watch(clock)
    watch.look([beat_at(0)], PATIENCE)
    clock.seconds += 3600
    assert watch.look([beat_at(0)], PATIENCE) == []
    clock.seconds += LONGEST_LOOK_S
    assert watch.look([beat_at(0)], PATIENCE) == []
    clock.seconds += LONGEST_LOOK_S
    assert watch.look([beat_at(0)], PATIENCE) == [beat_at(0)]


def test_a_lease_that_changed_hands_is_a_new_one() -> None:
    clock = Clock()
    watch = Watch(clock)
    watch.look([beat_at(0)], PATIENCE)
    clock.seconds += 4
    watch.look([beat_at(0)._replace(epoch=2)], PATIENCE)
    for _ in range(2):
        clock.seconds += 5
        assert watch.look([beat_at(0)._replace(epoch=2)], PATIENCE) == []


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(hours=5)])
async def test_a_jump_of_the_wall_clock_takes_no_run_away_and_keeps_none(
    database: Database, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    alive, dead = await queue(database, 2)
    claim = await leases.claim_next(database, "alive")
    assert claim and claim.run_id == alive
    await leases.claim_next(database, "dead")
    clock = Clock()
    watch = Watch(clock)
    now = runs.now
    monkeypatch.setattr(leases, "now", lambda: now() + jump)
    for second in range(0, 14, 2):
        await leases.beat(database, [claim])
        found = await recover_lost(database, watch, PATIENCE)
        assert found == ([dead] if second == 12 else [])
        clock.seconds += 2
    assert (await state(database, alive), await state(database, dead)) == ("playing", "queued")


async def test_a_beat_between_the_look_and_the_verdict_saves_the_run(database: Database) -> None:
    await queue(database)
    claim = await leases.claim_next(database, "slow")
    assert claim
    clock = Clock()
    watch = Watch(clock)
    for _ in range(3):
        await recover_lost(database, watch, timedelta(seconds=20))
        clock.seconds += 5
    await leases.beat(database, [claim])
    assert await recover_lost(database, watch, timedelta(seconds=14)) == []


async def test_a_poison_run_is_found_among_many_and_drags_nobody_along(database: Database) -> None:
    """Whoever plays the poison run dies at once, before any of its other runs gets anywhere."""
    ids = await queue(database, 30)
    poison = ids[7]
    for life in range(100):
        owner = f"worker {life}"
        while (claim := await leases.claim_next(database, owner)) is not None:
            held = await runs.get_run(database, claim.run_id)
            if held.fruitless >= SUSPECT and claim.run_id != poison:
                # Alone under suspicion, it gets on with it.
                await leases.leave(database, claim, "finished")
        await recover_lost(database, Watch(), timedelta(seconds=-1))
        if await state(database, poison) == "failed":
            break
    failed = await runs.get_run(database, poison)
    assert (failed.state, failed.reason_kind) == ("failed", "worker")
    assert failed.ended_at is not None
    assert f"died {MAX_FRUITLESS} times" in (failed.reason or "")
    assert {await state(database, run_id) for run_id in ids if run_id != poison} == {"finished"}
    assert life == MAX_FRUITLESS - 1


async def test_a_worker_plays_one_suspect_at_a_time_beside_the_others(database: Database) -> None:
    suspects = await queue(database, 2)
    for _ in range(SUSPECT):
        for _ in suspects:
            await leases.claim_next(database, "w")
        await recover_lost(database, Watch(), timedelta(seconds=-1))
    [fresh] = await queue(database)
    claims = [await leases.claim_next(database, "w") for _ in range(3)]
    assert [claim and claim.run_id for claim in claims] == [fresh, suspects[0], None]
    other = await leases.claim_next(database, "another")
    assert other and other.run_id == suspects[1]
