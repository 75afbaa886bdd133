"""Notices that the database changed, whoever wrote, and wakes everybody who waits for it.

One task a process asks the database ten times a second whether anything was written, and only while somebody waits.
When something was, it reads the runs that are being followed, all in one query: a hundred open pages cost as much as
one.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.store.connect import Changed, Database, DatabaseError
from app.store.queries import get_runs
from app.store.records import RunRecord

log = structlog.get_logger(__name__)

INTERVAL_S = 0.1
PAUSE_AFTER_ERROR_S = 2.0
# Nobody waits for a moment whenever all streams are busy; only after this long is the connection given up.
LINGER_S = 5.0


class Watcher:
    """Wakes streams. `generation` grows with every change that was noticed; `rested` is set while it does not look."""

    def __init__(
        self,
        database: Database,
        interval_s: float = INTERVAL_S,
        linger_s: float = LINGER_S,
        pause_s: float = PAUSE_AFTER_ERROR_S,
    ) -> None:
        self._database = database
        self._interval_s = interval_s
        self._linger_s = linger_s
        self._pause_s = pause_s
        self._followed: Counter[str] = Counter()
        self._latest: dict[str, RunRecord] = {}
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._waiting = 0
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.generation = 0
        self.rested = asyncio.Event()

    @contextlib.contextmanager
    def following(self, run_id: str) -> Iterator[None]:
        """Keep the run's record fresh for as long as somebody looks at it."""
        self._followed[run_id] += 1
        try:
            yield
        finally:
            self._followed[run_id] -= 1
            if self._followed[run_id] <= 0:
                del self._followed[run_id]
                self._latest.pop(run_id, None)

    def latest(self, run_id: str) -> RunRecord | None:
        """Return a followed run as it was at the last change, or None if there has been none since."""
        return self._latest.get(run_id)

    async def wait(self, seen: int, timeout_s: float | None = None) -> None:
        """Return when the database has changed since generation *seen*, or the time is up."""
        self._waiting += 1
        self._wanted.set()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while self.generation == seen:
                        await self._changed.wait()
        finally:
            self._waiting -= 1
            if not self._waiting and not self._stopping.is_set():
                self._wanted.clear()

    def start(self) -> None:
        """Start looking."""
        self._task = asyncio.create_task(self._watch_forever(), name="database watcher")

    async def stop(self) -> None:
        """Stop looking; a query under way is let come home."""
        if self._task is not None:
            self._stopping.set()
            self._wanted.set()
            await self._task
            self._task = None

    async def _watch_forever(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._wanted.wait()
                async with self._database.changes() as changed:
                    self.rested.clear()
                    await self._watch(changed)
            except (SQLAlchemyError, OSError, DatabaseError) as error:
                log.warning("the database cannot be watched", error=str(error))
                # What is known grows old; whoever asks for it meanwhile asks the database.
                self._latest.clear()
                await self._rest(self._pause_s)
            finally:
                self.rested.set()

    async def _watch(self, changed: Changed) -> None:
        """Wake everybody at each change, the first time at once: something may have been missed before."""
        while not self._stopping.is_set():
            if await changed():
                await self._wake()
            await self._rest(self._interval_s)
            try:
                await asyncio.wait_for(self._wanted.wait(), self._linger_s)
            except TimeoutError:
                return

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _wake(self) -> None:
        if self._followed:
            known = {run.id: run for run in await get_runs(self._database, list(self._followed))}
            # A run that is not there any more was deleted: whoever asks for it must not see it as it was.
            self._latest = {run_id: run for run_id, run in known.items() if run_id in self._followed}
        self.generation += 1
        self._changed.set()
        self._changed = asyncio.Event()
