from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.store.clock import database_now
from app.store.connect import Database
from app.store.tables import WorkerRow
from app.store.workers import (
    ALIVE_FOR,
    WorkerReport,
    count_workers,
    forget_lost_workers,
    leave_worker,
    list_workers,
    report_worker,
)


def report(name: str = "worker@a:1:x", **fields: object) -> WorkerReport:
    given = {"id": name, "role": "worker", "host": "a", "pid": 1, "version": "1", "capacity": 8} | fields
    return WorkerReport.model_validate(given)


async def silent_for(database: Database, worker: str, span: timedelta) -> None:
    async with database.write() as connection:
        moment = datetime.now(UTC) - span
        await connection.execute(update(WorkerRow).where(WorkerRow.id == worker).values(heartbeat=moment))


async def test_the_first_report_joins_and_later_ones_bring_it_up_to_date(database: Database) -> None:
    await report_worker(database, report(playing=0))
    [joined] = await list_workers(database)
    await report_worker(database, report(playing=3, testing=1, calls_per_minute={"r1": 40}))
    [now] = await list_workers(database)
    assert (now.playing, now.testing, now.calls_per_minute) == (3, 1, {"r1": 40})
    assert now.started_at == joined.started_at and now.started_at.tzinfo is not None
    assert now.alive and now.takes_runs


@pytest.mark.parametrize(
    ("fields", "counted"),
    [({}, 1), ({"playing": 0}, 1), ({"stopping": True}, 0), ({"role": "govsim-run"}, 0)],
)
async def test_counted_are_those_who_take_queued_runs(
    database: Database, fields: dict[str, object], counted: int
) -> None:
    await report_worker(database, report(**fields))
    assert await count_workers(database) == counted


async def test_the_silent_stay_on_the_list_but_are_not_counted_on(database: Database) -> None:
    await report_worker(database, report())
    await silent_for(database, "worker@a:1:x", ALIVE_FOR + timedelta(seconds=5))
    [lost] = await list_workers(database)
    assert not lost.alive and lost.silent_s > ALIVE_FOR.total_seconds()
    assert await count_workers(database) == 0


async def test_the_lost_are_forgotten_after_a_day_and_the_orderly_at_once(database: Database) -> None:
    for name in ("old", "late", "here"):
        await report_worker(database, report(name))
    await silent_for(database, "old", timedelta(hours=25))
    await silent_for(database, "late", timedelta(hours=23))
    await forget_lost_workers(database)
    assert {worker.id for worker in await list_workers(database)} == {"late", "here"}
    await leave_worker(database, "here")
    assert {worker.id for worker in await list_workers(database)} == {"late"}


async def test_the_databases_clock_is_a_moment_in_utc(database: Database) -> None:
    async with database.read() as connection:
        moment = (await connection.execute(select(database_now()))).scalar_one()
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
