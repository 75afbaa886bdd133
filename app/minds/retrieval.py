"""Which memories come to mind: recency, importance and relevance (GovSim, section 3).

    score = 0.5 * 0.99^rank + 3 * (importance - 1) / 9 + 2 * cosine(memory, focal point)

The newest memory has rank 0. Where the vectors come from is `relevance`'s affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.commons.events import Memory
from app.minds.memory import MemoryStream
from app.minds.relevance import Lexical, Relevance, Vector
from app.models.base import CallKey, Retrieval

RECENCY, IMPORTANCE, RELEVANCE = 0.5, 3.0, 2.0
DECAY = 0.99
DECIMALS = 6
"""Scores are rounded before they are compared: the last bits of a cosine differ between machines."""


@dataclass(frozen=True)
class Recalled:
    """A memory that came to mind, and how."""

    memory: Memory
    retrieval: Retrieval


class Retriever:
    """Retrieves from one memory stream; keeps the vectors of the memories that can still be retrieved."""

    def __init__(
        self, stream: MemoryStream, relevance: Relevance | None = None, *, oldest_most_recent: bool = False
    ) -> None:
        self._stream = stream
        self._relevance: Relevance = relevance or Lexical()
        self._oldest_most_recent = oldest_most_recent
        self._vectors: dict[int, Vector] = {}

    async def retrieve(
        self, focal_points: Sequence[str], top: int, now: datetime, key: CallKey
    ) -> tuple[Recalled, ...]:
        """Return the *top* memories for each focal point together, without duplicates, by time, then id.

        The always-included ones come first and count among the *top*; they are there even if they are more. *key* names
        the request for vectors, where one is made.
        """
        memories = self._stream.retrievable(now)
        found = {memory.id: Retrieval(always=True) for memory in memories if memory.always}
        others = [memory for memory in memories if not memory.always]
        room = max(0, top - len(found))
        if room and others:
            by_recency = memories if self._oldest_most_recent else memories[::-1]
            ranks = {memory.id: rank for rank, memory in enumerate(by_recency)}
            relevances = await self._cosines(others, focal_points, key)
            chosen = _chosen(others, ranks, relevances, room)
            for place, memory in enumerate(others):
                if memory.id in chosen:
                    found[memory.id] = Retrieval(
                        recency=round(DECAY ** ranks[memory.id], 3),
                        importance=round((memory.importance - 1) / 9, 3),
                        relevance=round(max(row[place] for row in relevances), 3),
                    )
        return tuple(Recalled(memory, found[memory.id]) for memory in memories if memory.id in found)

    async def _cosines(
        self, memories: Sequence[Memory], focal_points: Sequence[str], key: CallKey
    ) -> list[list[float]]:
        """Return, for each focal point, the cosine with each of *memories*."""
        new = [memory for memory in memories if memory.id not in self._vectors]
        vectors = await self._relevance.vectors([*(memory.text for memory in new), *focal_points], key)
        fresh = {memory.id: vector for memory, vector in zip(new, vectors, strict=False)}
        self._vectors = {memory.id: fresh.get(memory.id) or self._vectors[memory.id] for memory in memories}
        known = list(self._vectors.values())
        return [focus.cosines(known) for focus in vectors[len(new) :]]


def score(rank: int, importance: int, relevance: float) -> float:
    """Return the weight of a memory: *rank* 0 is the newest, *importance* 1 to 10, *relevance* a cosine."""
    return round(RECENCY * DECAY**rank + IMPORTANCE * (importance - 1) / 9 + RELEVANCE * relevance, DECIMALS)


def _chosen(
    memories: Sequence[Memory], ranks: dict[int, int], relevances: Sequence[Sequence[float]], room: int
) -> set[int]:
    """Return the ids of the best *room* memories for each focal point."""
    if len(memories) <= room:
        return {memory.id for memory in memories}
    chosen: set[int] = set()
    for relevance in relevances:
        scores = {
            memory.id: score(ranks[memory.id], memory.importance, cosine)
            for memory, cosine in zip(memories, relevance, strict=True)
        }
        # Of equal scores the more recent memory counts.
        best = sorted(memories, key=lambda memory: (-scores[memory.id], ranks[memory.id]))
        chosen.update(memory.id for memory in best[:room])
    return chosen
