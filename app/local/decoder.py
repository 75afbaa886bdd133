"""The form of a Llama that decodes: any span of its layers over new tokens, keys and values kept in one cache.

Rows of a batch are independent texts, each with its own length. Row r of the cache holds the keys and values of the
first `length` tokens of text r; what lies behind is rubbish that a later token overwrites, so that dropping rejected
tokens costs nothing.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from app.local.linear import Linear
from app.local.llama import Layer, Llama


class _Weights:
    """One layer: projections that read the same input are one product."""

    def __init__(self, layer: Layer) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.norm1, self.norm2 = layer.input_layernorm.weight, layer.post_attention_layernorm.weight
        size = attention.size
        turned = [_paired(weight, size) for weight in map(_weights, (attention.q_proj, attention.k_proj))]
        self.qkv = _joined(*turned, _weights(attention.v_proj))
        self.out = _joined(_weights(attention.o_proj))
        self.gate_up = _joined(_weights(mlp.gate_proj), _weights(mlp.up_proj))
        self.down = _joined(_weights(mlp.down_proj))


class Span:
    """Where the new tokens of a batch lie: made once, used by every layer that runs over them."""

    def __init__(self, starts: Sequence[int], count: int, device: torch.device) -> None:
        self.rows, self.count, self.start = len(starts), count, starts[0]
        self.end = max(starts) + count
        self.even = len(starts) == 1
        positions = torch.tensor(starts, device=device)[:, None] + torch.arange(count, device=device)
        self.positions = positions
        self.row_numbers = torch.arange(self.rows, device=device)[:, None]
        self.mask: Tensor | None = None
        if count > 1 or not self.even:
            seen = torch.arange(self.end, device=device) <= positions[:, :, None]
            self.mask = torch.where(seen, 0.0, -torch.inf)[:, None]


class Decoder:
    """A Llama for decoding, with room for `rows` texts of `room` tokens each.

    `executions[i]` counts the tokens that layer i has been run over.
    """

    def __init__(self, model: Llama, rows: int, room: int) -> None:
        shape = self.shape = model.shape
        weight = model.model.embed_tokens.weight
        self.device, self.dtype = weight.device, weight.dtype
        self.rows, self.room = rows, room
        self.executions = [0] * shape.layers
        self._embedding = weight
        self._layers = [_Weights(layer) for layer in model.model.layers]
        self._norm = model.model.norm.weight
        self._head = _joined(_weights(model.lm_head))
        self._groups = shape.heads // shape.kv_heads
        angles = torch.arange(room, device=self.device, dtype=torch.float32)[:, None] * model.frequencies
        # (room, 1, head_size / 2): a complex number of length one turns a pair by its angle.
        self._turns = torch.polar(torch.ones_like(angles), angles)[:, None]
        size = (rows, shape.kv_heads, room, shape.head_size)
        # Zeros: what is masked has weight 0, and 0 times rubbish could be no number.
        self.keys = [torch.zeros(size, device=self.device, dtype=self.dtype) for _ in self._layers]
        self.values = [torch.zeros(size, device=self.device, dtype=self.dtype) for _ in self._layers]

    @property
    def token_bytes(self) -> int:
        """How much memory the keys and values of one token take in all layers."""
        return 2 * len(self.keys) * self.shape.kv_heads * self.shape.head_size * self.dtype.itemsize

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the hidden states (n, width) before the first layer of *tokens* (n)."""
        return F.embedding(tokens, self._embedding)

    def span(self, starts: Sequence[int], count: int) -> Span:
        """Return the place of *count* new tokens behind the first *starts[r]* ones of each row r = 0, 1, ..."""
        return Span(starts, count, self.device)

    def run(self, x: Tensor, span: Span, first: int, last: int, row: int = 0) -> Tensor:
        """Run layers *first* to *last* - 1 over *x* (rows * count, width) and keep their keys and values.

        With one row it is row *row* of the cache, else rows 0, 1, ...
        """
        turns = self._turns[span.positions.flatten()]
        for number in range(first, last):
            self.executions[number] += x.shape[0]
            x = self._layer(number, x, span, turns, row)
        return x

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits (n, vocabulary), float32, of hidden states (n, width) of any layer."""
        return self._head(F.rms_norm(x, (self.shape.width,), self._norm, self.shape.eps)).float()

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first *length* tokens of row *source* to row *target*."""
        for cache in (*self.keys, *self.values):
            cache[target, :, :length] = cache[source, :, :length]

    def take(self, row: int, length: int) -> Tensor:
        """Return a copy of what is kept of the first *length* tokens of *row*: (2, layers, kv_heads, length, size)."""
        kept = ([cache[row, :, :length] for cache in caches] for caches in (self.keys, self.values))
        return torch.stack([torch.stack(part) for part in kept])

    def put(self, row: int, kept: Tensor, length: int) -> None:
        """Write the first *length* tokens of what `take` returned to *row*."""
        for caches, part in zip((self.keys, self.values), kept, strict=True):
            for cache, layer in zip(caches, part, strict=True):
                cache[row, :, :length] = layer[:, :length]

    def _layer(self, number: int, x: Tensor, span: Span, turns: Tensor, row: int) -> Tensor:
        shape, weights = self.shape, self._layers[number]
        h = F.rms_norm(x, (shape.width,), weights.norm1, shape.eps)
        heads = weights.qkv(h).view(-1, shape.heads + 2 * shape.kv_heads, shape.head_size)
        turned = shape.heads + shape.kv_heads
        pairs = torch.view_as_complex(heads[:, :turned].float().unflatten(-1, (-1, 2)))
        qk = torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)
        mixed = self._attend(number, qk[:, : shape.heads], qk[:, shape.heads :], heads[:, turned:], span, row)
        x = x + weights.out(mixed)
        h = F.rms_norm(x, (shape.width,), weights.norm2, shape.eps)
        gate, up = weights.gate_up(h).chunk(2, dim=-1)
        return x + weights.down(F.silu(gate) * up)

    def _attend(self, number: int, q: Tensor, k: Tensor, v: Tensor, span: Span, row: int) -> Tensor:
        """Attend from *q* (rows * count, heads, size) to all kept so far; k and v are kept first."""
        shape, count = self.shape, span.count
        keys, values = self.keys[number], self.values[number]
        if span.even:
            keys, values = keys[row : row + 1], values[row : row + 1]
            keys[0, :, span.start : span.end] = k.transpose(0, 1)
            values[0, :, span.start : span.end] = v.transpose(0, 1)
        else:
            keys, values = keys[: span.rows], values[: span.rows]
            split = (span.rows, count, shape.kv_heads, shape.head_size)
            keys[span.row_numbers, :, span.positions] = k.view(split)
            values[span.row_numbers, :, span.positions] = v.reshape(split)
        # The heads that share a key-value head stand behind each other as if they were more tokens.
        grouped = q.reshape(span.rows, count, shape.kv_heads, self._groups, shape.head_size).permute(0, 2, 3, 1, 4)
        asked = grouped.reshape(span.rows, shape.kv_heads, self._groups * count, shape.head_size)
        mask = span.mask
        if mask is not None:
            mask = mask.to(q.dtype)
            if self._groups > 1:
                mask = mask.repeat(1, 1, self._groups, 1)
        mixed = F.scaled_dot_product_attention(asked, keys[:, :, : span.end], values[:, :, : span.end], attn_mask=mask)
        back = mixed.view(span.rows, shape.kv_heads, self._groups, count, shape.head_size).permute(0, 3, 1, 2, 4)
        return back.reshape(span.rows * count, shape.heads * shape.head_size)


_Map = tuple[Tensor, Tensor | None]
"""Weight and bias of a linear map."""


def _weights(linear: torch.nn.Linear) -> _Map:
    return linear.weight.detach(), None if linear.bias is None else linear.bias.detach()


def _paired(linear: _Map, size: int) -> _Map:
    """Reorder the outputs of *linear* so that the two that turn together stand side by side.

    Checkpoints have them half a head apart. Queries and keys are reordered alike, so that their products stay.
    """
    weight, bias = (
        None if part is None else part.unflatten(0, (-1, 2, size // 2)).transpose(1, 2).flatten(0, 2) for part in linear
    )
    assert weight is not None
    return weight, bias


def _joined(*maps: _Map) -> Linear:
    weight = torch.cat([weight for weight, _ in maps]) if len(maps) > 1 else maps[0][0]
    biases = [bias for _, bias in maps if bias is not None]
    return Linear(weight, torch.cat(biases) if biases else None)
