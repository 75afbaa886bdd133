"""The writing half of a recorder: what happened goes into one queue, in order, and from there to disk.

What comes within GATHER_S is committed together, under the claim, so nothing is ever stored before what it rests on;
runs that have something to write at the same moment share a transaction (group_commit.py). While the database does not
answer, the queue is kept in memory and the same batch is tried again; a commit of which nobody knows whether it
happened is looked up first. The player waits for the disk at `flush` only, and before a new call when the disk is
behind (`keep_up`).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.outage import PATIENCE_S, is_outage, patiently

GATHER_S = 0.02
"""How long what comes is gathered before it is written."""
BEHIND_S = 0.3
"""While the oldest unwritten item is older than this, no new call is made."""

Item = TypeVar("Item")


class Prepared(Protocol):
    """A batch made ready to be written, any number of times."""

    async def written(self, connection: AsyncConnection) -> bool:
        """Tell whether an earlier try of this batch is in the database, whole."""
        ...

    async def write(self, connection: AsyncConnection) -> None:
        """Write the batch.

        Raises:
            LostRun: if another player has taken the run over.
        """
        ...


class Writer(Generic[Item]):
    """Writes items in batches of at most *size*, each made ready by *prepare*.

    *on_failure* is called once, from the writing task, if they cannot be written.
    """

    def __init__(
        self,
        database: Database,
        prepare: Callable[[list[Item]], Prepared],
        name: str,
        *,
        size: int,
        on_failure: Callable[[BaseException], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._database = database
        self._prepare = prepare
        self._name = name
        self._size = size
        self._on_failure = on_failure
        self._patience_s = patience_s
        self._queue: list[Item] = []
        self._since = 0.0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._moved = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failure: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the writing task."""
        self._idle.set()
        self._task = asyncio.create_task(self._write_forever(), name=f"recorder {self._name}")

    def check(self) -> None:
        """Do nothing, or raise what kept the record from being written."""
        if self._failure is not None:
            raise self._failure

    def put(self, item: Item) -> None:
        """Keep *item*."""
        if self._idle.is_set():
            self._since = monotonic()
        self._queue.append(item)
        self._idle.clear()
        self._wake.set()

    async def keep_up(self) -> None:
        """Return at once while the disk keeps up; wait while it is more than BEHIND_S seconds behind.

        Raises:
            Exception: what kept the record from being written.
        """
        while self._failure is None and not self._idle.is_set() and monotonic() - self._since > BEHIND_S:
            self._moved.clear()
            await self._moved.wait()
        self.check()

    async def flush(self) -> None:
        """Wait until everything given so far is on disk.

        Raises:
            LostRun: if another player has taken the run over.
            Exception: what the database said, if it could not be written.
        """
        await self._written()
        self.check()

    async def close(self, within_s: float | None = None) -> None:
        """Write what is left, as far as it can be written in *within_s* seconds, and stop."""
        if self._task is None:
            return
        if self._failure is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._written(), within_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._gather()
            try:
                while self._queue:
                    batch, self._queue = self._queue[: self._size], self._queue[self._size :]
                    await self._commit(self._prepare(batch))
                    self._since = monotonic()
                    self._moved.set()
            except Exception as error:
                self._failure = error
                self._idle.set()
                self._moved.set()
                self._on_failure(error)
                return
            self._idle.set()

    async def _gather(self) -> None:
        """Wait a little for what comes at the same time, but not while somebody waits for the disk."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_S):
                await self._hurry.wait()

    async def _written(self) -> None:
        self._hurry.set()
        await self._idle.wait()
        self._hurry.clear()

    async def _commit(self, batch: Prepared) -> None:
        """Write one batch in a transaction, once, however often the connection is lost meanwhile."""
        in_doubt = False

        async def work(connection: AsyncConnection) -> None:
            if not (in_doubt and await batch.written(connection)):
                await batch.write(connection)

        async def attempt() -> None:
            nonlocal in_doubt
            try:
                await self._database.together.commit(self._name, work)
            except Exception as error:
                in_doubt = in_doubt or is_outage(error)
                raise

        await patiently(attempt, f"the record of {self._name} waits", patience_s=self._patience_s)
