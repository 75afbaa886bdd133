"""Small models for tests: random weights whose later layers change little, so that drafts are often right."""

from collections.abc import Sequence

import torch

from app.local.llama import Llama
from app.local.requests import Decoding
from app.local.shape import Shape

SMALL = Shape(
    vocabulary=61, width=48, layers=8, heads=6, kv_heads=2, head_size=8, inner=64, positions=512, eos=(0,), tied=True
)


def guessable(shape: Shape = SMALL, *, later: float = 0.25, seed: int = 0) -> Llama:
    """Return a model whose layers behind the first add *later* times what they would."""
    before = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = Llama(shape)
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.randn_like(value) * 0.35 if value.dim() > 1 else torch.ones_like(value))
            if ("o_proj" in name or "down_proj" in name) and ".layers.0." not in name:
                value.mul_(later)
    torch.random.set_rng_state(before)
    return model.eval().requires_grad_(False)


def letters(tokens: Sequence[int]) -> str:
    """Decode: each token is one character, the last of the vocabulary two bytes of nothing."""
    return "".join(chr(ord("!") + token) for token in tokens)


def greedy_by_whole_sequences(model: Llama, prompt: Sequence[int], count: int) -> list[int]:
    """Return *count* greedy tokens, by the plainest means: the whole text is run anew for each."""
    tokens = list(prompt)
    with torch.inference_mode():
        for _ in range(count):
            tokens.append(int(model.logits(model(torch.tensor([tokens]))[-1][0, -1]).argmax()))
    return tokens[len(prompt) :]


def every_way(layers: int, longest: int) -> list[Decoding]:
    """Return all E with all K from 1 to *longest*."""
    return [Decoding(early, draft) for early in range(1, layers + 1) for draft in range(1, longest + 1)]
