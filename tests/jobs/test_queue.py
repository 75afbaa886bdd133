"""How queued runs come to workers, on both databases."""

from app.store import runs
from app.store.connect import Database
from app.store.controls import prioritise, request, resume
from tests.jobs.playing import is_in, jobs, state, until, working
from tests.store.test_line import launch


async def test_a_worker_plays_as_many_as_it_has_places_and_then_the_next(database: Database) -> None:
    ids = await launch(database, 12)
    async with working(database, 2) as worker:
        for count in range(2, 13):
            await until(lambda: len(worker.started) == count)  # noqa: B023
            assert [await state(database, run_id) for run_id in ids].count("playing") == 2
            worker.finish(worker.started[-2])
        worker.finish(worker.started[-1])
    assert worker.started == ids
    assert {await state(database, run_id) for run_id in ids} == {"finished"}
    assert await jobs(database, "doing") == await jobs(database, "todo") == []


async def test_two_experiments_share_two_places(database: Database) -> None:
    large = await launch(database, 6)
    async with working(database, 2) as worker:
        await until(lambda: sorted(worker.started) == sorted(large[:2]))
        small = await launch(database, 3)
        for run_id in large[:2]:
            worker.finish(run_id)
        await until(lambda: len(worker.started) == 4)
        # The small one has its turn at once, and then they share.
        assert sorted(worker.started[2:4]) == sorted([small[0], large[2]])


async def test_an_urgent_run_goes_next_also_when_others_are_about_to_start(database: Database) -> None:
    ids = await launch(database, 5)
    async with working(database, 1) as worker:
        await until(lambda: worker.started == ids[:1])
        await prioritise(database, ids[3], 10)
        [urgent] = await launch(database, 1, priority=20)
        for run_id in (ids[0], urgent, ids[3]):
            worker.finish(run_id)
            await until(lambda: run_id not in worker._players and len(worker._players) == 1)  # noqa: B023
        assert worker.started == [ids[0], urgent, ids[3], ids[1]]


async def test_what_is_paused_while_it_waits_is_not_played_and_comes_back_when_resumed(database: Database) -> None:
    ids = await launch(database, 3)
    async with working(database, 1) as worker:
        await until(lambda: worker.started == ids[:1])
        await request(database, ids[1], "pause")
        worker.finish(ids[0])
        await until(lambda: worker.started == [ids[0], ids[2]])
        await resume(database, ids[1])
        worker.finish(ids[2])
        await until(lambda: worker.started == [ids[0], ids[2], ids[1]])


async def test_two_workers_never_play_one_run_twice(database: Database) -> None:
    ids = await launch(database, 20)
    async with working(database, 5, "w1") as one, working(database, 5, "w2") as two:
        await until(lambda: len(one.started) + len(two.started) == 10)
        for done in range(10):
            worker = one if one._players and (done % 2 or not two._players) else two
            worker.finish(next(iter(worker._players)))
        await until(lambda: len(one.started) + len(two.started) == 20)
    assert sorted(one.started + two.started) == sorted(ids)
    assert {(await runs.get_run(database, run_id)).epoch for run_id in ids} == {1}


async def test_a_worker_that_stops_hands_back_and_another_goes_on(database: Database) -> None:
    ids = await launch(database, 3)
    async with working(database, 3, "w2") as other:
        await until(lambda: sorted(other.started) == sorted(ids))
        async with working(database, 3, "w1") as worker:
            other.stop()
            await until(lambda: sorted(worker.started) == sorted(ids))
    assert {await state(database, run_id) for run_id in ids} == {"queued"}


async def test_a_stop_asked_for_reaches_the_player(database: Database) -> None:
    [run_id] = await launch(database, 1)
    async with working(database, 1) as worker:
        await until(lambda: worker.started == [run_id])
        await request(database, run_id, "stop")
        await until(lambda: is_in(database, run_id, "cancelled"))
