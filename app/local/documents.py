"""Lessons as tokens: laid out as the chat template does, and put into batches of equal lengths."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from tokenizers import Tokenizer
from torch import Tensor

from app.commons.chance import generator
from app.local.corpus import Chat, Lesson
from app.local.tokenizing import BEGIN, END

WIDTHS = 16
"""Batches are padded to a multiple of this: with few different widths, little memory goes to what is kept for each."""
POOL = 32
"""Batches that are cut from one pool, in which documents are sorted by length."""


@dataclass(frozen=True)
class Document:
    """Token ids; those from `answer` on are the completion, its end included."""

    tokens: tuple[int, ...]
    answer: int
    purpose: str = ""


@dataclass(frozen=True)
class Batch:
    """Padded inputs and what follows each of them; `weights` (batch, length) is 0 where nothing is to be learnt."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor

    @property
    def tokens(self) -> int:
        """How many tokens are read, padding included."""
        return self.inputs.numel()


class Layout(Protocol):
    """Lays chats out as tokens; `end` ends an answer."""

    end: int

    def prompt(self, chat: Chat) -> list[int]:
        """Return *chat* as tokens, ready for an answer."""
        ...

    def answer(self, text: str) -> list[int]:
        """Return an answer as tokens, without its end."""
        ...

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of an answer; marks are left out."""
        ...


class OwnLayout:
    """The layout of our own tokenizers, the same as that of their chat template."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.end = self._mark(END)

    def prompt(self, chat: Chat) -> list[int]:
        """Return *chat* as tokens, ready for an answer."""
        tokens = [self._mark(BEGIN)]
        for role, text in chat:
            tokens += [self._mark(f"<|{role}|>"), *self.answer(text), self.end]
        return [*tokens, self._mark("<|assistant|>")]

    def answer(self, text: str) -> list[int]:
        """Return an answer as tokens, without its end."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of an answer; marks are left out."""
        return str(self._tokenizer.decode(list(tokens)))

    def _mark(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise ValueError(f"The tokenizer has no token {name}.")
        return int(found)


class TemplateLayout:
    """The layout of a checkpoint's own tokenizer and chat template, as transformers reads them."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise ValueError(f"{folder} has no tokenizer that can be read: {error}") from None
        if self._tokenizer.chat_template is None:
            raise ValueError(f"The tokenizer in {folder} has no chat template: conversations cannot be laid out.")
        if self._tokenizer.eos_token_id is None:
            raise ValueError(f"The tokenizer in {folder} names no token that ends a text.")
        self.end = int(self._tokenizer.eos_token_id)

    def prompt(self, chat: Chat) -> list[int]:
        """Return *chat* as tokens, ready for an answer."""
        messages = [{"role": role, "content": text} for role, text in chat]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def answer(self, text: str) -> list[int]:
        """Return an answer as tokens, without its end."""
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of an answer; marks are left out."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))


def documents(layout: Layout, lessons: Iterable[Lesson], longest: int) -> Iterator[Document]:
    """Yield *lessons* as tokens; those of more than *longest* tokens are left out."""
    for lesson in lessons:
        prompt = layout.prompt(lesson.prompt)
        tokens = (*prompt, *layout.answer(lesson.answer), layout.end)
        if len(tokens) <= longest:
            yield Document(tokens, len(prompt), lesson.purpose)


class Batches:
    """Batches of about *budget* tokens from *found*: batch number n is the same whenever it is asked for."""

    def __init__(self, found: Sequence[Document], *, budget: int, seed: int, prompt_weight: float, pad: int) -> None:
        if not found:
            raise ValueError("There is nothing to learn from: no document is short enough.")
        self._found = found
        self._budget, self._seed, self._pad = budget, seed, pad
        self._prompt_weight = prompt_weight
        self._epochs: dict[int, list[list[int]]] = {}

    def __getitem__(self, number: int) -> Batch:
        """Return batch *number*, counted from 0 through all epochs."""
        epoch = 0
        while number >= len(self._plan(epoch)):
            number -= len(self._plan(epoch))
            epoch += 1
        return pad_batch([self._found[index] for index in self._plan(epoch)[number]], self._prompt_weight, self._pad)

    def _plan(self, epoch: int) -> list[list[int]]:
        if epoch not in self._epochs:
            self._epochs[epoch] = list(self._cut(epoch))
        return self._epochs[epoch]

    def _cut(self, epoch: int) -> Iterator[list[int]]:
        """Shuffle, sort pools by length, cut them into batches, shuffle those."""
        rng = generator(self._seed, "epoch", epoch)
        order = list(range(len(self._found)))
        rng.shuffle(order)
        mean = sum(len(document.tokens) for document in self._found) / len(self._found)
        pool = max(1, int(POOL * self._budget / mean))
        for start in range(0, len(order), pool):
            part = sorted(order[start : start + pool], key=lambda index: len(self._found[index].tokens))
            batches: list[list[int]] = []
            for index in part:
                length = -(-(len(self._found[index].tokens) - 1) // WIDTHS) * WIDTHS
                if not batches or (len(batches[-1]) + 1) * length > max(self._budget, length):
                    batches.append([])
                batches[-1].append(index)
            rng.shuffle(batches)
            yield from batches


def pad_batch(found: Sequence[Document], prompt_weight: float, pad: int, widths: int = WIDTHS) -> Batch:
    """Return *found* side by side, padded behind: under a causal mask no token sees padding."""
    width = -(-(max(len(document.tokens) for document in found) - 1) // widths) * widths
    inputs = torch.full((len(found), width), pad)
    targets = torch.full((len(found), width), pad)
    weights = torch.zeros(len(found), width)
    for row, document in enumerate(found):
        length = len(document.tokens) - 1
        tokens = torch.tensor(document.tokens)
        inputs[row, :length], targets[row, :length] = tokens[:-1], tokens[1:]
        weights[row, :length] = prompt_weight
        weights[row, document.answer - 1 : length] = 1.0
    return Batch(inputs, targets, weights)
