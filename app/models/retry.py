"""A model that tries again: exponential backoff with jitter, and Retry-After where the endpoint says how long."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import structlog
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
    wait_random,
)

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, EndpointDown, Message, Model, Transient

log = structlog.get_logger(__name__)

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


class RetryingModel:
    """Asks *inner* until it answers or the policy is used up. Only `Transient` failures are tried again."""

    def __init__(
        self, inner: Model, endpoint: str, policy: RetryPolicy = RetryPolicy(), sleep: Sleep = asyncio.sleep
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._endpoint = endpoint
        self._retrying = AsyncRetrying(
            stop=stop_after_attempt(policy.attempts),
            wait=_Wait(policy),
            retry=retry_if_exception_type(Transient),
            sleep=sleep,
            reraise=True,
        )

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return *inner*'s completion; its `transport_attempts` counts the requests made.

        Raises:
            EndpointDown: every attempt failed; the message says how.
        """
        failures: list[Transient] = []

        async def attempt() -> Completion:
            try:
                return await self._inner.complete(messages, sampling, key)
            except Transient as failure:
                failures.append(failure)
                raise

        try:
            # A copy per call: tenacity keeps the state of a call in the object, and calls overlap.
            retrying = self._retrying.copy(before_sleep=partial(self._tell, key))
            completion: Completion = await retrying(attempt)
        except Transient as last:
            raise EndpointDown(self._given_up(failures)) from last
        if failures:
            return completion.model_copy(update={"transport_attempts": len(failures) + 1})
        return completion

    def _tell(self, key: CallKey, state: RetryCallState) -> None:
        # What the endpoint says in its own words may quote the prompt: it stays out of the log.
        failure = state.outcome.exception() if state.outcome else None
        log.warning(
            "call is tried again",
            endpoint=self._endpoint,
            call=str(key),
            attempt=state.attempt_number,
            status=failure.status if isinstance(failure, Transient) else None,
            why=failure.what if isinstance(failure, Transient) else None,
            wait_s=round(state.next_action.sleep, 1) if state.next_action else None,
        )

    def _given_up(self, failures: list[Transient]) -> str:
        last = failures[-1]
        times = _TIMES.get(len(failures), f"{len(failures)} times")
        if len({failure.what for failure in failures}) == 1:
            told, ending = f"{last.what} {times}", f"; last: {last.detail}" if last.detail else ""
        else:
            told, ending = f"failed {times}", f"; last, it {last}"
        return f"Endpoint '{self._endpoint}' {told}{ending.rstrip('.')}. Resume when it answers again."


class _Wait:
    """Seconds until the next attempt: what the endpoint asked for, within the policy's cap, or the backoff."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._backoff = wait_exponential_jitter(
            initial=policy.backoff_s, max=policy.max_wait_s, exp_base=2, jitter=policy.backoff_s
        )
        # Calls refused together come back apart, and never before they were told to.
        self._spread = wait_random(0, policy.backoff_s)

    def __call__(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.retry_after_s if isinstance(failure, Transient) else None
        if asked is None:
            return self._backoff(state)
        return min(asked, self._policy.max_retry_after_s) + self._spread(state)
