"""A backup is one state of everything, also while others write; it comes back whole, on either database, or not."""

import asyncio
import hashlib
import io
import json
import stat
import tempfile
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, inspect, select, update

from app.jobs.rerun import check_rerun
from app.keeping.archive import Archive, UnusableBackup
from app.keeping.backup import BackupRefused, whole_or_nothing, write_backup
from app.keeping.restore import RestoreRefused, restore
from app.store.connect import Database, DatabaseError, open_database
from app.store.migrate import upgrade
from app.store.queries import run_log
from app.store.runs import get_run, now
from app.store.schema import newest_revision
from app.store.shares import issue_share, open_share
from app.store.tables import CallRow, EventRow, RunRow
from tests.databases import KINDS, database_of
from tests.fakes.process import FakeModelServer
from tests.keeping.records import contents, fill, silence
from tests.support import ROOT, Instance

MIGRATIONS = ROOT / "migrations"
EARLY = "0003"
STALE = timedelta(seconds=12)


@pytest.fixture(params=KINDS)
async def other(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Database, str]]:
    """A second database of each kind, empty, with its URL."""
    with database_of(request.param, tmp_path_factory.mktemp("other"), request) as url:
        opened = open_database(url)
        yield opened, url
        await opened.close()


async def backed_up(database: Database, path: Path) -> Path:
    with path.open("wb") as stream:
        await write_backup(database, stream, program="0.1.0", revision=newest_revision(MIGRATIONS))
    return path


async def restored(path: Path, url: str, **options: Any) -> Any:
    return await restore(path, url, MIGRATIONS, stale_after=STALE, **options)


async def test_it_comes_back_row_by_row_on_either_database(
    database: Database, other: tuple[Database, str], tmp_path: Path
) -> None:
    finished, playing = await fill(database)
    share, token = await issue_share(database, finished, last_seq=None)
    before = await contents(database)
    assert [row["withdrawn"] for row in before["correction"]] == [False, True]
    path = await backed_up(database, tmp_path / "a.govsim-backup")
    assert token.encode() not in path.read_bytes()
    target, url = other
    done = await restored(path, url)
    assert done.manifest.rows == {name: len(rows) for name, rows in before.items()}
    after = await contents(target)
    assert done.queued_again == 2
    for name in before.keys() - {"run", "run_log", "subskill_run"}:
        assert after[name] == before[name]
    assert after["run_log"][: len(before["run_log"])] == before["run_log"]
    for name, freed in (("run", playing), ("subskill_run", "t2222222")):
        for old, new in zip(before[name], after[name], strict=True):
            if old["id"] != freed:
                assert new == old
                continue
            expected = {"state": "queued", "owner": None, "heartbeat": None, "epoch": old["epoch"] + 1}
            assert new == old | expected
    assert "Restored from a backup" in (await run_log(target, playing))[-1].text
    assert (await open_share(target, token)).id == share.id
    assert (await check_rerun(target, finished)).equal


async def test_a_wish_that_was_open_is_granted_after_a_restore(
    database: Database, other: tuple[Database, str], tmp_path: Path
) -> None:
    _, playing = await fill(database)
    async with database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.id == playing).values(control="stop"))
    target, url = other
    await restored(await backed_up(database, tmp_path / "a"), url)
    run = await get_run(target, playing)
    assert (run.state, run.reason_kind, run.control) == ("cancelled", "user", None)


async def test_one_state_is_kept_while_a_worker_writes(
    instance: Instance, server: FakeModelServer, tmp_path: Path, other: tuple[Database, str]
) -> None:
    server.control(latency_ms=2)
    ids = await instance.launch(minds=["generative:lab/villager"], months=3, seeds=[1, 2, 3])
    instance.start("worker")
    path = tmp_path / "live.govsim-backup"
    calls = []
    for _ in range(3):
        await instance.until(ids[0], lambda run: run.calls > (calls[-1] if calls else 0) + 20)
        done = await asyncio.to_thread(instance.govsim, "backup", str(path), "--force", "--json")
        assert done.returncode == 0, done.stderr
        calls.append((await get_run(instance.database, ids[0])).calls)
        if calls[-1] >= 150:
            break
    target, url = other
    await restored(path, url)
    async with target.read() as connection:
        for run_id in ids:
            run = await get_run(target, run_id)
            assert run.state in ("queued", "finished")
            counts = {
                table: (
                    await connection.execute(select(func.count()).select_from(table).where(table.run_id == run_id))
                ).scalar_one()
                for table in (EventRow, CallRow)
            }
            # The run's row, read first, counts rows before they are written: in one state there are never more.
            assert counts[EventRow] <= run.events and counts[CallRow] <= run.calls
            assert (await check_rerun(target, run_id)).equal
    for run_id in ids:
        await instance.until(run_id, lambda run: run.state == "finished")
        assert set(server.stats()["calls"][run_id].values()) == {1}


async def test_a_database_with_rows_is_left_alone_unless_it_is_to_be_replaced(
    database: Database, other: tuple[Database, str], tmp_path: Path
) -> None:
    await fill(database)
    path = await backed_up(database, tmp_path / "a")
    target, url = other
    await restored(path, url)
    first = await contents(target)
    with pytest.raises(RestoreRefused, match=r"not empty: there are rows in .*run.* --replace"):
        await restored(path, url)
    assert await contents(target) == first
    async with target.write() as connection:
        one = (await connection.execute(select(RunRow.id).limit(1))).scalar_one()
        alive = {"state": "playing", "owner": "worker@here", "heartbeat": now()}
        await connection.execute(update(RunRow).where(RunRow.id == one).values(**alive))
    with pytest.raises(RestoreRefused, match=r"being played \(worker@here\). Stop the workers"):
        await restored(path, url, replace=True)
    async with target.write() as connection:
        long_ago = now() - timedelta(hours=1)
        await connection.execute(update(RunRow).where(RunRow.id == one).values(heartbeat=long_ago, name="mine"))
    await restored(path, url, replace=True)
    again = await contents(target)
    assert [row["id"] for row in again["run"]] == [row["id"] for row in first["run"]]
    assert "mine" not in {row["name"] for row in again["run"]}


