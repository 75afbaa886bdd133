"""Beginnings of prompts that were read before: an agent's next prompt mostly begins like its last one."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from app.local.decoder import Decoder

SHORTEST = 16
"""Fewer common tokens than this are read again: copying would not be faster."""


class Prefixes:
    """Keys and values of the latest prompts, at most *limit_bytes* of them; what was used least lately goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._held = limit_bytes, 0
        self._kept: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """How much memory is taken."""
        return self._held

    def restore(self, decoder: Decoder, row: int, prompt: Sequence[int]) -> int:
        """Write the longest known beginning of *prompt* to *row*; return how many tokens that are, less than all."""
        wanted = tuple(prompt[:-1])
        best, length = None, SHORTEST - 1
        for known in self._kept:
            # Tuples are compared at once; tokens are counted one by one only where more than the best so far are alike.
            if known[: length + 1] == wanted[: length + 1] and (common := _common(known, wanted)) > length:
                best, length = known, common
        if best is None:
            return 0
        self._kept.move_to_end(best)
        decoder.put(row, self._kept[best], length)
        return length

    def keep(self, decoder: Decoder, row: int, prompt: Sequence[int]) -> None:
        """Remember what *row* holds of *prompt*; what it begins with is then remembered by it.

        A prompt that alone is too large is not: it would drive out all others.
        """
        whole = tuple(prompt)
        if len(whole) < SHORTEST or len(whole) * decoder.token_bytes > self._limit:
            return
        for known in [known for known in self._kept if whole[: len(known)] == known]:
            self._drop(known)
        kept = decoder.take(row, len(whole))
        self._kept[whole] = kept
        self._held += kept.nbytes
        while self._held > self._limit and self._kept:
            self._drop(next(iter(self._kept)))

    def _drop(self, known: tuple[int, ...]) -> None:
        self._held -= self._kept.pop(known).nbytes


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
