"""A Llama over whole sequences: what training and reference need. Decoding has its own form (`decoder.py`).

Parameter names are those of Hugging Face checkpoints, so that weights load and save without a table of names.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from app.local.shape import Rope, Shape


def rope_frequencies(rope: Rope, head_size: int) -> Tensor:
    """Return the angle by which each of head_size / 2 pairs turns from one position to the next, in radians, float32.

    Sources: RoFormer (arXiv 2104.09864) for the frequencies; "llama3" keeps short wavelengths, divides long ones by
    `factor` and blends in between, as the configuration files of Llama 3.1 define their four numbers.
    """
    plain = rope.theta ** -(torch.arange(0, head_size, 2, dtype=torch.float32) / head_size)
    if rope.kind == "linear":
        return plain / rope.factor
    if rope.kind == "llama3":
        turns = rope.original_positions * plain / (2 * math.pi)
        kept = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor)
        kept = kept.clamp(0, 1)
        return kept * plain + (1 - kept) * plain / rope.factor
    return plain


class Attention(nn.Module):
    """Attention with rotary positions; `kv_heads` may be fewer than `heads`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        size, bias = shape.head_size, shape.attention_bias
        self.size, self.groups = size, shape.heads // shape.kv_heads
        self.q_proj = nn.Linear(shape.width, shape.heads * size, bias=bias)
        self.k_proj = nn.Linear(shape.width, shape.kv_heads * size, bias=bias)
        self.v_proj = nn.Linear(shape.width, shape.kv_heads * size, bias=bias)
        self.o_proj = nn.Linear(shape.heads * size, shape.width, bias=bias)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        """Attend within *x* (batch, length, width); *mask* is True where a position (row) may see another (column)."""
        q = _turned(self._heads(self.q_proj(x)), cos, sin)
        k = _turned(self._heads(self.k_proj(x)), cos, sin)
        v = self._heads(self.v_proj(x))
        if self.groups > 1:
            k, v = (part.repeat_interleave(self.groups, dim=1) for part in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.size)).transpose(1, 2)


class Mlp(nn.Module):
    """The gated feed-forward part of a layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.inner, bias=shape.mlp_bias)
        self.up_proj = nn.Linear(shape.width, shape.inner, bias=shape.mlp_bias)
        self.down_proj = nn.Linear(shape.inner, shape.width, bias=shape.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return what is added to *x* (..., width)."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One transformer layer with its residual connections."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, eps=shape.eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, eps=shape.eps)
        self.mlp = Mlp(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        """Return the hidden states (batch, length, width) after this layer."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class _Trunk(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.eps)


class Llama(nn.Module):
    """A Llama of *shape*, with weights drawn from the global torch generator (normal, standard deviation 0.02)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = _Trunk(shape)
        self.lm_head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self.apply(_initialise)
        if shape.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        self.register_buffer("frequencies", rope_frequencies(shape.rope, shape.head_size), persistent=False)

    def forward(
        self,
        tokens: Tensor,
        *,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        kept: Tensor | None = None,
    ) -> list[Tensor]:
        """Return the hidden states after each layer, first to last, each (batch, length, width), not normed.

        Args:
            tokens: Token ids (batch, length).
            mask: (batch, 1, length, length), True where a position may see another; causal without it.
            positions: (batch, length), for sequences packed behind each other; 0, 1, 2, ... without it.
            kept: (layers, batch), True where a layer is run for a sequence; all without it. A layer that is not run
                hands its input on: layer dropout as LayerSkip (arXiv 2404.16710, section 4.1) has it.
        """
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        angles = positions[:, None, :, None].float() * self.frequencies
        cos, sin = (part.repeat(1, 1, 1, 2) for part in (angles.cos(), angles.sin()))
        x = self.model.embed_tokens(tokens)
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        states = []
        for number, layer in enumerate(self.model.layers):
            if kept is None or bool(kept[number].all()):
                x = layer(x, cos, sin, mask)
            elif bool(kept[number].any()):
                rows = kept[number].nonzero().squeeze(1)
                run = layer(x[rows], _rows(cos, rows), _rows(sin, rows), None if mask is None else _rows(mask, rows))
                x = x.index_copy(0, rows, run)
            states.append(x)
        return states

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (..., vocabulary) of hidden states (..., width) of any layer: the shared norm and head."""
        return self.lm_head(self.model.norm(hidden))


def _rows(value: Tensor, rows: Tensor) -> Tensor:
    return value if value.shape[0] == 1 else value[rows]


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
