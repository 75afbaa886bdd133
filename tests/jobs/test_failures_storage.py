"""What becomes of runs when the database is away or the disk is full: docs/failures.md, row by row."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.jobs.queue import open_queue
from app.jobs.worker import Worker
from app.models.endpoints import load_endpoints
from app.models.hub import ModelHub
from app.store.connect import open_database
from app.store.news import news_of
from app.store.queries import list_calls, run_log
from app.store.sqlite import SqliteDatabase
from tests.databases import PostgresServer, start_server
from tests.fakes.process import FakeModelServer
from tests.support import Instance

GENERATIVE = {"minds": ["generative:lab/villager"]}


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that a test may stop: nobody else's tests use it."""
    server = start_server()
    # What is committed survives its crashes, as with any server that is not set up for tests alone.
    server.execute("ALTER SYSTEM SET synchronous_commit = on")
    server.restart()
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
async def on_postgres(tmp_path: Path, own_server: PostgresServer, server: FakeModelServer) -> AsyncIterator[Instance]:
    toml = server.models_toml("lab", attempts=2, backoff_s=0.05, max_concurrency=25)
    instance = Instance(tmp_path, toml, own_server.url(own_server.new_database()))
    yield instance
    await instance.close()


async def keys(instance: Instance, run_id: str) -> set[str]:
    return {call.key for call in await list_calls(instance.database, run_id, limit=5000)}


async def test_runs_live_through_a_database_that_is_away_for_a_while(
    on_postgres: Instance, own_server: PostgresServer, server: FakeModelServer
) -> None:
    instance = on_postgres
    server.control(latency_ms=60)
    first, second = [(await instance.launch(**GENERATIVE, months=4))[0] for _ in range(2)]
    worker = instance.start("worker")
    await instance.until(first, lambda run: run.months_played >= 1)
    own_server.stop()
    asked = server.stats()["requests"]
    await asyncio.sleep(8)  # longer than the lease of 3 s and what is asked without being written
    paused_at = server.stats()["requests"]
    await asyncio.sleep(2)
    assert server.stats()["requests"] == paused_at >= asked
    own_server.start()
    for run_id in (first, second):
        await instance.until(run_id, lambda run: run.state == "finished")
        counts = server.stats()["calls"][run_id]
        assert set(counts.values()) == {1}
        assert set(counts) == await keys(instance, run_id)
        played = [one.text for one in await run_log(instance.database, run_id) if "Playing" in one.text]
        assert played == ["Playing."]
    assert await instance.events(first) == await instance.events(second)
    assert worker.poll() is None


async def test_a_restarted_database_costs_nothing(
    on_postgres: Instance, own_server: PostgresServer, server: FakeModelServer
) -> None:
    instance = on_postgres
    server.control(latency_ms=20)
    [run_id] = await instance.launch(**GENERATIVE, months=5)
    instance.start("worker")
    for month in (1, 2, 3):
        await instance.until(run_id, lambda run, month=month: run.months_played >= month)  # type: ignore[misc]
        await asyncio.to_thread(own_server.restart)
    await instance.until(run_id, lambda run: run.state == "finished")
    counts = server.stats()["calls"][run_id]
    assert set(counts.values()) == {1}
    assert set(counts) == await keys(instance, run_id)


async def test_a_full_disk_pauses_the_run_and_space_lets_it_go_on(instance: Instance, server: FakeModelServer) -> None:
    """SQLite's own limit of pages stands for the disk: the worker plays in this process, so that it can be set."""
    [run_id] = await instance.launch(**GENERATIVE, months=3)
    database = open_database(instance.url)
    assert isinstance(database, SqliteDatabase)
    allowance = {"pages": 0}

    @event.listens_for(database._writer.sync_engine, "begin")
    def _limit(connection: Any) -> None:
        if allowance["pages"]:
            connection.exec_driver_sql(f"PRAGMA max_page_count={allowance['pages']}")

    stop = asyncio.Event()
    endpoints = load_endpoints(instance.folder / "models.toml", {})
    async with ModelHub(endpoints) as hub, news_of(database) as news:
        worker = Worker(database, hub, capacity=5, stale_after=timedelta(seconds=3), retry_after_s=0.5)
        work = asyncio.create_task(worker.work(stop, partial(open_queue, database), news))
        await instance.until(run_id, lambda run: run.months_played >= 1)
        async with database.read() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        allowance["pages"] = pages + 4
        paused = await instance.until(run_id, lambda run: run.waiting)
        assert (paused.reason_kind, paused.waits_for) == ("storage", "storage")
        assert "is full" in (paused.reason or "")
        kept = await keys(instance, run_id)
        await instance.until(run_id, lambda run: run.retries >= 2)
        allowance["pages"] = 2**30
        await instance.until(run_id, lambda run: run.state == "finished")
        stop.set()
        await work
    await database.close()
    counts = server.stats()["calls"][run_id]
    assert {counts[key] for key in kept} == {1}
    assert len(await keys(instance, run_id)) == 3 * 71
