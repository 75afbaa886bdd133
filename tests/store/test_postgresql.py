"""What only PostgreSQL can do to us: restarts, frozen holders of locks, other collations, strict columns, refusals."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from app.store import postgresql, runs
from app.store.address import shown
from app.store.connect import Database, DatabaseError, open_database
from app.store.migrate import upgrade
from app.store.queries import RunFilter, list_runs
from app.store.tables import RunLogRow, RunRow
from app.web.watch import Watcher
from tests.databases import USER, PostgresServer, start_server, unused_port
from tests.support import ROOT, scripted_config

MIGRATIONS = ROOT / "migrations"


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


async def queue(database: Database, **columns: object) -> str:
    _, [run_id] = await runs.launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    if columns:
        async with database.write() as connection:
            await connection.execute(RunRow.__table__.update().where(RunRow.id == run_id).values(**columns))
    return run_id


def name_of(url: str) -> str:
    return url.split("/")[3].split("?")[0]


@pytest.fixture
def restarting(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server of its own, that can be restarted without anybody else's tests noticing."""
    server = start_server()
    yield server
    server.remove()


async def test_a_restarted_server_leaves_no_dead_connection_and_no_deaf_page(restarting: PostgresServer) -> None:
    database = open_database(restarting.url(restarting.new_database()))
    watcher = Watcher(database, interval_s=0.01, pause_s=0.05)
    watcher.start()
    run_id = await queue(database)
    with watcher.following(run_id):
        await watcher.wait(watcher.generation, 10)
        await asyncio.to_thread(restarting.restart)
        # The first to ask meets no error, though its connection died with the server.
        assert (await runs.get_run(database, run_id)).state == "queued"
        await asyncio.gather(*(runs.get_run(database, run_id) for _ in range(5)))
        async with database.write() as connection:
            await runs.add_log(connection, run_id, "note", "written after the restart")
            await connection.execute(RunRow.__table__.update().values(state="paused"))
        async with asyncio.timeout(20):
            while (latest := watcher.latest(run_id)) is None or latest.state != "paused":
                await watcher.wait(watcher.generation, 1)
    await watcher.stop()
    await database.close()


