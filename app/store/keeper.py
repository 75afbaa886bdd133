"""Keeps the leases of a process: claims work, beats, passes wishes on, takes back what others lost.

The one loop of workers, whatever they play: runs (`jobs/`) or subskill tests (`subskills/`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, Protocol

import structlog

from app.store.connect import Database
from app.store.leases import RUNS, Claim, Work, beat, wishes
from app.store.lost import Watch, recover_lost
from app.store.news import News
from app.store.outage import in_short, is_outage
from app.store.records import RunState
from app.store.waiting import resume_configured, resume_due

POLL_SECONDS = 0.5
"""How often wishes are looked at when there is no news of the database."""
LOOK_SECONDS = 1.0
"""The same for queued work."""
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


class Host(Protocol):
    """A keeper, as a queue sees it."""

    @property
    def owner(self) -> str:
        """The name under which it claims."""
        ...

    @property
    def free(self) -> int:
        """How many more it can play."""
        ...

    def start(self, claim: Claim) -> "asyncio.Task[object]":
        """Play what is claimed; the task ends when it has been left."""
        ...


class Queue(Protocol):
    """Brings queued work to one host."""

    async def look(self) -> None:
        """See to what waits. Called when the database has changed, and every second or so."""
        ...

    def stop(self) -> None:
        """Bring nothing more."""
        ...

    async def finish(self) -> None:
        """Let go of everything; called once all that was started has ended."""
        ...


OpenQueue = Callable[[Work, Host], Queue]


class Keeper:
    """Holds the leases of one process on one kind of work, under the name *owner*.

    *can_ask* tells whether the process has a model; what waited for it is queued when `serve` begins.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        stale_after: timedelta,
        work: Work = RUNS,
        can_ask: Callable[[str], bool] = lambda model: False,
    ) -> None:
        self._owner = owner
        self._database = database
        self._stale_after = stale_after
        self._work = work
        self._can_ask = can_ask
        self._watch = Watch()
        self._serving = False
        self._confirmed_at = monotonic()
        self._confirmed = asyncio.Event()
        self._held: dict[str, Held] = {}
        self._tasks: dict[str, asyncio.Task[object]] = {}
        self._play: Callable[[Claim], Held] | None = None
        self._capacity = 0
        self._news = News()

    @property
    def owner(self) -> str:
        """The name under which this process holds its leases."""
        return self._owner

    @property
    def busy(self) -> int:
        """How many it plays now."""
        return len(self._held)

    @property
    def free(self) -> int:
        """How many more it can play now."""
        return self._capacity - len(self._held)

    async def serve(
        self, stop: asyncio.Event, play: Callable[[Claim], Held], capacity: int, open_queue: OpenQueue, news: News
    ) -> None:
        """Play what a queue brings, at most *capacity* at once, until *stop* is set; then hand back what is left."""
        self._play, self._capacity, self._news, self._serving = play, capacity, news, True
        queue = open_queue(self._work, self)
        watch = asyncio.gather(self._keep_leases(), self._look_after_others())
        stopped = asyncio.create_task(stop.wait())
        try:
            await self._guard(self._resume_configured())
            while not stop.is_set():
                seen = news.number
                await self._guard(queue.look())
                await _first(stopped, news.wait(seen, LOOK_SECONDS))
        finally:
            queue.stop()
            for held in list(self._held.values()):
                held.wish("hand back")
            while self._tasks:
                await asyncio.wait(list(self._tasks.values()))
            await self._guard(queue.finish())
            await _end(stopped)
            await _end(watch)

    def start(self, claim: Claim) -> "asyncio.Task[object]":
        """Play what a queue has claimed for us; the task ends when it has been left."""
        if self._play is None:
            raise RuntimeError("nothing is played before `serve`")
        return self._start(self._play(claim))

    async def play_these(self, owned: Sequence[Held], at_once: bool = True, places: int | None = None) -> None:
        """Play work that is owned already (`govsim run`), together or one after the other, keeping all leases.

        Together: no more than *places* at a time, in their order.
        """
        self._held = {held.claim.run_id: held for held in owned}
        watch = asyncio.gather(self._keep_leases(), self._look_after_others())
        try:
            if at_once and owned:
                room = asyncio.Semaphore(places or len(owned))
                tasks = [self._start(held, room) for held in owned]
                await asyncio.wait(tasks)
                return
            for held in owned:
                await held.run()
                self._held.pop(held.claim.run_id, None)
        finally:
            await _end(watch)

    async def confirmed(self) -> None:
        """Return at once while the leases were lately seen to be ours; else wait until they have been looked at.

        A process that was frozen or cut off may have lost them: what was lost is told so before this returns.
        """
        while monotonic() - self._confirmed_at > self._stale_after.total_seconds() / 2:
            self._confirmed.clear()
            await self._confirmed.wait()

    def _start(self, held: Held, room: asyncio.Semaphore | None = None) -> "asyncio.Task[object]":
        run_id = held.claim.run_id
        self._held[run_id] = held
        playing = held.run() if room is None else _in_turn(held, room)
        task: asyncio.Task[object] = asyncio.create_task(playing, name=f"{self._work.name} {run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._ended(held))
        return task

    def _ended(self, held: Held) -> None:
        run_id = held.claim.run_id
        if self._held.get(run_id) is held:
            del self._held[run_id], self._tasks[run_id]
            self._news.tell()  # there is a free place

    async def _keep_leases(self) -> None:
        """Beat, and pass on what people ask for. Nothing here waits for a row that others have locked."""
        loop = asyncio.get_running_loop()
        next_beat = loop.time()
        while True:
            seen = self._news.number
            await self._guard(self._pass_wishes_on())
            if loop.time() >= next_beat:
                next_beat = loop.time() + BEAT_SECONDS
                await self._guard(beat(self._database, self._claims(), self._work))
            await self._news.wait(seen, POLL_SECONDS)

    async def _resume_configured(self) -> None:
        for run_id in await resume_configured(self._database, self._can_ask, self._work):
            log.info(f"{self._work.name} tried again: its model can be asked here", run=run_id)

    async def _look_after_others(self) -> None:
        """Take back what others lost, and try again what waits."""
        while True:
            await self._guard(self._look())
            await asyncio.sleep(BEAT_SECONDS)

    async def _look(self) -> None:
        for run_id in await recover_lost(self._database, self._watch, self._stale_after, self._work):
            log.warning(f"lost {self._work.name} taken back", run=run_id)
        if self._serving:
            for run_id in await resume_due(self._database, self._work):
                log.info(f"{self._work.name} tried again", run=run_id)

    async def _pass_wishes_on(self) -> None:
        claims, moment = self._claims(), monotonic()
        asked = await wishes(self._database, claims, self._work) if claims else {}
        for run_id, wish in asked.items():
            if run_id in self._held:
                self._held[run_id].wish(wish)
        self._confirmed_at = moment
        self._confirmed.set()

    def _claims(self) -> list[Claim]:
        return [held.claim for held in self._held.values()]

    async def _guard(self, step: Coroutine[Any, Any, None]) -> None:
        """Run a step of the loop; a database that fails for a while must not end the worker."""
        try:
            await step
        except Exception as error:
            if is_outage(error):
                log.warning("the database does not answer; the worker tries again", error=in_short(error))
            else:
                log.exception("the worker goes on after an error")
            await asyncio.sleep(1)


async def _in_turn(held: Held, room: asyncio.Semaphore) -> object:
    """Play *held* when there is *room*; those who wait for it go in before whoever comes later."""
    async with room:
        return await held.run()


async def _first(*awaitables: Any) -> None:
    """Wait for whichever comes first; the others are cancelled, except tasks, which go on."""
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, given in zip(tasks, awaitables, strict=True):
        if task is not given:
            await _end(task)


async def _end(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
