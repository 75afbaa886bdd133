"""Lets calls that are under way come home: what was asked and paid for is recorded, also when a run is stopped."""

import asyncio
from collections.abc import Awaitable, Callable

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, Model


class Stopping(Exception):
    """The run is being stopped; no new call is made."""


class CallsUnderWay:
    """The calls of one run that have not come back yet."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Completion]] = set()
        self._closed = False

    async def run(self, call: asyncio.Task[Completion]) -> Completion:
        """Wait for *call*; being cancelled here does not cancel it."""
        self._tasks.add(call)
        call.add_done_callback(self._done)
        return await asyncio.shield(call)

    @property
    def closed(self) -> bool:
        """Whether new calls are refused."""
        return self._closed

    async def drain(self, seconds: float) -> int:
        """Refuse new calls, wait up to *seconds* for those under way, cancel the rest and return how many that were."""
        self._closed = True
        if not self._tasks:
            return 0
        _, pending = await asyncio.wait(self._tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return len(pending)

    def _done(self, task: asyncio.Task[Completion]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # Read, or asyncio reports it as lost when nobody waits any more.


class DrainingModel:
    """A model whose calls survive the cancelling of whoever waits for them; each begins when *ready* returns."""

    def __init__(self, inner: Model, calls: CallsUnderWay, ready: Callable[[], Awaitable[None]]) -> None:
        self.name = inner.name
        self._inner = inner
        self._calls = calls
        self._ready = ready

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return the completion of *messages*.

        Raises:
            Stopping: if the run is being stopped.
        """
        await self._ready()
        if self._calls.closed:
            raise Stopping
        return await self._calls.run(asyncio.create_task(self._inner.complete(messages, sampling, key)))
