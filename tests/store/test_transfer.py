from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from app.store.connect import Database
from app.store.runs import add_log, launch
from app.store.tables import EventRow, RunLogRow, RunRow
from app.store.transfer import chunks, clear, copy_tables, count_rows, kept_tables, occupied
from tests.support import fresh_database, scripted_config


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Database]:
    (tmp_path / "other").mkdir()
    database, _ = fresh_database(tmp_path / "other")
    yield database
    await database.close()


async def filled(database: Database) -> list[str]:
    _, ids = await launch(
        database, [scripted_config(seed=seed) for seed in (1, 2)], prompt_sets={}, engine_version="1", experiment="E"
    )
    event = {"month": 1, "phase": "harvest", "kind": "decided", "agent": "Ö", "payload": '{"a":"\\u0000 ä"}'}
    async with database.write() as connection:
        await connection.execute(
            insert(EventRow), [{"run_id": run_id, "seq": seq, **event} for run_id in ids for seq in range(1, 8)]
        )
    return ids


def test_each_table_comes_after_those_it_points_to() -> None:
    seen: set[str] = set()
    for table in kept_tables():
        assert {key.column.table.name for key in table.foreign_keys} <= seen
        seen.add(table.name)
    assert {"run", "event", "call", "segment", "run_log", "share", "prompt_set", "subskill_call"} <= seen


async def test_chunks_cut_a_composite_key_anywhere_and_lose_nothing(database: Database) -> None:
    ids = await filled(database)
    async with database.read() as connection:
        pages = [rows async for rows in chunks(connection, EventRow.__table__, 3)]
    assert [len(rows) for rows in pages] == [3, 3, 3, 3, 2]
    assert [(row["run_id"], row["seq"]) for rows in pages for row in rows] == [
        (run_id, seq) for run_id in sorted(ids) for seq in range(1, 8)
    ]


async def test_a_copy_is_equal_row_by_row_and_numbers_go_on_after_it(database: Database, other: Database) -> None:
    [first, _] = await filled(database)
    moment = datetime(2026, 11, 21, 10, 0, 0, 123456, UTC)
    async with database.write() as connection:
        await connection.execute(
            insert(RunLogRow).values(id=70, run_id=first, at=moment, kind="state", text="a line with 'quotes' and ü")
        )
    told: list[tuple[str, int]] = []
    async with database.read() as source, other.write() as target:
        assert await occupied(target, kept_tables()) == []
        counts = await copy_tables(source, target, kept_tables(), lambda table, rows: told.append((table, rows)))
    assert (counts["run"], counts["event"], counts["experiment"]) == (2, 14, 1)
    assert sum(rows for _, rows in told) == sum(counts.values())
    async with database.read() as source, other.read() as target:
        for table in kept_tables():
            query = select(table).order_by(*table.primary_key)
            assert (await source.execute(query)).all() == (await target.execute(query)).all()
            assert await count_rows(target, table) == counts[table.name]
        row = (await target.execute(select(RunLogRow.at).where(RunLogRow.id == 70))).one()
        assert row.at == moment
    async with other.write() as connection:
        await add_log(connection, first, "state", "after the copy")
        newest = select(RunLogRow.id).order_by(RunLogRow.id.desc()).limit(1)
        assert (await connection.execute(newest)).scalar_one() == 71


async def test_clearing_takes_rows_that_others_point_to_last(database: Database) -> None:
    await filled(database)
    async with database.write() as connection:
        await clear(connection, kept_tables())
        assert await occupied(connection, kept_tables()) == []
        assert await count_rows(connection, RunRow.__table__) == 0
