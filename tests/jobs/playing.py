"""Workers in this process whose players do nothing until told: for tests of how queued runs come to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import text

from app.jobs.queue import open_queue
from app.store import leases, runs
from app.store.connect import Database
from app.store.keeper import Keeper
from app.store.leases import Claim, LostRun
from app.store.news import news_of
from app.store.records import RunState


class Idle:
    """A player that does nothing until it is told to finish, or somebody wishes something."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self.claim = claim
        self._database = database
        self._wish: str | None = None
        self.told = asyncio.Event()

    def wish(self, wish: Any) -> None:
        if wish is not None:
            self._wish = wish
            self.told.set()

    async def run(self) -> RunState | None:
        await self.told.wait()
        states: dict[str | None, RunState] = {None: "finished", "pause": "paused", "stop": "cancelled"}
        state = states.get(self._wish, "queued")
        try:
            await leases.leave(self._database, self.claim, state)
        except LostRun:
            return None
        return state


class Played:
    """A worker of *capacity* places; `started` are the runs it was brought, in order."""

    def __init__(self, database: Database, owner: str, capacity: int) -> None:
        self.started: list[str] = []
        self._players: dict[str, Idle] = {}
        self._database = database
        self._keeper = Keeper(database, owner, timedelta(seconds=60))
        self._capacity = capacity
        self._stop = asyncio.Event()

    def finish(self, run_id: str) -> None:
        """Let a run that is being played end."""
        self._players.pop(run_id).told.set()

    def stop(self) -> None:
        """Tell the worker to stop."""
        self._stop.set()

    async def work(self) -> None:
        """Work until it is stopped."""
        async with news_of(self._database) as news:
            await self._keeper.serve(
                self._stop, self._player, self._capacity, partial(open_queue, self._database), news
            )

    def _player(self, claim: Claim) -> Idle:
        self.started.append(claim.run_id)
        self._players[claim.run_id] = Idle(self._database, claim)
        return self._players[claim.run_id]


@asynccontextmanager
async def working(database: Database, capacity: int, owner: str = "w1") -> AsyncIterator[Played]:
    """Give a worker that works until the block ends."""
    worker = Played(database, owner, capacity)
    task = asyncio.create_task(worker.work())
    try:
        yield worker
    finally:
        worker.stop()
        await task


async def until(reached: Callable[[], bool | Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until *reached* holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = reached()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


async def state(database: Database, run_id: str) -> str:
    return (await runs.get_run(database, run_id)).state


async def is_in(database: Database, run_id: str, wanted: str) -> bool:
    return await state(database, run_id) == wanted


async def shelf_is_empty(database: Database) -> bool:
    return await jobs(database, "todo") == []


async def jobs(database: Database, status: str) -> list[str]:
    """Return the runs of Procrastinate's jobs of *status*; none on SQLite."""
    if database.url.get_backend_name() == "sqlite":
        return []
    async with database.read() as connection:
        rows = await connection.execute(
            text("SELECT lock FROM procrastinate.procrastinate_jobs WHERE status::text = :status ORDER BY id"),
            {"status": status},
        )
        return list(rows.scalars())
