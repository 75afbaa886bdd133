"""Where a worker's next run comes from: one protocol, and its implementation for a database of one host.

Whichever it is, the run table is the truth: a run is played by whoever claims it there, in the order of
`app.store.line`. A queue only decides how a worker hears of it.
"""

import asyncio
from typing import Protocol

from app.store.connect import Database
from app.store.leases import Claim, Work, any_queued, claim_waiting


class Host(Protocol):
    """A worker, as a queue sees it."""

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
    """Brings queued work to one worker."""

    async def look(self) -> None:
        """See to what waits. Called when the database has changed, and every second or so."""
        ...

    def stop(self) -> None:
        """Bring nothing more."""
        ...

    async def finish(self) -> None:
        """Let go of everything; called once all that was started has ended."""
        ...


class LocalQueue:
    """Claims from the run table: the queue of SQLite, where all workers share one host."""

    def __init__(self, database: Database, work: Work, host: Host) -> None:
        self._database = database
        self._work = work
        self._host = host

    async def look(self) -> None:
        """Claim as much as the host has places for."""
        while (free := self._host.free) > 0 and await any_queued(self._database, self._work):
            claims = await claim_waiting(self._database, self._host.owner, self._work, free)
            for claim in claims:
                self._host.start(claim)
            if not claims:
                return

    def stop(self) -> None:
        """Do nothing: nothing comes but by looking."""

    async def finish(self) -> None:
        """Do nothing: nothing is held."""
