"""Corrections of agreed limits: versions beside the record, on both databases."""

import asyncio

import pytest
from sqlalchemy import select

from app.commons.corrections import in_force
from app.commons.events import Agreed, parse_event
from app.store.connect import Database
from app.store.corrections import (
    CorrectionConflict,
    CorrectionIn,
    CorrectionRefused,
    add_correction,
    corrections_of,
    list_corrections,
)
from app.store.queries import events_after
from app.store.records import RunRecord
from app.store.runs import UnknownRun
from app.store.tables import RunRow
from app.store.whole import read_whole
from tests.databases import on_both
from tests.fakes.villagers import record
from tests.keeping.records import generative

database_kind = on_both


@pytest.fixture
async def run(database: Database) -> RunRecord:
    return await record(database, generative(months=2))


async def read_limit(database: Database, run: RunRecord, month: int = 1) -> int | None:
    events = [parse_event(payload) for _, payload in await events_after(database, run.id)]
    return next(event.limit for event in events if isinstance(event, Agreed) and event.month == month)


def says(limit: int | None, version: int = 0, *, month: int = 1, **more: object) -> CorrectionIn:
    return CorrectionIn.model_validate({"month": month, "limit": limit, "author": " Ada ", "version": version, **more})


async def test_each_correction_is_a_version_and_no_event_changes(database: Database, run: RunRecord) -> None:
    before = await events_after(database, run.id)
    read = await read_limit(database, run)
    first = await add_correction(database, run.id, says(77, note="Kate says so\0"))
    second = await add_correction(database, run.id, says(None, 1))
    assert (first.version, first.read, first.before, first.limit, first.author) == (1, read, read, 77, "Ada")
    assert (second.version, second.read, second.before, second.limit) == (2, read, 77, None)
    assert await list_corrections(database, run.id) == [first, second]
    assert in_force([first, second]) == (second,)
    assert first.note == "Kate says so\0"
    assert await events_after(database, run.id) == before
    assert (await read_whole(database, run.id)).corrections == [first, second]


async def test_taking_back_is_a_version_too_and_the_record_stands_again(database: Database, run: RunRecord) -> None:
    read = await read_limit(database, run)
    with pytest.raises(CorrectionRefused, match="no correction to take back"):
        await add_correction(database, run.id, says(None, withdraw=True))
    await add_correction(database, run.id, says(77))
    taken = await add_correction(database, run.id, says(None, 1, withdraw=True))
    assert (taken.withdrawn, taken.before, taken.limit) == (True, 77, read)
    history = await list_corrections(database, run.id)
    assert len(history) == 2
    assert in_force(history) == ()
    again = await add_correction(database, run.id, says(78, 2))
    assert (again.version, again.before) == (3, read)


async def test_what_changes_nothing_or_was_never_read_is_refused(database: Database, run: RunRecord) -> None:
    with pytest.raises(CorrectionRefused, match="stands already"):
        await add_correction(database, run.id, says(await read_limit(database, run)))
    with pytest.raises(CorrectionRefused, match="month 9 was not searched"):
        await add_correction(database, run.id, says(5, month=9))
    with pytest.raises(UnknownRun):
        await add_correction(database, "r2222222", says(5))
    assert await list_corrections(database, run.id) == []


async def test_of_two_people_who_correct_at_once_one_is_told(database: Database, run: RunRecord) -> None:
    outcomes = await asyncio.gather(
        *(add_correction(database, run.id, says(limit)) for limit in (71, 72, 73)), return_exceptions=True
    )
    assert sum(isinstance(outcome, CorrectionConflict) for outcome in outcomes) == 2
    assert [item.version for item in await list_corrections(database, run.id)] == [1]


async def test_corrections_go_with_their_run(database: Database, run: RunRecord) -> None:
    other = await record(database, generative(months=1, seed=2))
    kept = await add_correction(database, other.id, says(60))
    await add_correction(database, run.id, says(77))
    async with database.write() as connection:
        await connection.execute(RunRow.__table__.delete().where(RunRow.id == run.id))
    assert await corrections_of(database, [run.id, other.id]) == {run.id: [], other.id: [kept]}
    async with database.read() as connection:
        assert (await connection.execute(select(RunRow.id))).scalars().all() == [other.id]
