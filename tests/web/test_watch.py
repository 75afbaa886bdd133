import asyncio

from app.store.connect import Database, open_database
from app.store.controls import request
from app.store.runs import launch
from app.web.watch import Watcher
from tests.databases import on_both
from tests.support import scripted_config

database_kind = on_both


async def queue_run(database, **options) -> str:  # type: ignore[no-untyped-def]
    _, [run] = await launch(database, [scripted_config()], prompt_sets={}, engine_version="1", **options)
    return run


async def test_a_write_of_another_process_wakes_whoever_waits(database: Database, database_url: str) -> None:
    elsewhere = open_database(database_url)
    watcher = Watcher(database, interval_s=0.01)
    watcher.start()
    await watcher.wait(watcher.generation, 5)
    seen = watcher.generation
    waiting = asyncio.create_task(watcher.wait(seen, 5))
    await queue_run(elsewhere)
    await waiting
    assert watcher.generation > seen
    await watcher.stop()
    await elsewhere.close()


async def test_nobody_is_woken_where_nothing_changed(database: Database) -> None:
    watcher = Watcher(database, interval_s=0.001)
    watcher.start()
    await watcher.wait(watcher.generation, 5)
    seen = watcher.generation
    async with database.write():
        pass
    await watcher.wait(seen, 0.1)
    assert watcher.generation == seen
    await watcher.stop()


async def test_a_followed_run_is_read_once_for_all_who_look(database: Database) -> None:
    run = await queue_run(database)
    watcher = Watcher(database, interval_s=0.01)
    watcher.start()
    with watcher.following(run), watcher.following(run):
        await watcher.wait(watcher.generation, 5)
        seen = watcher.generation
        await request(database, run, "pause")
        await watcher.wait(seen, 5)
        latest = watcher.latest(run)
        assert latest is not None and latest.state == "paused"
    assert watcher.latest(run) is None
    await watcher.stop()


async def test_a_watcher_that_nobody_needs_stops_at_once(database: Database) -> None:
    watcher = Watcher(database)
    watcher.start()
    async with asyncio.timeout(1):
        await watcher.stop()


async def test_whoever_comes_back_after_a_quiet_time_is_woken_again(database: Database) -> None:
    watcher = Watcher(database, interval_s=0.001, linger_s=0.01)
    watcher.start()
    await watcher.wait(watcher.generation, 5)
    async with asyncio.timeout(5):
        await watcher.rested.wait()
    await queue_run(database)
    seen = watcher.generation
    await watcher.wait(seen, 5)
    assert watcher.generation > seen
    await watcher.stop()
