"""A model that tries again: exponential backoff with jitter, and Retry-After where the endpoint says how long."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import MappingProxyType

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, EndpointDown, Message, Model, Transient

_TIMES = MappingProxyType({1: "once", 2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times"})

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently. Times are in seconds.

    The waits are backoff, 2 backoff, 4 backoff ... up to `max_wait_s`, each with up to `backoff_s` of jitter.
    """

    attempts: int = 6
    backoff_s: float = 1.0
    max_wait_s: float = 30.0
    max_retry_after_s: float = 120.0

    def wait_s(self, failures: int, asked_s: float | None) -> float:
        """Return how long to wait after so many failures, the last of which asked for *asked_s* seconds if any."""
        jitter = random.uniform(0, self.backoff_s)
        if asked_s is not None:
            # Calls refused together come back apart, and never before they were told to.
            return min(asked_s, self.max_retry_after_s) + jitter
        return min(self.backoff_s * 2.0 ** (failures - 1) + jitter, self.max_wait_s)


class RetryingModel:
    """Asks *inner* until it answers or the policy is used up. Only `Transient` failures are tried again."""

    def __init__(
        self, inner: Model, endpoint: str, policy: RetryPolicy = RetryPolicy(), sleep: Sleep = asyncio.sleep
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._endpoint = endpoint
        self._policy = policy
        self._sleep = sleep

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return *inner*'s completion; its `transport_attempts` counts the requests made.

        Raises:
            EndpointDown: every attempt failed; the message says how.
        """
        failures: list[Transient] = []

        while True:
            try:
                completion = await self._inner.complete(messages, sampling, key)
            except Transient as failure:
                failures.append(failure)
                if len(failures) == self._policy.attempts:
                    raise self._given_up(failures) from failure
                await self._sleep(self._policy.wait_s(len(failures), failure.retry_after_s))
            else:
                break
        if failures:
            return completion.model_copy(update={"transport_attempts": len(failures) + 1})
        return completion

    def _given_up(self, failures: list[Transient]) -> EndpointDown:
        last = failures[-1]
        times = _TIMES.get(len(failures), f"{len(failures)} times")
        if len({failure.what for failure in failures}) == 1:
            told, ending = f"{last.what} {times}", f"; last: {last.detail}" if last.detail else ""
        else:
            told, ending = f"failed {times}", f"; last, it {last}"
        message = f"Endpoint '{self._endpoint}' {told}{ending.rstrip('.')}."
        return EndpointDown(message, endpoint=self._endpoint, retry_after_s=last.retry_after_s)
