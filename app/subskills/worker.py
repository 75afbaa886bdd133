"""The worker's second job: claims queued subskill tests, keeps their leases, hands them back when it stops."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from app.models.hub import ModelHub
from app.store.connect import Database
from app.store.purse import Purse
from app.store.subskill_leases import beat_tests, claim_next_tests, recover_lost_tests, wishes_for_tests
from app.subskills.tester import Tester

POLL_SECONDS = 0.3
BEAT_SECONDS = 2.0
CAPACITY = 8

log = structlog.get_logger()


class SubskillWorker:
    """Asks subskill tests until it is told to stop."""

    def __init__(
        self,
        database: Database,
        hub: ModelHub,
        *,
        owner: str,
        stale_after: timedelta,
        capacity: int = CAPACITY,
        purse: Purse | None = None,
    ) -> None:
        self._database = database
        self._hub = hub
        self._purse = purse or Purse(database, hub.price_of)
        self._owner = owner
        self._stale_after = stale_after
        self._capacity = capacity
        self._testers: dict[str, Tester] = {}
        self._tasks: dict[str, asyncio.Task[object]] = {}

    async def work(self, stop: asyncio.Event) -> None:
        """Claim and ask queued tests until *stop* is set, then hand back what is being asked."""
        watch = asyncio.create_task(self._keep_leases())
        try:
            while not stop.is_set():
                await self._guard(self._claim())
                await _wait(stop, POLL_SECONDS)
        finally:
            for tester in self._testers.values():
                tester.wish("hand back")
            await self._finish(watch)

    async def ask_these(self, testers: Sequence[Tester]) -> None:
        """Ask tests that are owned already (`govsim subskills`), one run after the other, keeping all leases."""
        watch = asyncio.create_task(self._keep_leases())
        self._testers = {tester.claim.run_id: tester for tester in testers}
        try:
            for tester in testers:
                await tester.run()
                self._testers.pop(tester.claim.run_id, None)
        finally:
            await self._finish(watch)

    async def _finish(self, watch: "asyncio.Task[None]") -> None:
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    async def _claim(self) -> None:
        while len(self._testers) < self._capacity:
            claim = await claim_next_tests(self._database, self._owner)
            if claim is None:
                return
            tester = Tester(self._database, self._hub, claim, purse=self._purse)
            self._testers[claim.run_id] = tester
            task: asyncio.Task[object] = asyncio.create_task(tester.run(), name=f"tester {claim.run_id}")
            self._tasks[claim.run_id] = task
            task.add_done_callback(partial(self._ended, tester))

    def _ended(self, tester: Tester, _task: "asyncio.Task[object]") -> None:
        run_id = tester.claim.run_id
        if self._testers.get(run_id) is tester:
            del self._testers[run_id], self._tasks[run_id]

    async def _keep_leases(self) -> None:
        loop = asyncio.get_running_loop()
        next_beat = loop.time()
        while True:
            await self._guard(self._pass_wishes_on())
            if loop.time() >= next_beat:
                next_beat = loop.time() + BEAT_SECONDS
                await self._guard(self._beat())
            await asyncio.sleep(POLL_SECONDS)

    async def _pass_wishes_on(self) -> None:
        claims = [tester.claim for tester in self._testers.values()]
        if claims:
            for run_id, wish in (await wishes_for_tests(self._database, claims)).items():
                if run_id in self._testers:
                    self._testers[run_id].wish(wish)

    async def _beat(self) -> None:
        if claims := [tester.claim for tester in self._testers.values()]:
            await beat_tests(self._database, claims)
        for run_id in await recover_lost_tests(self._database, self._stale_after):
            log.warning("lost tests were queued again", tests=run_id)
        for run_id in await self._purse.wake():
            log.info("queued again: the day's budget has something left", subject=run_id)

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