async def test_an_older_backup_is_restored_with_its_schema_and_upgraded(
    database: Database, other: tuple[Database, str], tmp_path: Path
) -> None:
    finished, _ = await fill(database)
    path = await backed_up(database, tmp_path / "new")
    old = rewritten(path, tmp_path / "old", _as_first)
    target, url = other
    await restored(old, url)
    run = await get_run(target, finished)
    assert (run.state, run.dropped) == ("finished", None)
    assert (await check_rerun(target, finished)).equal


def _as_first(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    """Make a backup as an early schema would have written it: without the tables and columns that came later."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/early.db"
        upgrade(url, MIGRATIONS, EARLY)
        early = inspect(create_engine(url))
        known = {table: {column["name"] for column in early.get_columns(table)} for table in early.get_table_names()}
    manifest["revision"] = EARLY
    for table in list(manifest["tables"]):
        kept = [at for at, column in enumerate(table["columns"]) if column["name"] in known.get(table["name"], ())]
        if not kept:
            manifest["tables"].remove(table)
        table["columns"] = [table["columns"][at] for at in kept]
        for part in table["parts"]:
            rows = [json.loads(line) for line in parts.pop(part["name"]).splitlines()]
            if kept:
                data = b"".join(json.dumps([row[at] for at in kept]).encode() + b"\n" for row in rows)
                parts[part["name"]] = data
                part |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def rewritten(path: Path, target: Path, change: Any) -> Path:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts.pop("manifest.json"))
    change(manifest, parts)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    return target


def _other_bytes(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    name = next(name for name in parts if "/event/" in name)
    parts[name] = parts[name].replace(b"John", b"Joan")


def _bomb(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    name = next(name for name in parts if "/event/" in name)
    parts[name] = b"[" * 30_000_000


def _newer(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    manifest["revision"] = "9999_future"


def _newer_format(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    manifest["format"] = 2


def _path_trick(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    parts["../../etc/passwd"] = b"x"


def _other_table(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    table = next(table for table in manifest["tables"] if table["name"] == "experiment")
    old = table["name"]
    table["name"] = "alembic_version"
    for part in table["parts"]:
        parts[part["name"].replace(old, table["name"])] = parts.pop(part["name"])
        part["name"] = part["name"].replace(old, table["name"])


def _no_such_column(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    table = next(table for table in manifest["tables"] if table["name"] == "run")
    table["columns"][0]["name"] = "nothing"


def _missing_part(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    del parts[next(name for name in parts if "/call/" in name)]


def _wrong_count(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    next(table for table in manifest["tables"] if table["name"] == "event")["rows"] += 1


def _orphans(manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
    table = next(table for table in manifest["tables"] if table["name"] == "run")
    for part in table["parts"]:
        del parts[part["name"]]
    table |= {"rows": 0, "parts": []}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_bytes, "damaged: data/event/000001.jsonl is not what was written"),
        (_bomb, "damaged|larger than it may be"),
        (_newer, "does not know. Upgrade the program"),
        (_newer_format, "has format 2; this version reads up to 1. Upgrade"),
        (_path_trick, "its parts are not those that its manifest names"),
        (_missing_part, "its parts are not those that its manifest names"),
        (_wrong_count, "damaged: event has"),
        (_other_table, "table alembic_version"),
        (_no_such_column, "does not go into the database"),
        (_orphans, "points to a row of run|does not go into the database"),
    ],
)
async def test_a_changed_backup_is_refused_and_nothing_is_changed(
    database: Database, database_url: str, tmp_path: Path, change: Any, said: str
) -> None:
    await fill(database)
    await silence(database)
    path = rewritten(await backed_up(database, tmp_path / "good"), tmp_path / "bad", change)
    before = await contents(database)
    with pytest.raises((UnusableBackup, RestoreRefused, DatabaseError), match=said):
        await restored(path, database_url, replace=True)
    assert await contents(database) == before


@pytest.mark.parametrize("part", [0, 0.3, 0.9, 0.999])
async def test_a_backup_that_was_cut_off_is_refused(database: Database, tmp_path: Path, part: float) -> None:
    await fill(database)
    whole = (await backed_up(database, tmp_path / "good")).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(UnusableBackup, match="cut off, or is another kind of file"):
        Archive(cut)


def test_a_zip_of_something_else_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(UnusableBackup, match="no manifest"):
        Archive(path)


async def test_a_backup_of_another_schema_is_not_made(database: Database) -> None:
    with pytest.raises(BackupRefused, match="govsim db upgrade"):
        await write_backup(database, io.BytesIO(), program="0.1.0", revision="9999")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.govsim-backup"
    with pytest.raises(OSError, match="No space left"), whole_or_nothing(path, replace=False) as stream:
        stream.write(b"half")
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
    with whole_or_nothing(path, replace=False) as stream:
        stream.write(b"all")
    assert path.read_bytes() == b"all"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(BackupRefused, match="--force"), whole_or_nothing(path, replace=False):
        pass
    with whole_or_nothing(path, replace=True) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1
