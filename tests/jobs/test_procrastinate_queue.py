"""What Procrastinate's jobs are when something went wrong: hints, put right within seconds."""

import contextlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.store import runs
from app.store.connect import Database
from app.store.controls import request
from tests.jobs.playing import shelf_is_empty, state, until, working
from tests.store.test_line import launch


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


async def execute(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement))


async def test_a_run_whose_job_was_never_made_or_got_lost_is_found(database: Database) -> None:
    # Nobody defers anything when a run is launched, so this is what a crash before that would leave, too.
    ids = await launch(database, 2)
    async with working(database, 1) as worker:
        await until(lambda: worker.started == ids[:1])
        await execute(database, "SET LOCAL search_path TO procrastinate; DELETE FROM procrastinate_jobs")
        worker.finish(ids[0])
        await until(lambda: worker.started == ids)


async def test_a_job_whose_worker_died_before_it_claimed_the_run_is_replaced(database: Database) -> None:
    [run_id] = await launch(database, 1)
    await execute(
        database,
        f"""
        SET LOCAL search_path TO procrastinate;
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
        VALUES ('run', 'run', '{run_id}', '{run_id}', '{{}}');
        UPDATE procrastinate_jobs SET status = 'doing';
        UPDATE procrastinate_events SET at = now() - interval '1 minute'
        """,
    )
    async with working(database, 1) as worker:
        await until(lambda: worker.started == [run_id])


async def test_a_job_of_a_run_that_waits_no_longer_ends_without_playing_it(database: Database) -> None:
    gone, run_id = await launch(database, 2)
    await execute(
        database,
        f"""
        SET LOCAL search_path TO procrastinate;
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
        VALUES ('run', 'run', '{gone}', '{gone}', '{{"run_id": "{gone}"}}')
        """,
    )
    await request(database, gone, "stop")
    async with working(database, 1) as worker:
        await until(lambda: worker.started == [run_id])
    assert await state(database, gone) == "cancelled"


async def test_runs_are_played_on_and_brought_again_after_the_connections_were_lost(database: Database) -> None:
    ids = await launch(database, 4)
    async with working(database, 2) as worker:
        await until(lambda: sorted(worker.started) == sorted(ids[:2]))
        with contextlib.suppress(DBAPIError):
            await execute(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
        for run_id in ids[:2]:
            worker.finish(run_id)
        await until(lambda: sorted(worker.started) == sorted(ids))
    assert [(await runs.get_run(database, run_id)).epoch for run_id in ids] == [1, 1, 1, 1]


async def test_what_a_gone_worker_left_on_the_shelf_goes_before_nobody(database: Database) -> None:
    ids = await launch(database, 3)
    async with working(database, 1) as worker:
        await until(lambda: worker.started == ids[:1])
        await execute(
            database,
            f"""
            SET LOCAL search_path TO procrastinate;
            INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
            VALUES ('run', 'run', '{ids[2]}', '{ids[2]}', '{{"run_id": "{ids[2]}"}}');
            UPDATE procrastinate_events SET at = now() - interval '1 minute'
            """,
        )
        await until(lambda: shelf_is_empty(database))
        worker.finish(ids[0])
        await until(lambda: worker.started == ids[:2])
