"""The training recipe of LayerSkip (Elhoushi et al., ACL 2024, arXiv 2404.16710, section 4): its numbers by step.

Layers are counted from 0 here; L is their number, t the step from 0, T the number of steps.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Literal

Curriculum = Literal["rotational", "gradual", "all"]


@dataclass(frozen=True)
class Recipe:
    """How layers are dropped and which of them learn to answer.

    `dropout` (p_max) is the rate at the last layer, `rising` lets it grow over the steps, as in training from scratch.
    `exit_scale` (e_scale) weighs the losses of earlier layers against the last one's, 0 turns them off; `curriculum`
    says which of them count at a step, `rotation` (R) how many steps a turn of the rotational one takes.
    """

    dropout: float = 0.1
    rising: bool = True
    exit_scale: float = 0.2
    curriculum: Curriculum = "rotational"
    rotation: int = 4

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: one is out of range.
        """
        if not 0 <= self.dropout < 1:
            raise ValueError(f"The dropout must be at least 0 and below 1, not {self.dropout:g}.")
        if self.exit_scale < 0:
            raise ValueError(f"The exit scale must be at least 0, not {self.exit_scale:g}.")
        if self.rotation < 1:
            raise ValueError(f"A rotation takes at least 1 step, not {self.rotation}.")

    def rates(self, layers: int, step: int, steps: int) -> list[float]:
        """Return the probability that each layer is left out for a sample: 0 first, growing exponentially with depth.

        p(l, t) = S(t) D(l) p_max, with D(l) = e^(l ln 2 / (L - 1)) - 1 and S(t) = e^(t ln 2 / (T - 1)) - 1 or 1.
        """
        scale = _doubling(step, steps) if self.rising else 1.0
        return [self.dropout * scale * _doubling(layer, layers) for layer in range(layers)]

    def weights(self, layers: int, step: int, steps: int) -> list[float]:
        """Return the weight of each layer's loss at *step*; they sum to 1, and the last layer always counts.

        e(l) = e_scale (1 + ... + (l + 1)) for l < L - 1, and e(L - 1) = L + e_scale (1 + ... + (L - 1)), both of the
        paper with layers counted from 1 inside the sums, so that the first layer learns to answer too.
        """
        sums = [(layer + 1) * (layer + 2) / 2 for layer in range(layers)]
        raw = [self.exit_scale * value for value in sums[:-1]]
        raw.append(layers + self.exit_scale * (sums[-2] if layers > 1 else 0))
        counted = self.counted(layers, step, steps)
        kept = [value if counts else 0.0 for value, counts in zip(raw, counted, strict=True)]
        return [value / sum(kept) for value in kept]

    def counted(self, layers: int, step: int, steps: int) -> list[bool]:
        """Return whose losses count at *step* (C): all, every R-th in turn, or more and more from the last backwards.

        The gradual curriculum adds a layer each T / (2 L) steps, so that all count from half way on.
        """
        last = layers - 1
        if self.exit_scale == 0:
            return [layer == last for layer in range(layers)]
        if self.curriculum == "rotational":
            return [layer == last or layer % self.rotation == step % self.rotation for layer in range(layers)]
        if self.curriculum == "gradual":
            opened = 1 + step * 2 * layers // max(1, steps)
            return [layer >= layers - opened for layer in range(layers)]
        return [True] * layers


NONE = Recipe(dropout=0.0, exit_scale=0.0)
"""No recipe: every layer runs, and only the last one's loss counts."""


def _doubling(position: int, count: int) -> float:
    """Return a number that grows exponentially from 0 at the first of *count* positions to 1 at the last."""
    return exp(position * log(2) / (count - 1)) - 1 if count > 1 else 0.0
