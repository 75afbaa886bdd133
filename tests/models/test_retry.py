import pytest

from app.models.base import Completion, EndpointDown, ModelError, Transient
from app.models.retry import RetryingModel, RetryPolicy
from tests.models.scripted import SAMPLING, ScriptedModel, key, said

ANSWER = Completion(text="Answer: 8")
STANDARD = RetryPolicy()
BUSY = Transient("answered 503", "overloaded.")


class Clock:
    """Remembers how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


async def outcome(inner: ScriptedModel, clock: Clock, policy: RetryPolicy = STANDARD) -> Completion:
    return await RetryingModel(inner, "lab", policy, clock).complete(said(), SAMPLING, key())


async def test_an_answer_at_once_is_passed_on() -> None:
    clock = Clock()
    assert await outcome(ScriptedModel(ANSWER), clock) is ANSWER
    assert clock.waits == []


async def test_requests_are_counted_until_the_answer_comes() -> None:
    inner = ScriptedModel(BUSY, BUSY, ANSWER)
    completion = await outcome(inner, Clock())
    assert (completion.text, completion.transport_attempts, inner.asked) == ("Answer: 8", 3, 3)


async def test_waits_double_with_jitter_up_to_a_limit() -> None:
    clock = Clock()
    with pytest.raises(EndpointDown):
        await outcome(ScriptedModel(*[BUSY] * 8), clock, RetryPolicy(attempts=8, backoff_s=1, max_wait_s=10))
    assert len(clock.waits) == 7
    for wait, least in zip(clock.waits, (1, 2, 4, 8, 10, 10, 10), strict=True):
        assert least <= wait <= min(least + 1, 10)


async def test_retry_after_is_kept_but_not_for_ever() -> None:
    clock = Clock()
    asked = [Transient("answered 429", retry_after_s=seconds) for seconds in (0.0, 7.0, 86400.0)]
    await outcome(ScriptedModel(*asked, ANSWER), clock)
    for wait, least in zip(clock.waits, (0, 7, 120), strict=True):
        assert least <= wait <= least + 1


async def test_giving_up_says_what_happened_how_often() -> None:
    inner = ScriptedModel(*[BUSY] * 6)
    with pytest.raises(EndpointDown) as caught:
        await outcome(inner, Clock())
    assert str(caught.value) == ("Endpoint 'lab' answered 503 six times; last: overloaded.")
    assert inner.asked == 6


async def test_giving_up_after_different_failures_tells_the_last() -> None:
    with pytest.raises(EndpointDown) as caught:
        await outcome(ScriptedModel(BUSY, Transient("dropped the connection")), Clock(), RetryPolicy(attempts=2))
    assert str(caught.value) == ("Endpoint 'lab' failed twice; last, it dropped the connection.")


async def test_other_errors_are_not_tried_again() -> None:
    for error in (EndpointDown("refused"), ModelError("odd"), ValueError("a defect")):
        inner = ScriptedModel(error)
        with pytest.raises(type(error)):
            await outcome(inner, Clock())
        assert inner.asked == 1
