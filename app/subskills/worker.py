"""The worker's second job: claims queued subskill tests, keeps their leases, hands them back when it stops."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from app.models.hub import ModelHub
from app.store.connect import Database
from app.store.keeper import Keeper, OpenQueue
from app.store.leases import TESTS, Claim
from app.store.news import News
from app.store.waiting import FIRST_WAIT_S
from app.subskills.tester import Tester

CAPACITY = 8


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
        retry_after_s: float = FIRST_WAIT_S,
    ) -> None:
        self._database = database
        self._hub = hub
        self._capacity = capacity
        self._retry_after_s = retry_after_s
        self._keeper = Keeper(database, owner, stale_after, TESTS, can_ask=hub.can_ask)

    async def work(self, stop: asyncio.Event, open_queue: OpenQueue, news: News) -> None:
        """Ask the tests that the queue brings until *stop* is set, then hand back what is being asked."""
        await self._keeper.serve(stop, self._tester, self._capacity, open_queue, news)

    async def ask_these(self, testers: Sequence[Tester]) -> None:
        """Ask tests that are owned already (`govsim subskills`), one run after the other, keeping all leases."""
        await self._keeper.play_these(testers, at_once=False)

    def _tester(self, claim: Claim) -> Tester:
        return Tester(self._database, self._hub, claim, lease=self._keeper.confirmed, retry_after_s=self._retry_after_s)
