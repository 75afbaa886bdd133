import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.group_commit import GroupCommit, Work
from app.store.runs import UnknownRun, add_log, get_run
from app.store.tables import RunLogRow
from tests.store.test_recorder import claimed


class Counted:
    """A database's transactions, and how each of them ended."""

    def __init__(self, database: Database) -> None:
        self.ends: list[str] = []
        self._database = database
        self.group = GroupCommit(self.write)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._database.write() as connection:
                yield connection
        except Exception:
            self.ends.append("rolled back")
            raise
        self.ends.append("committed")


def note(run_id: str, text: str, error: Exception | None = None) -> Work:
    async def work(connection: AsyncConnection) -> None:
        await add_log(connection, run_id, "note", text)
        if error is not None:
            raise error

    return work


async def notes(database: Database) -> list[str]:
    async with database.read() as connection:
        query = select(RunLogRow.text).where(RunLogRow.kind == "note").order_by(RunLogRow.text)
        return [row.text for row in await connection.execute(query)]


async def test_what_comes_together_is_committed_together(database: Database) -> None:
    run_id = (await claimed(database)).run_id
    counted = Counted(database)
    await asyncio.gather(*(counted.group.commit(f"run {n}", note(run_id, f"{n}")) for n in range(5)))
    assert await notes(database) == ["0", "1", "2", "3", "4"]
    assert counted.ends == ["committed"]
    await counted.group.commit("run 1", note(run_id, "later"))
    assert counted.ends == ["committed", "committed"]


async def test_one_that_fails_fails_alone_and_leaves_nothing(database: Database) -> None:
    run_id = (await claimed(database)).run_id
    counted = Counted(database)
    results = await asyncio.gather(
        counted.group.commit("a", note(run_id, "a")),
        counted.group.commit("b", note(run_id, "b", UnknownRun("b"))),
        counted.group.commit("c", note(run_id, "c")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), UnknownRun, type(None)]
    assert await notes(database) == ["a", "c"]
    assert counted.ends == ["rolled back", "committed"]


async def test_a_transaction_that_cannot_begin_fails_for_all_at_once(database: Database) -> None:
    begun = 0

    @asynccontextmanager
    async def write() -> AsyncIterator[AsyncConnection]:
        nonlocal begun
        begun += 1
        raise ConnectionError("gone")
        yield

    group = GroupCommit(write)
    results = await asyncio.gather(*(group.commit(name, note("r", name)) for name in "ab"), return_exceptions=True)
    assert [str(result) for result in results] == ["gone", "gone"]
    assert begun == 1


async def test_who_no_longer_waits_is_left_out(database: Database) -> None:
    claim = await claimed(database)
    first = asyncio.create_task(database.together.commit("a", note(claim.run_id, "a")))
    second = asyncio.create_task(database.together.commit("b", note(claim.run_id, "b")))
    await asyncio.sleep(0)
    second.cancel()
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await notes(database) == ["a"]
    assert (await get_run(database, claim.run_id)).state == "playing"


async def test_what_is_shared_is_not_logged_as_the_run_that_came_first(database: Database) -> None:
    seen: list[dict[str, object]] = []

    async def work(connection: AsyncConnection) -> None:
        seen.append(structlog.contextvars.get_contextvars())

    with structlog.contextvars.bound_contextvars(run="r1"):
        await Counted(database).group.commit("r1", work)
    assert seen == [{}]
