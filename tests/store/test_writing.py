"""A database that goes away for a while: nothing is lost, nothing is written twice, and nobody asks on regardless."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store import writing
from app.store.connect import Database
from app.store.leases import LostRun
from app.store.lost import Watch, recover_lost
from app.store.outage import is_full, is_outage, patiently
from app.store.queries import list_calls
from app.store.recorder import open_recorder
from app.store.runs import get_run
from tests.store.test_lost import Clock
from tests.store.test_recorder import call, claimed


def gone() -> OperationalError:
    return OperationalError("COMMIT", {}, psycopg.OperationalError("server closed the connection unexpectedly"))


class Flaky:
    """A database whose transactions fail in the ways of *plan*: "before" or "after" their commit, or not at all."""

    def __init__(self, inner: Database, plan: list[str]) -> None:
        self._inner = inner
        self.plan = plan
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def write(self, **options: Any) -> AsyncIterator[AsyncConnection]:
        fate = self.plan.pop(0) if self.plan else "good"
        self.tries += 1
        if fate == "before":
            raise gone()
        async with self._inner.write(**options) as connection:
            yield connection
        if fate == "after":
            raise gone()


@pytest.mark.parametrize("plan", [["before"], ["after"], ["before", "after", "before"], ["after", "after"]])
async def test_calls_are_written_once_whenever_the_connection_is_lost(database: Database, plan: list[str]) -> None:
    claim = await claimed(database)
    flaky = Flaky(database, list(plan))
    recorder = await open_recorder(flaky, claim)  # type: ignore[arg-type]
    for number in range(1, 4):
        recorder.record(call(number))
        await recorder.flush()
    await recorder.close()
    assert [one.seq for one in await list_calls(database, claim.run_id)] == [1, 2, 3]
    assert (await get_run(database, claim.run_id)).calls == 3
    assert not flaky.plan


async def test_whoever_was_replaced_during_the_outage_writes_nothing(database: Database) -> None:
    claim = await claimed(database)
    recorder = await open_recorder(Flaky(database, ["before"]), claim)  # type: ignore[arg-type]
    failed: list[BaseException] = []
    recorder.on_failure = failed.append
    recorder.record(call(1))
    await asyncio.sleep(0)
    clock = Clock()
    watch = Watch(clock)
    await recover_lost(database, watch, timedelta(hours=1))
    clock.seconds += 5
    assert await recover_lost(database, watch, timedelta(seconds=4)) == [claim.run_id]
    with pytest.raises(LostRun):
        await recorder.flush()
    await recorder.close()
    assert isinstance(failed[0], LostRun)
    assert await list_calls(database, claim.run_id) == []


async def test_an_error_that_is_no_outage_is_told_at_once(database: Database) -> None:
    claim = await claimed(database)
    recorder = await open_recorder(database, claim)
    recorder.record(call(1))
    await recorder.flush()
    again = await open_recorder(database, claim)
    again._call_seq = 0
    again.record(call(1))
    with pytest.raises(IntegrityError):
        await again.flush()
    await again.close()
    await recorder.close()


async def test_no_new_call_is_made_while_the_disk_is_far_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = await claimed(database)
    flaky = Flaky(database, [])
    recorder = await open_recorder(flaky, claim)  # type: ignore[arg-type]
    clock = Clock()
    monkeypatch.setattr(writing, "monotonic", clock)
    await recorder.keep_up()
    flaky.plan = ["before"] * 4
    recorder.record(call(1))
    await recorder.keep_up()
    clock.seconds += writing.BEHIND_S + 1
    waits = asyncio.create_task(recorder.keep_up())
    await asyncio.sleep(0)
    assert not waits.done()
    await recorder.flush()
    await waits
    assert flaky.tries == 5
    await recorder.close()


async def test_patience_ends_and_the_last_error_is_told() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def step() -> None:
        raise gone()

    with pytest.raises(OperationalError):
        await patiently(step, "nothing happens", patience_s=-1, sleep=sleep)
    assert len(slept) == 1


def full(text: str) -> DBAPIError:
    return OperationalError("INSERT", {}, sqlite3.OperationalError(text))


def state(code: str) -> DBAPIError:
    error = psycopg.errors.lookup(code)("told so")
    return OperationalError("SELECT", {}, error)


@pytest.mark.parametrize(
    ("error", "outage", "disk_full"),
    [
        (full("database is locked"), True, False),
        (full("database or disk is full"), False, True),
        (full("no such table: run"), False, False),
        (gone(), True, False),
        (state("57P01"), True, False),
        (state("57P03"), True, False),
        (state("53300"), True, False),
        (state("08006"), True, False),
        (state("40P01"), True, False),
        (state("53100"), False, True),
        (state("42P01"), False, False),
        (IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed")), False, False),
        (ConnectionRefusedError(), True, False),
        (ValueError("a defect"), False, False),
    ],
)
def test_outages_and_full_disks_are_told_from_other_errors(error: Exception, outage: bool, disk_full: bool) -> None:
    assert (is_outage(error), is_full(error)) == (outage, disk_full)
