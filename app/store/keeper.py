"""Keeps the leases of a process: claims work, beats, passes wishes on, takes back what others lost.

The one loop of workers, whatever they play: runs (`jobs/`) or subskill tests (`subskills/`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Protocol

import structlog

from app.store.connect import Database
from app.store.leases import RUNS, Claim, Work, any_queued, beat, claim_next, wishes
from app.store.lost import Watch, recover_lost
from app.store.records import RunState

POLL_SECONDS = 0.2
BEAT_SECONDS = 2.0

log = structlog.get_logger()


class Held(Protocol):
    """Something that plays claimed work once. `wish` may be called at any time."""

    claim: Claim

    def wish(self, wish: Any) -> None:
        """Ask for a pause, a stop, "hand back" or "lost"."""
        ...

    async def run(self) -> RunState | None:
        """Play until it ends; return the state it was left in, None if it was lost."""
        ...


class Keeper:
    """Holds the leases of one process on one kind of work, under the name *owner*."""

    def __init__(self, database: Database, owner: str, stale_after: timedelta, work: Work = RUNS) -> None:
        self.owner = owner
        self._database = database
        self._stale_after = stale_after
        self._work = work
        self._watch = Watch()
        self._held: dict[str, Held] = {}
        self._tasks: dict[str, asyncio.Task[object]] = {}

    @property
    def holding(self) -> int:
        """How much work it plays now."""
        return len(self._held)

    async def serve(self, stop: asyncio.Event, play: Callable[[Claim], Held], capacity: int) -> None:
        """Claim and play queued work, at most *capacity* at once, until *stop* is set; then hand back what is left."""
        watch = asyncio.create_task(self._keep_leases())
        try:
            while not stop.is_set():
                await self._guard(self._claim(play, capacity))
                await _wait(stop, POLL_SECONDS)
        finally:
            for held in self._held.values():
                held.wish("hand back")
            if self._tasks:
                await asyncio.wait(list(self._tasks.values()))
            await _end(watch)

    async def play_these(self, owned: Sequence[Held], at_once: bool = True) -> None:
        """Play work that is owned already (`govsim run`), together or one after the other, keeping all leases."""
        self._held = {held.claim.run_id: held for held in owned}
        watch = asyncio.create_task(self._keep_leases())
        try:
            tasks = [self._start(held) for held in owned] if at_once else []
            if tasks:
                await asyncio.wait(tasks)
                return
            for held in owned:
                await held.run()
                self._held.pop(held.claim.run_id, None)
        finally:
            await _end(watch)

    async def _claim(self, play: Callable[[Claim], Held], capacity: int) -> None:
        while len(self._held) < capacity and await any_queued(self._database, self._work):
            claim = await claim_next(self._database, self.owner, self._work)
            if claim is None:
                return
            self._start(play(claim))

    def _start(self, held: Held) -> "asyncio.Task[object]":
        run_id = held.claim.run_id
        self._held[run_id] = held
        task: asyncio.Task[object] = asyncio.create_task(held.run(), name=f"{self._work.name} {run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._ended(held))
        return task

    def _ended(self, held: Held) -> None:
        run_id = held.claim.run_id
        if self._held.get(run_id) is held:
            del self._held[run_id], self._tasks[run_id]

    async def _keep_leases(self) -> None:
        """Beat, look for lost work and pass on what people ask for."""
        loop = asyncio.get_running_loop()
        next_beat = loop.time()
        while True:
            await self._guard(self._pass_wishes_on())
            if loop.time() >= next_beat:
                next_beat = loop.time() + BEAT_SECONDS
                await self._guard(self._beat())
            await asyncio.sleep(POLL_SECONDS)

    async def _beat(self) -> None:
        await beat(self._database, self._claims(), self._work)
        for run_id in await recover_lost(self._database, self._watch, self._stale_after, self._work):
            log.warning(f"lost {self._work.name} taken back", run=run_id)

    async def _pass_wishes_on(self) -> None:
        claims = self._claims()
        if not claims:
            return
        for run_id, wish in (await wishes(self._database, claims, self._work)).items():
            if run_id in self._held:
                self._held[run_id].wish(wish)

    def _claims(self) -> list[Claim]:
        return [held.claim for held in self._held.values()]

    async def _guard(self, step: Coroutine[Any, Any, None]) -> None:
        """Run a step of the loop; a database that fails for a while must not end the worker."""
        try:
            await step
        except Exception:
            log.exception("the worker goes on after an error")
            await asyncio.sleep(1)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
