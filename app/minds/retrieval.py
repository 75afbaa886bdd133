"""Which memories come to mind: recency, importance and relevance (GovSim, section 3).

    score = 0.5 * 0.99^rank + 3 * (importance - 1) / 9 + 2 * cosine(memory, focal point)

The newest memory has rank 0. Relevance is lexical: the cosine of hashed character n-grams within words, so that "fish"
and "fishing" are related, in any language, without weights to download.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from app.commons.events import Memory
from app.minds.memory import MemoryStream

if TYPE_CHECKING:
    import numpy as np

RECENCY, IMPORTANCE, RELEVANCE = 0.5, 3.0, 2.0
DECAY = 0.99
FEATURES = 2**16
DECIMALS = 6
"""Scores are rounded before they are compared: the last bits of a cosine differ between machines."""


class Vector:
    """A sparse vector of length 1, or of length 0 for a text without words."""

    __slots__ = ("_indices", "_values")

    def __init__(self, indices: "np.ndarray", values: "np.ndarray") -> None:
        self._indices = indices
        self._values = values

    def cosines(self, others: Sequence["Vector"]) -> list[float]:
        """Return the cosine between this vector and each of *others*."""
        import numpy as np

        dense = np.zeros(FEATURES)
        dense[self._indices] = self._values
        return [float(dense[other._indices] @ other._values) for other in others]


class Retriever:
    """Retrieves from one memory stream; keeps the vectors of the memories that can still be retrieved."""

    def __init__(self, stream: MemoryStream, *, oldest_most_recent: bool = False) -> None:
        self._stream = stream
        self._oldest_most_recent = oldest_most_recent
        self._vectors: dict[int, Vector] = {}

    def retrieve(self, focal_points: Sequence[str], top: int, now: datetime) -> tuple[Memory, ...]:
        """Return the *top* memories for each focal point together, without duplicates, by time, then id.

        The always-included ones come first and count among the *top*; they are there even if they are more.
        """
        memories = self._stream.retrievable(now)
        always = [memory.id for memory in memories if memory.always]
        others = [memory for memory in memories if not memory.always]
        room = max(0, top - len(always))
        if len(others) <= room:
            return tuple(memories)
        chosen = set(always)
        if room:
            by_recency = memories if self._oldest_most_recent else memories[::-1]
            ranks = {memory.id: rank for rank, memory in enumerate(by_recency)}
            for relevance in self._relevance(others, focal_points):
                scores = {
                    memory.id: score(ranks[memory.id], memory.importance, cosine)
                    for memory, cosine in zip(others, relevance, strict=True)
                }
                # Of equal scores the more recent memory counts.
                best = sorted(others, key=lambda memory: (-scores[memory.id], ranks[memory.id]))
                chosen.update(memory.id for memory in best[:room])
        return tuple(memory for memory in memories if memory.id in chosen)

    def _relevance(self, memories: Sequence[Memory], focal_points: Sequence[str]) -> list[list[float]]:
        """Return, for each focal point, the cosine with each of *memories*."""
        new = [memory for memory in memories if memory.id not in self._vectors]
        vectors = vectorise([*(memory.text for memory in new), *focal_points])
        fresh = {memory.id: vector for memory, vector in zip(new, vectors, strict=False)}
        self._vectors = {memory.id: fresh.get(memory.id) or self._vectors[memory.id] for memory in memories}
        known = list(self._vectors.values())
        return [focus.cosines(known) for focus in vectors[len(new) :]]


def score(rank: int, importance: int, relevance: float) -> float:
    """Return the weight of a memory: *rank* 0 is the newest, *importance* 1 to 10, *relevance* a cosine of 0 to 1."""
    return round(RECENCY * DECAY**rank + IMPORTANCE * (importance - 1) / 9 + RELEVANCE * relevance, DECIMALS)


def vectorise(texts: Sequence[str]) -> list[Vector]:
    """Return the vector of each text."""
    rows = _vectoriser().transform(texts)
    bounds = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    return [Vector(rows.indices[start:end].copy(), rows.data[start:end].copy()) for start, end in bounds]


def warm_up() -> None:
    """Import what retrieval needs, which takes about a second, before an episode is waiting for it."""
    vectorise(["ready"])


@cache
def _vectoriser() -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=FEATURES, alternate_sign=False)
