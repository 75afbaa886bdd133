"""A model that waits its turn: at most so many requests of an endpoint are on their way at once."""

import asyncio

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, Model


class LimitedModel:
    """Asks *inner* while it holds one of *slots*, which all models of an endpoint share; first come, first served."""

    def __init__(self, inner: Model, slots: asyncio.Semaphore) -> None:
        self.name = inner.name
        self._inner = inner
        self._slots = slots

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return *inner*'s completion, as soon as a slot is free."""
        async with self._slots:
            return await self._inner.complete(messages, sampling, key)
