"""Tells the database every few seconds that this process is there, what it plays, and what it asked of endpoints."""

import asyncio
import os
import socket
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.models.meter import Meter
from app.store.connect import Database
from app.store.usage import add_use
from app.store.workers import Role, WorkerReport, forget_lost_workers, leave_worker, report_worker

REPORT_SECONDS = 5.0
REPORTS_PER_MINUTE = 12

log = structlog.get_logger()


class RollCall:
    """Reports for one process. *busy* gives how many runs and subskill tests it has now, and whether it is stopping."""

    def __init__(
        self,
        database: Database,
        meter: Meter,
        *,
        owner: str,
        role: Role,
        capacity: int,
        busy: Callable[[], tuple[int, int, bool]],
    ) -> None:
        self._database = database
        self._meter = meter
        self._me = WorkerReport(
            id=owner,
            role=role,
            host=socket.gethostname()[:100],
            pid=os.getpid(),
            version=__version__,
            capacity=capacity,
        )
        self._busy = busy
        self._calls: deque[Counter[str]] = deque(maxlen=REPORTS_PER_MINUTE)

    async def report(self) -> None:
        """Report once; counts that cannot be stored are kept for the next time."""
        use = self._meter.take()
        self._calls.append(use.runs)
        playing, testing, stopping = self._busy()
        lately: Counter[str] = sum(self._calls, Counter())
        told = {"playing": playing, "testing": testing, "stopping": stopping, "calls_per_minute": dict(lately)}
        try:
            await report_worker(self._database, self._me.model_copy(update=told))
            await add_use(self._database, use.endpoints)
        except BaseException:
            self._meter.give_back(use.endpoints)
            raise

    async def keep_reporting(self) -> None:
        """Report until cancelled; a database that fails for a while is told again when it is back."""
        while True:
            await self._try(self.report)
            await asyncio.sleep(REPORT_SECONDS)

    async def leave(self) -> None:
        """Report the last counts and take the name off the list."""
        await self._try(self.report)
        await self._try(lambda: leave_worker(self._database, self._me.id))

    async def forget_the_lost(self) -> None:
        """Drop the names of processes lost long ago."""
        await self._try(lambda: forget_lost_workers(self._database))

    async def _try(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except (SQLAlchemyError, OSError) as error:
            log.warning("the database does not take the worker's report", error=type(error).__name__)


@asynccontextmanager
async def on_the_list(roll_call: RollCall) -> AsyncIterator[None]:
    """Report for as long as the block runs, and leave in good order at its end."""
    await roll_call.forget_the_lost()
    reporting = asyncio.create_task(roll_call.keep_reporting(), name="roll call")
    try:
        yield
    finally:
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)
        await roll_call.leave()
