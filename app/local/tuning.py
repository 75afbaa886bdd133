"""Finding how far to draft: which exit layer E and draft length K are fastest for a model on this machine.

One greedy text shows for every layer at which places its guess is the full model's. While a draft is right its early
layers see what they would see in decoding, so that these places tell exactly how each (E, K) would have gone. What a
round costs is timed by layers and head; the best is then tried against plain decoding, and taken only where it wins.
"""

import time
from collections.abc import Sequence, Set

import torch
from torch import Tensor

from app.local.decoder import Decoder
from app.local.llama import Llama
from app.local.requests import Decoding, Sampling
from app.local.rounds import Row, decode_round
from app.local.sampling import Chooser

NEW_TOKENS = 96
"""How many tokens are decoded for each sample prompt."""
LONGEST = 8
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
    texts = [_decoded(decoder, prompt, plain, ends)[0] for prompt in prompts]
    if not any(texts):
        return plain
    right = [_right(decoder, prompt, text) for prompt, text in zip(prompts, texts, strict=True)]
    best = _cheapest(right, _costs(decoder, len(prompts[0])), model.shape.layers)
    if best is None:
        return plain
    slow = sum(_decoded(decoder, prompt, plain, ends)[1] for prompt in prompts)
    fast = sum(_decoded(decoder, prompt, best, ends)[1] for prompt in prompts)
    return best if slow > GAIN * fast else plain


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


def _decoded(decoder: Decoder, prompt: Sequence[int], decoding: Decoding, ends: Set[int]) -> tuple[list[int], float]:
    """Return NEW_TOKENS greedy tokens after *prompt*, fewer at an end, and the seconds that decoding took."""
    hidden = decoder.run(_embed(decoder, prompt), decoder.span([0], len(prompt)), 0, decoder.shape.layers)
    tokens = [int(decoder.logits(hidden[-1:]).argmax())]
    row = Row(Chooser(Sampling()), len(prompt), tokens[0])
    began = time.perf_counter()
    while len(tokens) < NEW_TOKENS and tokens[-1] not in ends:
        tokens += decode_round(decoder, [row], decoding)[0]
    return tokens[:NEW_TOKENS], time.perf_counter() - began


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


def _costs(decoder: Decoder, start: int) -> dict[int, tuple[float, float]]:
    """Return for counts of tokens 1 and 2 to K + 1 the seconds that one layer and the head take over so many."""
    costs = {}
    for count in range(1, LONGEST + 2):
        x, span = _embed(decoder, [0] * count), decoder.span([start], count)
        layers = min(_timed(lambda x=x, span=span: decoder.run(x, span, 0, decoder.shape.layers)) for _ in range(5))
        head = min(_timed(lambda x=x: decoder.logits(x).argmax(-1).tolist()) for _ in range(5))
        costs[count] = layers / decoder.shape.layers, head
    return costs


def _cheapest(
    right: Sequence[Sequence[Sequence[bool]]], costs: dict[int, tuple[float, float]], layers: int
) -> Decoding | None:
    tokens = sum(len(one[0]) for one in right)
    layer, head = costs[1]
    best, seconds = None, tokens * (layers * layer + head)
    for early in range(1, layers):
        for draft in range(1, LONGEST + 1):
            rounds = sum(rounds_needed(one[early - 1], draft) for one in right)
            drafting = (draft + 1) * early * layer + draft * head
            checking = (layers - early) * costs[draft + 1][0] + costs[draft + 1][1]
            if rounds * (drafting + checking) < seconds:
                best, seconds = Decoding(early, draft), rounds * (drafting + checking)
    return best


def _timed(work: object) -> float:
    began = time.perf_counter()
    assert callable(work)
    work()
    return time.perf_counter() - began


def _embed(decoder: Decoder, tokens: Sequence[int]) -> Tensor:
    return decoder.embed(torch.tensor(tokens, device=decoder.device))
