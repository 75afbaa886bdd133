"""Choosing tokens: greedily, or drawn from a distribution so that drafts leave it what it is."""

from collections.abc import Sequence

import torch
from torch import Tensor

from app.local.requests import Sampling

GREEDY_BELOW = 1e-5


class Chooser:
    """Chooses the tokens of one text. What it draws depends on its own seed only, never on other texts."""

    def __init__(self, sampling: Sampling) -> None:
        self.greedy = sampling.temperature < GREEDY_BELOW
        self._temperature, self._top_p = sampling.temperature, sampling.top_p
        self._random = torch.Generator()
        if sampling.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(sampling.seed)

    def draw(self, logits: Tensor) -> tuple[int, Tensor]:
        """Draw a token from *logits* (vocabulary); return it with the probabilities it was drawn from."""
        odds = self._odds(logits)
        return self._from(odds), odds

    def check(self, drafted: Sequence[int], odds: Sequence[Tensor], logits: Tensor) -> list[int]:
        """Return what to keep of *drafted* tokens and the one that follows them.

        Draft i was drawn from `odds[i]`; *logits* (K + 1, vocabulary) are the full model's at its place and behind the
        last. A draft x is kept with probability min(1, p(x) / q(x)); the first that is not is replaced by a draw from
        max(p - q, 0), normed. So every token has the full model's distribution (Leviathan et al. 2023, arXiv
        2211.17192, theorem 3.5), temperature and top-p being applied to both before.
        """
        kept: list[int] = []
        for token, guessed, full in zip(drafted, odds, logits, strict=False):
            true = self._odds(full)
            if float(torch.rand((), generator=self._random)) * float(guessed[token]) < float(true[token]):
                kept.append(token)
                continue
            left = (true - guessed).clamp_(min=0)
            # Rounding alone can leave nothing where both are the same.
            return [*kept, self._from(left if float(left.sum()) > 0 else true)]
        return [*kept, self._from(self._odds(logits[len(drafted)]))]

    def _odds(self, logits: Tensor) -> Tensor:
        odds = torch.softmax(logits.cpu() / self._temperature, dim=-1)
        if self._top_p < 1:
            ranked, order = odds.sort(descending=True)
            # The token that reaches the sum is kept, so that one always is.
            ranked[ranked.cumsum(0) - ranked >= self._top_p] = 0
            odds = torch.zeros_like(odds).scatter_(0, order, ranked / ranked.sum())
        return odds

    def _from(self, odds: Tensor) -> int:
        return int(torch.multinomial(odds, 1, generator=self._random))


def check_greedy(drafted: Sequence[int], best: Sequence[int]) -> list[int]:
    """Return the drafted tokens that equal the full model's choices *best* (K + 1), and the choice that follows."""
    kept = 0
    while kept < len(drafted) and drafted[kept] == best[kept]:
        kept += 1
    return list(best[: kept + 1])