async def test_whoever_freezes_in_a_transaction_does_not_keep_its_locks(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE_IN_TRANSACTION_MS", 200)
    frozen = open_database(database_url)
    monkeypatch.undo()
    database = open_database(database_url)
    run_id = await queue(database)
    lock = select(RunRow.id).where(RunRow.id == run_id).with_for_update()
    with pytest.raises(DBAPIError):
        async with frozen.write() as holding:
            await holding.execute(lock)
            async with asyncio.timeout(10), database.write() as connection:
                assert (await connection.execute(lock)).scalar_one() == run_id
    await frozen.close()
    await database.close()


async def test_what_a_read_sees_is_one_state(database: Database) -> None:
    await queue(database)
    async with database.read() as connection:
        before = (await connection.execute(select(RunRow.id))).all()
        await queue(database)
        assert (await connection.execute(select(RunRow.id))).all() == before
    assert (await list_runs(database, RunFilter()))[1] == 2


async def test_a_read_cannot_write(database: Database) -> None:
    run_id = await queue(database)
    async with database.read() as connection:
        with pytest.raises(DBAPIError, match="read-only"):
            await runs.add_log(connection, run_id, "note", "x")


@pytest.mark.parametrize("said", ["a\0b", "\0", "\ufdd0", "\ufdd00 \ufdd01 \0", "\ufdd0\0\ufdd0", "🐟\0é"])
async def test_any_text_comes_back_and_is_found(database: Database, said: str) -> None:
    run_id = await queue(database, name=said, notes=[said], gains={said: 1}, reason=said)
    async with database.write() as connection:
        await runs.add_log(connection, run_id, "note", said)
    run = await runs.get_run(database, run_id)
    assert (run.name, run.notes, run.gains, run.reason) == (said, [said], {said: 1}, said)
    async with database.read() as connection:
        texts = await connection.execute(select(RunLogRow.text).where(RunLogRow.text == said))
        assert texts.scalars().all() == [said]
    assert (await list_runs(database, RunFilter(q=said)))[1] == 1
    with pytest.raises(runs.UnknownRun):
        await runs.get_run(database, said)


async def test_no_text_is_too_long_and_no_count_too_large(database: Database) -> None:
    run_id = await queue(database, owner="w" * 5000, prompt_tokens=2**40, seed=2**31 - 1)
    run = await runs.get_run(database, run_id)
    assert (len(run.owner or ""), run.prompt_tokens) == (5000, 2**40)
    assert (await list_runs(database, RunFilter(offset=2**40)))[0] == []


async def test_lists_have_the_order_of_bytes_whatever_the_server_speaks(database: Database) -> None:
    for name in ("b", "_a", "Z", "a", "É"):
        await queue(database, scenario=name)
    listed, _ = await list_runs(database, RunFilter(sort="scenario", descending=False))
    assert [run.scenario for run in listed] == ["Z", "_a", "a", "b", "É"]


async def test_moments_are_given_back_in_utc(database: Database) -> None:
    run = await runs.get_run(database, await queue(database))
    assert str(run.created_at).endswith("+00:00") and abs((runs.now() - run.created_at).total_seconds()) < 60


async def test_log_lines_keep_their_order_over_writers(database: Database) -> None:
    run_id = await queue(database)

    async def write(number: int) -> None:
        async with database.write() as connection:
            await connection.execute(select(RunRow.id).where(RunRow.id == run_id).with_for_update())
            await connection.execute(
                insert(RunLogRow).values(run_id=run_id, at=runs.now(), kind="note", text=str(number))
            )

    await asyncio.gather(*(write(number) for number in range(10)))
    async with database.read() as connection:
        rows = await connection.execute(select(RunLogRow.at).where(RunLogRow.kind == "note").order_by(RunLogRow.id))
        moments = rows.scalars().all()
    assert len(moments) == 10 and moments == sorted(moments)


async def test_many_at_once_share_the_pool(database: Database) -> None:
    ids = await asyncio.gather(*(queue(database) for _ in range(60)))
    assert len(set(ids)) == 60


def test_processes_that_migrate_at_once_take_turns(postgres: PostgresServer) -> None:
    from concurrent.futures import ThreadPoolExecutor

    name = postgres.new_database(template=None)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(upgrade, postgres.url(name), MIGRATIONS) for _ in range(4)]:
            done.result()
    with psycopg.connect(postgres.url(name)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    postgres.drop(name)


def refused(url: str) -> str:
    with pytest.raises(DatabaseError) as caught:
        upgrade(url, MIGRATIONS)
    return str(caught.value)


def test_a_wrong_password_is_refused_without_showing_it(postgres: PostgresServer) -> None:
    said = refused(postgres.network_url("postgres", password="wr0ng-secret"))
    assert said.startswith(f"The database server on 127.0.0.1 refused the login for user '{USER}'.")
    assert "wr0ng-secret" not in said


def test_a_database_that_is_missing_is_said_with_what_to_do(postgres: PostgresServer) -> None:
    said = refused(postgres.network_url("nothere"))
    assert said == "There is no database 'nothere' on 127.0.0.1. Make it: createdb nothere"


def test_a_server_that_is_missing_is_said_with_what_to_do() -> None:
    said = refused(f"postgresql://u:s3cret-word@127.0.0.1:{unused_port()}/d")
    assert said.startswith("No database server answers at postgresql://u:***@127.0.0.1:")
    assert "s3cret-word" not in said and "Connection refused" in said
    said = refused("postgresql://u:s3cret-word@no-such-host.invalid/d")
    assert said.startswith("No database server answers at postgresql://u:***@no-such-host.invalid/d")
    assert "s3cret-word" not in said


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://u:p%40ss@h:1/d", "postgresql://u:***@h:1/d"),
        ("postgres://u@h/d?password=secret&sslmode=require", "postgresql://u@h/d?password=***&sslmode=require"),
        ("postgresql+psycopg:///d", "postgresql:///d"),
        ("sqlite:///runs.db", "sqlite:///runs.db"),
        ("sqlite+aiosqlite:////tmp/runs.db", "sqlite:////tmp/runs.db"),
    ],
)
def test_addresses_are_shown_without_their_password(url: str, seen: str) -> None:
    assert shown(url) == seen
