"""What a limited model charges before a request and corrects after it."""

import pytest

from app.models.account import Ask, Grant, Limits
from app.models.base import Completion, Transient
from app.models.gate import Gate
from app.models.ledger import LocalLedger
from app.models.limit import FIRST_GUESS, MAX_QUIET_S, LimitedModel, TokenEstimate
from tests.models.scripted import SAMPLING, ScriptedModel, key, said

ANSWER = Completion(text="8", prompt_tokens=300, completion_tokens=100)


class Listening(LocalLedger):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asks: list[Ask] = []

    async def settle(self, endpoint: str, limits: Limits, ask: Ask) -> Grant:
        self.asks.append(ask)
        return await super().settle(endpoint, limits, ask)


def test_an_estimate_starts_as_a_guess_and_follows_what_is_seen() -> None:
    estimate = TokenEstimate()
    assert estimate.guess(1000, 8000) == 250 + FIRST_GUESS
    assert estimate.guess(1000, 16) == 266
    assert estimate.learn(1000, ANSWER) == 400
    assert estimate.guess(1000, 8000) == 300 + 125
    for _ in range(500):
        estimate.learn(1000, ANSWER.model_copy(update={"completion_tokens": 20}))
    assert estimate.guess(1000, 8000) == 300 + 25


def test_an_endpoint_that_tells_no_tokens_teaches_nothing() -> None:
    estimate = TokenEstimate()
    assert estimate.learn(1000, Completion(text="8")) is None
    assert estimate.guess(1000, 8000) == 250 + FIRST_GUESS


async def test_what_was_charged_too_much_is_given_back() -> None:
    ledger = Listening()
    gate = Gate("lab", Limits(2, tokens_per_minute=100_000), ledger)
    await LimitedModel(ScriptedModel(ANSWER), gate, TokenEstimate()).complete(said(), SAMPLING, key())
    await gate.aclose()
    [charged] = [tokens for ask in ledger.asks for tokens in ask.starts]
    [back] = [entry for ask in ledger.asks for entry in ask.spent]
    assert (charged + back.tokens, back.requests) == (400, 0) and back.bucket >= 0


@pytest.mark.parametrize(("asked", "kept"), [(7.0, 7.0), (86400.0, MAX_QUIET_S), (None, 0.0)])
async def test_an_endpoint_that_asks_for_quiet_gets_it_within_reason(asked: float | None, kept: float) -> None:
    ledger = Listening()
    gate = Gate("lab", Limits(2), ledger)
    model = LimitedModel(ScriptedModel(Transient("answered 429", retry_after_s=asked)), gate, TokenEstimate())
    with pytest.raises(Transient):
        await model.complete(said(), SAMPLING, key())
    await gate.aclose()
    assert sum(ask.quiet_s for ask in ledger.asks) == kept
