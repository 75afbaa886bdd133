"""A worker process: claims queued runs, plays many at once, keeps their leases, and hands them back when it stops."""

import asyncio
import os
import secrets
import socket
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import structlog

from app.jobs.player import Player
from app.minds.relevance import warm_up
from app.models.hub import ModelHub
from app.store.connect import Database
from app.store.leases import Claim, any_queued, beat, claim_next, recover_lost, wishes
from app.store.purse import Purse

POLL_SECONDS = 0.2
BEAT_SECONDS = 2.0

log = structlog.get_logger()


def owner_name(role: str) -> str:
    """Return a name for a player of runs that no other process has."""
    return f"{role}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Worker:
    """Plays runs until it is told to stop."""

    def __init__(
        self, database: Database, hub: ModelHub, *, capacity: int, stale_after: timedelta, purse: Purse | None = None
    ) -> None:
        self._database = database
        self._hub = hub
        self._purse = purse or Purse(database, hub.price_of)
        self._capacity = capacity
        self._stale_after = stale_after
        self._owner = owner_name("worker")
        self._players: dict[str, Player] = {}
        self._tasks: dict[str, asyncio.Task[object]] = {}

    async def work(self, stop: asyncio.Event) -> None:
        """Claim and play queued runs until *stop* is set, then hand back what is being played."""
        log.info("worker started", owner=self._owner)
        watch = asyncio.create_task(self._keep_leases())
        # Importing the vectoriser takes a second: better now, beside the loop, than in it at the first retrieval.
        await asyncio.to_thread(warm_up)
        try:
            while not stop.is_set():
                await self._guard(self._claim())
                await _wait(stop, POLL_SECONDS)
        finally:
            for player in self._players.values():
                player.wish("hand back")
            if self._tasks:
                await asyncio.wait(list(self._tasks.values()))
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            log.info("worker stopped", owner=self._owner)

    async def play_these(self, players: Sequence[Player]) -> None:
        """Play runs that are owned already (`govsim run`), keeping their leases."""
        for player in players:
            self._start(player)
        watch = asyncio.create_task(self._keep_leases())
        try:
            await asyncio.wait(list(self._tasks.values()))
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _claim(self) -> None:
        while len(self._players) < self._capacity and await any_queued(self._database):
            claim = await claim_next(self._database, self._owner)
            if claim is None:
                return
            self._start(Player(self._database, self._hub, claim, purse=self._purse))

    def _start(self, player: Player) -> None:
        run_id = player.claim.run_id
        self._players[run_id] = player
        task: asyncio.Task[object] = asyncio.create_task(player.run(), name=f"player {run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._ended(player))

    def _ended(self, player: Player) -> None:
        run_id = player.claim.run_id
        if self._players.get(run_id) is player:
            del self._players[run_id], self._tasks[run_id]

    async def _keep_leases(self) -> None:
        """Beat, look for lost runs and pass on what users ask for."""
        loop = asyncio.get_running_loop()
        next_beat = loop.time()
        while True:
            await self._guard(self._pass_wishes_on())
            if loop.time() >= next_beat:
                next_beat = loop.time() + BEAT_SECONDS
                await self._guard(self._beat())
            await asyncio.sleep(POLL_SECONDS)

    async def _beat(self) -> None:
        claims = self._claims()
        if claims:
            await beat(self._database, claims)
        for run_id in await recover_lost(self._database, self._stale_after):
            log.warning("a lost run was queued again", run=run_id)
        for run_id in await self._purse.wake():
            log.info("queued again: the day's budget has something left", run=run_id)

    async def _pass_wishes_on(self) -> None:
        claims = self._claims()
        if not claims:
            return
        for run_id, control in (await wishes(self._database, claims)).items():
            if run_id in self._players:
                self._players[run_id].wish(control)

    def _claims(self) -> list[Claim]:
        return [player.claim for player in self._players.values()]

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
