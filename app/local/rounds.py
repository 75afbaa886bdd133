"""Rounds of decoding: each brings every row of a batch one token, or several that were drafted and found right.

Self-speculative decoding (LayerSkip, arXiv 2404.16710, section 4.3): the first E layers and the shared head draft K
tokens one by one; then the layers from E on run once over the K + 1 places, from the hidden states that drafting left,
and say which drafts the full model would have chosen. Layers below E run once over each place; what they keep in the
cache serves both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.local.decoder import Decoder
from app.local.requests import Decoding
from app.local.sampling import Chooser, check_greedy


@dataclass
class Row:
    """A text being decoded: `length` tokens lie in the cache, `last` is chosen and not yet run."""

    chooser: Chooser
    length: int
    last: int


def decode_round(decoder: Decoder, rows: Sequence[Row], decoding: Decoding) -> list[list[int]]:
    """Return the new tokens of each row, 1 to K + 1 of them, and move the rows behind them.

    Row r must be row r of the cache, with room for K + 1 more tokens.
    """
    early, top = decoding.exit_layer, decoder.shape.layers
    if decoding.draft_length == 0:
        span = decoder.span([row.length for row in rows], 1)
        hidden = decoder.run(decoder.embed(_lasts(decoder, rows)), span, 0, early)
        found = [[token] for token in _choose(rows, decoder.logits(hidden))[0]]
    else:
        drafts, odds, hidden = _draft(decoder, rows, decoding)
        span = decoder.span([row.length for row in rows], decoding.draft_length + 1)
        logits = decoder.logits(decoder.run(hidden, span, early, top))
        found = _verify(rows, drafts, odds, logits.view(len(rows), decoding.draft_length + 1, -1))
    for row, tokens in zip(rows, found, strict=True):
        row.length += len(tokens)
        row.last = tokens[-1]
    return found


def _draft(
    decoder: Decoder, rows: Sequence[Row], decoding: Decoding
) -> tuple[list[list[int]], list[list[Tensor]], Tensor]:
    """Return each row's drafts, what they were drawn from, and the states at layer E of all K + 1 places."""
    tokens = _lasts(decoder, rows)
    chosen: list[Tensor] = []
    odds: list[list[Tensor]] = [[] for _ in rows]
    states = []
    greedy = all(row.chooser.greedy for row in rows)
    for step in range(decoding.draft_length + 1):
        span = decoder.span([row.length + step for row in rows], 1)
        hidden = decoder.run(decoder.embed(tokens), span, 0, decoding.exit_layer)
        states.append(hidden)
        if step == decoding.draft_length:
            break
        logits = decoder.logits(hidden)
        if greedy:
            tokens = logits.argmax(-1)
        else:
            picked, drawn = _choose(rows, logits)
            tokens = torch.tensor(picked, device=decoder.device)
            for row, one in zip(odds, drawn, strict=True):
                row.append(one)
        chosen.append(tokens)
    drafts: list[list[int]] = torch.stack(chosen, dim=1).tolist()
    return drafts, odds, torch.stack(states, dim=1).flatten(0, 1)


def _verify(
    rows: Sequence[Row], drafts: Sequence[Sequence[int]], odds: Sequence[Sequence[Tensor]], logits: Tensor
) -> list[list[int]]:
    best: list[list[int]] = logits.argmax(-1).tolist()
    return [
        check_greedy(drafted, best[number])
        if row.chooser.greedy
        else row.chooser.check(drafted, odds[number], logits[number])
        for number, (row, drafted) in enumerate(zip(rows, drafts, strict=True))
    ]


def _choose(rows: Sequence[Row], logits: Tensor) -> tuple[list[int], list[Tensor]]:
    """Return a token for each row from *logits* (rows, vocabulary), and what it was drawn from (nothing if greedy)."""
    best: list[int] = logits.argmax(-1).tolist()
    nothing = logits.new_empty(0)
    drawn = [
        (token, nothing) if row.chooser.greedy else row.chooser.draw(one)
        for row, token, one in zip(rows, best, logits, strict=True)
    ]
    return [token for token, _ in drawn], [odds for _, odds in drawn]


def _lasts(decoder: Decoder, rows: Sequence[Row]) -> Tensor:
    return torch.tensor([row.last for row in rows], device=decoder.device)
