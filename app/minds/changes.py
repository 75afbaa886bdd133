"""What a prompt says that an earlier one did not, and the reverse: words added and removed, as the text goes."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from app.commons.frozen import Frozen
from app.models.base import Message, Segment, SegmentKind

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
MAX_COMPARED = 4_000_000
"""Pairs of words above which two texts are not compared word by word: one is removed, the other added."""
AROUND = 60
"""How many characters of unchanged text are shown on each side of a change."""
LONGEST = 3000

Op = Literal["same", "added", "removed"]


class Stretch(Frozen):
    """A stretch of a prompt; `left_out` characters are missing in its middle, where the text has an ellipsis."""

    op: Op
    kind: SegmentKind
    text: str
    left_out: int = 0


def changes(now: Sequence[Message], before: Sequence[Message]) -> tuple[Stretch, ...]:
    """Compare two prompts, segment by segment and then word by word; unchanged text is shortened.

    Segments that both have are kept together wherever they stand; those between them are compared in turn, where they
    are of one kind. The "same" and "added" stretches, unshortened, are the text of *now*.
    """
    mine, theirs = _segments(now), _segments(before)
    matcher = SequenceMatcher(
        None, [(s.kind, s.text) for s in theirs], [(s.kind, s.text) for s in mine], autojunk=False
    )
    found: list[Stretch] = []
    for tag, from_1, to_1, from_2, to_2 in matcher.get_opcodes():
        if tag == "equal":
            found += [Stretch(op="same", kind=s.kind, text=s.text) for s in mine[from_2:to_2]]
        else:
            found += _between(theirs[from_1:to_1], mine[from_2:to_2])
    return tuple(_shortened(stretch) for stretch in _joined(found) if stretch.text)


def _segments(messages: Sequence[Message]) -> list[Segment]:
    return [segment for message in messages for segment in message.segments]


def _between(old: Sequence[Segment], new: Sequence[Segment]) -> Iterator[Stretch]:
    for place in range(max(len(old), len(new))):
        one = old[place] if place < len(old) else None
        other = new[place] if place < len(new) else None
        if one and other and one.kind == other.kind:
            yield from _words(one.text, other.text, other.kind)
            continue
        if one:
            yield Stretch(op="removed", kind=one.kind, text=one.text)
        if other:
            yield Stretch(op="added", kind=other.kind, text=other.text)


def _words(old: str, new: str, kind: SegmentKind) -> Iterator[Stretch]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) * len(after) > MAX_COMPARED:
        yield Stretch(op="removed", kind=kind, text=old)
        yield Stretch(op="added", kind=kind, text=new)
        return
    for tag, from_1, to_1, from_2, to_2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Stretch(op="same", kind=kind, text="".join(after[from_2:to_2]))
            continue
        yield Stretch(op="removed", kind=kind, text="".join(before[from_1:to_1]))
        yield Stretch(op="added", kind=kind, text="".join(after[from_2:to_2]))


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for stretch in stretches:
        if not stretch.text:
            continue
        last = joined[-1] if joined else None
        if last and (last.op, last.kind) == (stretch.op, stretch.kind):
            joined[-1] = last.model_copy(update={"text": last.text + stretch.text})
        else:
            joined.append(stretch)
    return joined


def _shortened(stretch: Stretch) -> Stretch:
    most = 2 * AROUND + 40 if stretch.op == "same" else LONGEST
    text = stretch.text
    if len(text) <= most:
        return stretch
    keep = AROUND if stretch.op == "same" else LONGEST // 2
    return stretch.model_copy(update={"text": f"{text[:keep]} … {text[-keep:]}", "left_out": len(text) - 2 * keep})
