"""Models for tests: one answers from a script and fails when it runs out, one answers by the purpose of a call."""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message

SPEAKERS = ("John", "Kate", "Jack", "Emma", "Luke")


class ScriptRanOut(AssertionError):
    pass


class ScriptedModel:
    """Gives its answers in order; remembers what it was asked."""

    name = "test/script"

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.keys: list[CallKey] = []
        self.requests: list[tuple[Message, ...]] = []

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        if not self._answers:
            raise ScriptRanOut(f"the script has no answer for {key}")
        self.keys.append(key)
        self.requests.append(messages)
        return Completion(text=self._answers.pop(0))


class PurposeModel:
    """Answers every call by its key, readably unless *spoil* says otherwise.

    *shuffle* seeds how long each answer takes, in turns of the event loop, so that they arrive in any order.
    """

    name = "test/purpose"

    def __init__(self, spoil: Callable[[CallKey], bool] = lambda key: False, shuffle: int | None = None) -> None:
        self._spoil = spoil
        self._order = None if shuffle is None else Random(shuffle)
        self.keys: list[CallKey] = []
        self.requests: dict[str, tuple[Message, ...]] = {}

    @property
    def purposes(self) -> Counter[str]:
        return Counter(key.purpose for key in self.keys)

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        self.keys.append(key)
        self.requests[str(key)] = messages
        if self._order is not None:
            for _ in range(self._order.randrange(12)):
                await asyncio.sleep(0)
        return Completion(text="" if self._spoil(key) else answer_to(key))


def answer_to(key: CallKey) -> str:
    if key.purpose == "harvest":
        return f"There are five of us, so I hold back.\nAnswer: {8 + key.month % 3}"
    if key.purpose == "utterance":
        turn = int(key.item)
        following = SPEAKERS[(turn - 1) % len(SPEAKERS)]
        return f"Response: In month {key.month} I say: 10 tons each.\nEnd of talk: no\nNext speaker: {following}"
    if key.purpose == "rating":
        return f"Answer: {1 + sum(map(ord, f'{key.agent}{key.item}{key.month}')) % 10}"
    if key.purpose == "insight":
        return "\n".join(
            f"{n}. {key.agent} learnt lesson {n} of month {key.month}. (because of {n})" for n in range(1, 6)
        )
    if key.purpose == "limit":
        return "They all said so.\nAnswer: 10"
    return f"{key.agent} keeps the {key.purpose} of month {key.month}: 10.5 tons are too much."
