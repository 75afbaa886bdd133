"""How well a small model answers our prompts: readable answers by purpose, harvests by stock, loss by exit layer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from app.commons.chance import generator
from app.local.corpus import Lesson, harvest_lessons, held_out
from app.local.documents import Layout, documents, pad_batch
from app.local.llama import Llama
from app.local.training import losses_by_layer
from app.minds.reader import (
    read_insights,
    read_limit,
    read_number,
    read_rating,
    read_ratings,
    read_sentence,
    read_utterance,
)

STOCKS = (20, 40, 60, 80, 100)
MOST_NEW = 120
TOGETHER = 16


@dataclass(frozen=True)
class Report:
    """What an evaluation found.

    `readable` is (readable, asked) by purpose; `harvests` by stock the amounts asked for where they could be read, with
    how many were asked; `losses` those at each exit layer in nats a token, first to last.
    """

    readable: Mapping[str, tuple[int, int]]
    harvests: Mapping[int, tuple[tuple[int, ...], int]]
    losses: tuple[float, ...]

    @property
    def readable_harvests(self) -> float:
        """The part of all harvest prompts whose answer our reader could read."""
        read = self.readable.get("harvest", (0, 0))[0] + sum(len(values) for values, _ in self.harvests.values())
        asked = self.readable.get("harvest", (0, 0))[1] + sum(count for _, count in self.harvests.values())
        return read / asked if asked else 0.0

    def mean_harvest(self, stock: int) -> float:
        """The mean amount asked for at *stock*; not a number where none could be read."""
        values = self.harvests[stock][0]
        return sum(values) / len(values) if values else float("nan")


def evaluate(
    model: Llama, layout: Layout, folders: Sequence[Path], *, seed: int = 1, prompts: int = 60, each_stock: int = 10
) -> Report:
    """Ask *model* held-out prompts, greedily and freely, and read its answers.

    Args:
        model: the model, in evaluation mode.
        layout: lays chats out as tokens.
        folders: where prompt sets lie.
        seed: the corpus's seed; held-out prompts are of another. Those too long for the model are left out.
        prompts: prompts of all purposes that are answered.
        each_stock: harvest prompts at each of STOCKS.

    Raises:
        ValueError: no prompt fits into the model's context.
    """
    longest = model.shape.positions - MOST_NEW
    found = list(islice(held_out(seed, folders), prompts * 4))
    generator(seed, "evaluation").shuffle(found)
    fitting = (lesson for lesson in found if len(layout.prompt(lesson.prompt)) <= longest)
    mixed = list(islice(fitting, prompts))
    taught = list(documents(layout, mixed, model.shape.positions))
    if not taught:
        raise ValueError(f"No prompt fits into the {model.shape.positions} tokens of the model's context.")
    readable: dict[str, list[bool]] = defaultdict(list)
    for lesson, text in zip(mixed, answers(model, layout, mixed), strict=True):
        readable[lesson.purpose].append(is_readable(lesson, text))
    harvests = {}
    for stock in STOCKS:
        asked = list(islice(harvest_lessons(seed, folders, stock), each_stock))
        values = [read_number(text) for text in answers(model, layout, asked)]
        harvests[stock] = (tuple(value for value in values if value is not None), len(values))
    batches = [pad_batch(taught[start : start + TOGETHER], 0.0, 0) for start in range(0, len(taught), TOGETHER)]
    return Report(
        readable={purpose: (sum(read), len(read)) for purpose, read in sorted(readable.items())},
        harvests=harvests,
        losses=tuple(losses_by_layer(model, batches)),
    )


def is_readable(lesson: Lesson, text: str) -> bool:
    """Tell whether our reader reads *text* as an answer to *lesson*'s prompt."""
    lines = lesson.answer.count("\n") + 1
    batched = lesson.purpose == "rating" and not lesson.answer.startswith("Answer")
    readers = {
        "harvest": read_number,
        "limit": read_limit,
        "rating": partial(read_ratings, count=lines) if batched else read_rating,
        "utterance": partial(read_utterance, present=()),
        "insight": partial(read_insights, statements=10),
    }
    return readers.get(lesson.purpose, read_sentence)(text) is not None


def answers(model: Llama, layout: Layout, asked: Iterable[Lesson]) -> list[str]:
    """Return the greedy answer to each prompt, at most MOST_NEW tokens."""
    lessons = list(asked)
    texts = []
    for start in range(0, len(lessons), TOGETHER):
        prompts = [layout.prompt(lesson.prompt) for lesson in lessons[start : start + TOGETHER]]
        texts += [layout.text(tokens) for tokens in _greedy(model, prompts, layout.end)]
    return texts


@torch.no_grad()
def _greedy(model: Llama, prompts: Sequence[list[int]], end: int) -> list[list[int]]:
    """Continue *prompts* side by side, padded behind: under a causal mask nothing sees padding."""
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    width = int(lengths.max()) + MOST_NEW
    tokens = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = torch.tensor(prompt)
    ends = lengths.clone()
    going = torch.arange(len(prompts))
    while len(going) and int(ends[going].max()) < width:
        following = _next(model, tokens, ends, going)
        tokens[going, ends[going]] = following
        ends[going] += 1
        going = going[(following != end) & (ends[going] - lengths[going] < MOST_NEW)]
    return [tokens[row, lengths[row] : ends[row]].tolist() for row in range(len(prompts))]


def _next(model: Llama, tokens: Tensor, ends: Tensor, going: Tensor) -> Tensor:
    state = model(tokens[going, : int(ends[going].max())])[-1]
    last = state[torch.arange(len(going)), ends[going] - 1]
    return model.logits(last).argmax(-1)
