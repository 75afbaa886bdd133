"""Chats from files as lessons: one JSON object a line, as `govsim export --format chats` writes them.

Trainers of chat models read and write the same form: `messages` with `role` and `content`, the answer last. Of what
else stands in a line only `purpose` and `run` are looked at.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.commons.chance import generator
from app.local.corpus import Chat, Lesson

ENDING = ".jsonl"
ROLES = frozenset({"system", "user", "assistant"})
MOST_CHATS = 1_000_000
LONGEST = 2048
"""Tokens of the longest chat that is learnt from, and of a step, unless somebody says otherwise."""
MOST_BYTES = 2_000_000
"""Of a line."""
ONE_IN = 10
"""One run in so many is held out, or one chat where there are fewer runs than that."""


class UnusableChats(ValueError):
    """A file of chats that cannot be learnt from; the message names file and line."""


@dataclass(frozen=True)
class Split:
    """Chats to learn from, and others held out; `runs` is how many whole runs are held out, 0 if single chats are."""

    learnt: Sequence[Lesson]
    held_out: Sequence[Lesson]
    runs: int


def read_chats(paths: Iterable[Path], seed: int) -> Split:
    """Return the chats of files and of all .jsonl files in folders, a tenth of them held out by *seed*.

    Runs are held out whole where there are ten or more: the prompts of one run repeat each other.

    Raises:
        UnusableChats: a file cannot be read, a line is no chat, or there are not at least two chats.
    """
    told = [line for path in _files(paths) for line in _lines(path)]
    if len(told) < 2:
        raise UnusableChats("There are not two chats to learn from and to be held out.")
    runs = sorted({run for run, _ in told if run})
    whole = len(runs) >= ONE_IN
    names = runs if whole else [str(number) for number in range(len(told))]
    apart = set(generator(seed, "held out").sample(names, -(-len(names) // ONE_IN)))
    learnt, held_out = list[Lesson](), list[Lesson]()
    for number, (run, lesson) in enumerate(told):
        (held_out if (run if whole else str(number)) in apart else learnt).append(lesson)
    if not learnt:
        raise UnusableChats("All chats are held out: too few of them are of other runs.")
    generator(seed, "held out", "order").shuffle(held_out)
    return Split(learnt, held_out, len(apart) if whole else 0)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(path.glob(f"*{ENDING}"))
        if not found:
            raise UnusableChats(f"There is no file *{ENDING} in {path}.")
        yield from found


def _lines(path: Path) -> Iterator[tuple[str, Lesson]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MOST_BYTES + 1), b""), 1):
                where = f"{path}, line {number}"
                if len(line) > MOST_BYTES:
                    raise UnusableChats(f"{where}: it has more than {MOST_BYTES:,} bytes.")
                if number > MOST_CHATS:
                    raise UnusableChats(f"{where}: at most {MOST_CHATS:,} chats of a file can be read.")
                if line.strip():
                    yield _read(line, where)
    except OSError as error:
        raise UnusableChats(f"{path} cannot be read: {error.strerror}.") from None


def _read(line: bytes, where: str) -> tuple[str, Lesson]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise UnusableChats(f"{where}: this is no JSON.") from None
    messages = told.get("messages") if isinstance(told, dict) else None
    if not isinstance(messages, list) or len(messages) < 2:
        raise UnusableChats(f"{where}: `messages` must be a list of two messages or more.")
    chat: Chat = tuple(_message(message, where) for message in messages)
    if chat[-1][0] != "assistant":
        raise UnusableChats(f"{where}: the last message must be the assistant's.")
    purpose, run = (_word(told.get(name)) for name in ("purpose", "run"))
    return run, Lesson(purpose, chat[:-1], chat[-1][1], scenario="", stock=0, agents=0)


def _message(message: Any, where: str) -> tuple[str, str]:
    role, content = (message.get("role"), message.get("content")) if isinstance(message, dict) else (None, None)
    if role not in ROLES or not isinstance(content, str):
        roles = ", ".join(sorted(ROLES))
        raise UnusableChats(f"{where}: each message needs a `role` ({roles}) and its `content` as text.")
    # Halves of a character, which JSON can hold, cannot be written as bytes.
    return role, content.encode("utf-8", "replace").decode("utf-8")


def _word(value: object) -> str:
    return value[:100] if isinstance(value, str) else ""
