"""How prompts and completions are packed: text once a run, compressed, and calls as lists of numbers."""

import json
import zlib
from collections.abc import Mapping

from app.models.base import Message, Retrieval, Segment

RAW, ZLIB = b"r", b"z"
DROPPED = b""
"""A request whose messages were dropped by a retention rule; its hash stays."""


def pack(text: str) -> bytes:
    """Return *text* as bytes, compressed where that is shorter."""
    # Lone surrogates can come out of a model's JSON; they are kept.
    raw = text.encode("utf-8", "surrogatepass")
    small = zlib.compress(raw, 6) if len(raw) > 60 else raw
    return ZLIB + small if len(small) < len(raw) else RAW + raw


def unpack(data: bytes) -> str:
    """Return the text that `pack` was given."""
    raw = zlib.decompress(data[1:]) if data[:1] == ZLIB else data[1:]
    return raw.decode("utf-8", "surrogatepass")


class SegmentBook:
    """The segments of one run: gives each distinct text a number, and remembers which are new."""

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        self._numbers = dict(known or {})
        self.new: list[tuple[int, str]] = []

    def number(self, text: str) -> int:
        """Return the number of *text*, a new one at its first appearance."""
        if text not in self._numbers:
            self._numbers[text] = len(self._numbers)
            self.new.append((self._numbers[text], text))
        return self._numbers[text]

    def take_new(self) -> list[tuple[int, str]]:
        """Return the segments that were new since the last time, and forget that they were."""
        new, self.new = self.new, []
        return new


def pack_messages(messages: tuple[Message, ...], book: SegmentBook) -> bytes:
    """Return *messages* as [[role, [[kind, number, memory, *retrieval], ...]], ...], compressed.

    A retrieval is nothing, 1 for always included, or recency, importance and relevance in thousandths.
    """
    shape = [
        [m.role, [[s.kind, book.number(s.text), s.memory, *_pack_retrieval(s.retrieval)] for s in m.segments]]
        for m in messages
    ]
    return pack(json.dumps(shape, separators=(",", ":")))


def segment_numbers(request: bytes) -> set[int]:
    """Return the numbers of the segments that a packed request needs."""
    if request == DROPPED:
        return set()
    return {number for _, segments in json.loads(unpack(request)) for _, number, *_ in segments}


def unpack_messages(request: bytes, texts: Mapping[int, str]) -> tuple[Message, ...]:
    """Return the messages of a packed request, given the texts of its segments; none if they were dropped."""
    if request == DROPPED:
        return ()
    return tuple(
        Message(
            role=role,
            segments=tuple(
                Segment(kind=kind, text=texts[no], memory=memory, retrieval=_unpack_retrieval(found))
                for kind, no, memory, *found in segments
            ),
        )
        for role, segments in json.loads(unpack(request))
    )


def _pack_retrieval(found: Retrieval | None) -> list[int]:
    if found is None:
        return []
    if found.always:
        return [1]
    return [round((part or 0.0) * 1000) for part in (found.recency, found.importance, found.relevance)]


def _unpack_retrieval(packed: list[int]) -> Retrieval | None:
    if not packed:
        return None
    if len(packed) == 1:
        return Retrieval(always=True)
    recency, importance, relevance = (part / 1000 for part in packed)
    return Retrieval(recency=recency, importance=importance, relevance=relevance)
