"""A model that waits its turn: it asks while the gate of its endpoint lets it through."""

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, Model, Transient
from app.models.gate import Gate

MAX_QUIET_S = 120.0
"""The longest that an endpoint is left alone because it asked for that, in seconds."""
FIRST_GUESS = 500
"""Tokens of a completion, before the model has been seen to answer."""


class LimitedModel:
    """Asks *inner* while it holds a permit of *gate*, which all models of an endpoint share."""

    def __init__(self, inner: Model, gate: Gate, usage: "TokenEstimate") -> None:
        self.name = inner.name
        self._inner = inner
        self._gate = gate
        self._usage = usage

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return *inner*'s completion, as soon as the limits of the endpoint allow it."""
        characters = sum(len(segment.text) for message in messages for segment in message.segments)
        async with self._gate.take(self._usage.guess(characters, sampling.max_tokens)) as permit:
            try:
                completion = await self._inner.complete(messages, sampling, key)
            except Transient as failure:
                self._gate.quiet(min(failure.retry_after_s or 0.0, MAX_QUIET_S))
                raise
            permit.used = self._usage.learn(characters, completion)
            return completion


class TokenEstimate:
    """How many tokens a request of one model will take, judged by its recent ones.

    The estimate is charged before the request and corrected after it, so it is rather high than low: the highest
    values seen, forgotten by a twentieth a request.
    """

    def __init__(self) -> None:
        self._a_character: float | None = None
        self._completion: float | None = None

    def guess(self, characters: int, max_tokens: int) -> int:
        """Return the tokens of a prompt of so many *characters* and its completion."""
        completion = FIRST_GUESS if self._completion is None else self._completion
        a_character = 0.25 if self._a_character is None else self._a_character
        return round(characters * a_character + min(completion, max_tokens))

    def learn(self, characters: int, completion: Completion) -> int | None:
        """Remember what a request took, and return it; None if the endpoint does not say."""
        if completion.prompt_tokens is not None:
            self._a_character = _recent_high(self._a_character, completion.prompt_tokens / max(1, characters))
        if completion.completion_tokens is not None:
            self._completion = _recent_high(self._completion, completion.completion_tokens)
        return completion.tokens


def _recent_high(before: float | None, value: float) -> float:
    return value if before is None else max(value, 0.95 * before + 0.05 * value)
