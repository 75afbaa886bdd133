"""Put a task to a model, read the answer, and ask again when it cannot be read (GovSim, section 6 of our rules)."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.commons.config import SamplingConfig
from app.minds.text import before_cut
from app.models.base import CallKey, Completion, Message, Model, Segment

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

ATTEMPTS = 3
CUT = frozenset({"length", "max_tokens"})
"""What endpoints say when the token limit ended the text."""
QUOTED_BACK = 4000
"""How many characters of an unreadable answer, counted from its end, are shown to the model again."""


@dataclass(frozen=True)
class Asked(Generic[T]):
    """What was read, or None when no attempt could be read, and how often the task was put."""

    value: T | None
    attempts: int


@dataclass(frozen=True)
class Task:
    """A task as a model gets it: the messages, what to add when the answer is unreadable, and for an empty answer."""

    messages: tuple[Message, ...]
    reminder: Segment
    no_reply: Segment


class Asker:
    """A model together with the sampling it is asked with."""

    def __init__(self, model: Model, sampling: SamplingConfig) -> None:
        self._model = model
        self._sampling = sampling

    async def ask(self, key: CallKey, task: Task, read: Callable[[str], T | None]) -> Asked[T]:
        """Ask until *read* makes something of the answer, at most three times.

        Raises:
            ModelError: if the model cannot be reached; that is never turned into an answer.
        """
        messages = task.messages
        while True:
            completion = await self._model.complete(messages, self._sampling, key)
            value = read(whole_text(completion))
            if value is not None or key.attempt == ATTEMPTS:
                return Asked(value, key.attempt)
            messages += _asked_again(completion.text, task)
            key = key.again()


def whole_text(completion: Completion) -> str:
    """Return a completion's text, without what was still being written where the token limit cut it."""
    return before_cut(completion.text) if completion.finish_reason in CUT else completion.text


def _asked_again(answer: str, task: Task) -> tuple[Message, Message]:
    said = answer.strip()[-QUOTED_BACK:]
    # Some endpoints refuse an assistant message without text.
    quoted = Segment(kind="reminder", text=said) if said else task.no_reply
    return Message(role="assistant", segments=(quoted,)), Message(role="user", segments=(task.reminder,))


async def together(*jobs: Coroutine[Any, Any, T]) -> list[T]:
    """Run *jobs* at the same time and return their results in the order given.

    The first failure cancels the others and is raised as it is, not wrapped in an exception group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
    except BaseExceptionGroup as failures:
        raise _first(failures) from None
    return [task.result() for task in tasks]


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
