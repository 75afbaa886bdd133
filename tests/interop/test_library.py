import asyncio
from pathlib import Path

from sqlalchemy import func, select

from app.interop.files import find_logs
from app.interop.library import import_logs, importing
from app.interop.upload import upload_source
from app.store.connect import Database
from app.store.imports import equal_logs
from app.store.runs import get_run
from app.store.tables import CallRow, EventRow, RunRow
from tests.databases import on_both
from tests.interop.logs import config, month_of, two_months, write_run

database_kind = on_both


async def count(database: Database, table: type) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_bad_log_stops_no_other_and_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    write_run(tmp_path / "logs" / "a", two_months(), settings=config())
    write_run(tmp_path / "logs" / "b", two_months()[1:], settings=config())
    write_run(tmp_path / "logs" / "c", month_of(1, 100.0, [10.0] * 5), settings=config())
    outcomes = await import_logs(database, find_logs([tmp_path / "logs"]))
    assert [outcome.kind for outcome in outcomes] == ["imported", "failed", "imported"]
    assert outcomes[1].reason is not None and outcomes[1].reason.startswith("b: month 1")
    assert await count(database, RunRow) == 2
    run = await get_run(database, str(outcomes[0].run_id))
    assert (run.name, run.origin, run.state, run.minds, run.models) == (
        "a", "imported", "finished", "imported", "some/model",
    )  # fmt: skip
    assert (run.total_gain, run.survival_time, run.seed) == (150, 2, 7)
    interrupted = await get_run(database, str(outcomes[2].run_id))
    assert (interrupted.state, interrupted.survived, interrupted.censored) == ("interrupted", None, True)
    assert await count(database, EventRow) == run.events + interrupted.events
    assert await count(database, CallRow) == run.calls + interrupted.calls


async def test_the_same_folder_is_imported_once(database: Database, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", two_months())
    (first,) = await import_logs(database, [folder])
    (again,) = await import_logs(database, [folder])
    assert (again.kind, again.run_id) == ("skipped", first.run_id)
    assert again.reason == f"a: already imported as run {first.run_id}."


async def test_two_imports_of_one_folder_at_once_make_one_run(database: Database, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", two_months())
    outcomes = await asyncio.gather(*(import_logs(database, [folder]) for _ in range(3)))
    assert sorted(outcome.kind for (outcome,) in outcomes) == ["imported", "skipped", "skipped"]
    assert await count(database, RunRow) == 1


async def test_equal_logs_of_different_folders_know_of_each_other(database: Database, tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, two_months()) for name in ("a", "b")]
    first, second = await import_logs(database, folders)
    assert (first.equal_to, second.equal_to) == ((), (first.run_id,))
    assert await equal_logs(database, await get_run(database, str(first.run_id))) == [second.run_id]


async def test_an_upload_of_a_log_that_is_here_already_is_known(database: Database, tmp_path: Path) -> None:
    first, second = tmp_path / "disk" / "a", tmp_path / "upload" / "deep" / "a"
    for folder in (first, second):
        write_run(folder, two_months(), settings=config())
    [imported] = await import_logs(database, [first])
    [again] = [one async for one in importing(database, [second], upload_source(tmp_path / "upload"))]
    assert (again.kind, again.run_id) == ("skipped", imported.run_id)
