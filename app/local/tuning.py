"""Finding how far to draft: which exit layer E and draft length K are fastest for a model on this machine.

One greedy text shows for every layer at which places its guess is the full model's. While a draft is right its early
layers see what they would see in decoding, so that these places tell exactly how each (E, K) would have gone. What a
round costs is put together from timed parts; the most promising few are then tried, and the fastest is taken if it
beats plain decoding. Rounds are timed one by one and their lower quartile counts: other work on the machine does not
decide.
"""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from app.local.decoder import Decoder, Span
from app.local.llama import Llama
from app.local.requests import Decoding, Sampling
from app.local.rounds import Row, decode_round
from app.local.sampling import Chooser

NEW_TOKENS = 96
"""How many tokens are decoded for each sample prompt."""
LONGEST = 8
TRIED = 3
"""So many exit layers are tried in earnest; only the most promising one where that takes long."""
LONG_S = 5.0
GAIN = 1.05
"""Drafting must be so much faster than plain decoding to be used: less may be chance."""


@torch.inference_mode()
def tune(model: Llama, samples: Sequence[Sequence[int]], *, ends: Set[int] = frozenset()) -> Decoding:
    """Return the fastest way to decode greedily after the prompts *samples*: plain, or drafting with some E and K.

    *ends* are tokens that end a text. It takes some seconds for a small model: a few hundred tokens are decoded.
    """
    plain = Decoding(model.shape.layers, 0)
    prompts = [list(prompt)[-model.shape.positions // 2 :] for prompt in samples if prompt]
    if not prompts or model.shape.layers < 2:
        return plain
    room = max(map(len, prompts)) + NEW_TOKENS + LONGEST + 1
    decoder = Decoder(model, 1, room)
    began = time.perf_counter()
    texts = [_decoded(decoder, prompt, plain, ends)[0] for prompt in prompts]
    took = time.perf_counter() - began
    if all(len(text) < 2 for text in texts):
        return plain
    right = [_right(decoder, prompt, text) for prompt, text in zip(prompts, texts, strict=True)]
    promising = _promising(right, _costs(decoder, len(prompts[0])))[: 1 if took > LONG_S else TRIED]
    seconds = _tried(decoder, prompts, [plain, *promising], ends)
    best = min(promising, key=lambda one: seconds[one])
    return best if seconds[plain] > GAIN * seconds[best] else plain


def rounds_needed(right: Sequence[bool], draft_length: int) -> int:
    """Return how many rounds it takes to decode a text where guess i is right if `right[i]`, K tokens a draft.

    A round brings the right guesses up to the first wrong one, at most K, and one token more.
    """
    place = rounds = 0
    while place < len(right):
        kept = 0
        while kept < draft_length and place + kept < len(right) and right[place + kept]:
            kept += 1
        place += kept + 1
        rounds += 1
    return rounds


def _tried(
    decoder: Decoder, prompts: Sequence[Sequence[int]], ways: Sequence[Decoding], ends: Set[int]
) -> dict[Decoding, float]:
    """Return the seconds that each way takes for all prompts if all of its rounds take as long as a typical fast one.

    They take turns: what else the machine does meets all of them.
    """
    rounds: dict[Decoding, list[float]] = {way: [] for way in ways}
    for prompt in prompts:
        for way in ways:
            rounds[way] += _decoded(decoder, prompt, way, ends)[1]
    return {way: len(seconds) * sorted(seconds)[len(seconds) // 4] for way, seconds in rounds.items()}


def _decoded(
    decoder: Decoder, prompt: Sequence[int], decoding: Decoding, ends: Set[int]
) -> tuple[list[int], list[float]]:
    """Return NEW_TOKENS greedy tokens after *prompt*, fewer at an end, and the seconds that each round took."""
    hidden = decoder.run(_embed(decoder, prompt), decoder.span([0], len(prompt)), 0, decoder.shape.layers)
    tokens = [int(decoder.logits(hidden[-1:]).argmax())]
    row = Row(Chooser(Sampling()), len(prompt), tokens[0])
    seconds = []
    while len(tokens) < NEW_TOKENS and ends.isdisjoint(tokens):
        began = time.perf_counter()
        tokens += decode_round(decoder, [row], decoding)[0]
        seconds.append(time.perf_counter() - began)
    return tokens[:NEW_TOKENS], seconds


def _right(decoder: Decoder, prompt: Sequence[int], text: Sequence[int]) -> list[list[bool]]:
    """Return for each layer but the last, for each token of *text* behind the first, whether the layer guesses it."""
    x = decoder.run(_embed(decoder, prompt), decoder.span([0], len(prompt)), 0, decoder.shape.layers)
    span = decoder.span([len(prompt)], len(text))
    x = _embed(decoder, text)
    wanted = torch.tensor(text[1:], device=decoder.device)
    found = []
    for layer in range(decoder.shape.layers - 1):
        x = decoder.run(x, span, layer, layer + 1)
        found.append((decoder.logits(x[:-1]).argmax(-1) == wanted).tolist())
    return found


@dataclass(frozen=True)
class _Costs:
    """Seconds: one layer of many and the head over so many tokens at once, and one draft with so many layers."""

    layer: Mapping[int, float]
    head: Mapping[int, float]
    draft: Mapping[int, float]

    def round(self, decoding: Decoding, layers: int) -> float:
        early, count = decoding.exit_layer, decoding.draft_length + 1
        return count * self.draft[early] + (layers - early) * self.layer[count] + self.head[count]


def _costs(decoder: Decoder, start: int) -> _Costs:
    layers = decoder.shape.layers
    layer, head, draft = dict[int, float](), dict[int, float](), dict[int, float]()
    for count in range(1, LONGEST + 2):
        x, span = _embed(decoder, [0] * count), decoder.span([start], count)
        layer[count] = _timed(partial(decoder.run, x, span, 0, layers)) / layers
        head[count] = _timed(partial(_guess, decoder, x))
    one, span = _embed(decoder, [0]), decoder.span([start], 1)
    for early in range(1, layers):
        draft[early] = _timed(partial(_draft, decoder, one, span, early))
    return _Costs(layer, head, draft)


def _draft(decoder: Decoder, x: Tensor, span: Span, early: int) -> list[int]:
    return _guess(decoder, decoder.run(x, span, 0, early))


def _guess(decoder: Decoder, x: Tensor) -> list[int]:
    guessed: list[int] = decoder.logits(x).argmax(-1).tolist()
    return guessed


def _promising(right: Sequence[Sequence[Sequence[bool]]], costs: _Costs) -> list[Decoding]:
    """Return the best K for each E, the most promising first."""
    layers = len(right[0]) + 1
    expected = []
    for early in range(1, layers):
        for draft in range(1, LONGEST + 1):
            rounds = sum(rounds_needed(one[early - 1], draft) for one in right)
            decoding = Decoding(early, draft)
            expected.append((rounds * costs.round(decoding, layers), early, decoding))
    best = {early: (seconds, decoding) for seconds, early, decoding in sorted(expected, key=_seconds, reverse=True)}
    return [decoding for _, decoding in sorted(best.values(), key=_seconds)]


def _seconds(pair: tuple[Any, ...]) -> float:
    return float(pair[0])


def _timed(work: Callable[[], object]) -> float:
    def once() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return min(once() for _ in range(5))


def _embed(decoder: Decoder, tokens: Sequence[int]) -> Tensor:
    return decoder.embed(torch.tensor(tokens, device=decoder.device))
