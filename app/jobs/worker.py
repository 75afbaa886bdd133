"""A worker process: claims queued runs, plays many at once, keeps their leases, and hands them back when it stops."""

import asyncio
import os
import secrets
import socket
from collections.abc import Sequence
from datetime import timedelta

import structlog

from app.jobs.player import Player
from app.minds.relevance import warm_up
from app.models.hub import ModelHub
from app.store.connect import Database
from app.store.keeper import Keeper, OpenQueue
from app.store.leases import Claim
from app.store.news import News
from app.store.purse import Purse
from app.store.waiting import FIRST_WAIT_S

log = structlog.get_logger()


def owner_name(role: str) -> str:
    """Return a name for a player of runs that no other process has."""
    return f"{role}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Worker:
    """Plays runs until it is told to stop."""

    def __init__(
        self,
        database: Database,
        hub: ModelHub,
        *,
        capacity: int,
        stale_after: timedelta,
        retry_after_s: float = FIRST_WAIT_S,
        purse: Purse | None = None,
    ) -> None:
        self._database = database
        self._hub = hub
        self._purse = purse or Purse(database, hub.price_of)
        self._capacity = capacity
        self._retry_after_s = retry_after_s
        self._keeper = Keeper(database, owner_name("worker"), stale_after, can_ask=hub.can_ask)

    @property
    def owner(self) -> str:
        """The name this worker holds its runs by."""
        return self._keeper.owner

    @property
    def playing(self) -> int:
        """How many runs it plays now."""
        return self._keeper.busy

    async def work(self, stop: asyncio.Event, open_queue: OpenQueue, news: News) -> None:
        """Play what the queue brings until *stop* is set, then hand back what is being played."""
        log.info("worker started", owner=self._keeper.owner)
        # Importing the vectoriser takes a second: better now, beside the loop, than in it at the first retrieval.
        await asyncio.to_thread(warm_up)
        await self._keeper.serve(stop, self._player, self._capacity, open_queue, news)
        log.info("worker stopped", owner=self._keeper.owner)

    async def play_these(self, players: Sequence[Player]) -> None:
        """Play runs that are owned already (`govsim run`), as many at once as there is room, keeping all leases."""
        await self._keeper.play_these(players, places=self._capacity)

    def _player(self, claim: Claim) -> Player:
        return Player(
            self._database,
            self._hub,
            claim,
            lease=self._keeper.confirmed,
            retry_after_s=self._retry_after_s,
            purse=self._purse,
        )
