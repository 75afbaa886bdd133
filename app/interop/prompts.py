"""Cuts a logged prompt into the segments it was made of. Joined again, they are exactly the logged text.

Only the marks that the research code puts at the start of a line are looked for (English and Japanese), never the
wording: a prompt of a fork that writes differently comes out in fewer, larger segments, and is still the prompt.
"""

import re
from collections.abc import Mapping, Sequence

from app.models.base import Message, Segment, SegmentKind

MAX_SEGMENTS = 2000

_PLACE = re.compile(r"^(?:Location|所在地): ", re.MULTILINE)
_MEMORY = re.compile(r"^- (\d{4}-\d{2}-\d{2}): ", re.MULTILINE)
_SCENARIO = re.compile(r"^\n{0,3} ?(?:Scenario|シナリオ): ", re.MULTILINE)
_TASK = re.compile(r"^\n{0,3} ?(?:Task|タスク): ", re.MULTILINE)

Remembered = Mapping[tuple[str, str], int]
"""An agent's memories: (date, text) to the memory's id."""


def agent_prompt(text: str, speakers: Sequence[str], remembered: Remembered) -> Message:
    """Return the prompt of an agent: its rules, where and when it is, its memories, the talk so far, its task."""
    place = _PLACE.search(text)
    start = place.start() if place else 0
    tasks = list(_TASK.finditer(text, start))
    task = tasks[-1].start() if tasks else len(text)
    scene = _SCENARIO.search(text, start, task)
    talk_start = scene.start() if scene else task
    cuts: list[tuple[int, SegmentKind]] = [(0, "rules" if place else "situation")]
    if place:
        cuts.append((start, "situation"))
    cuts += [(match.start(), "memory") for match in _MEMORY.finditer(text, start, talk_start)]
    if scene:
        cuts.append((talk_start, "situation"))
        cuts += [(match.start(), "talk") for match in _lines_of(speakers).finditer(text, talk_start, task)]
    if tasks:
        cuts.append((task, "task"))
    return _message(text, cuts, remembered)


def framework_prompt(text: str, speakers: Sequence[str]) -> Message:
    """Return the prompt of the framework: what it is told, the talk line by line, its task."""
    lines = [match.start() for match in _lines_of(speakers).finditer(text)]
    cuts: list[tuple[int, SegmentKind]] = [(0, "task"), *((start, "talk") for start in lines)]
    # What is asked is the last paragraph; the blank lines before it belong to it.
    task = len(text[: text.rfind("\n\n") + 1].rstrip("\n")) + 1
    if lines and task > lines[-1]:
        cuts.append((task, "task"))
    return _message(text, cuts, {})


def _lines_of(speakers: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"^-(?:{'|'.join(map(re.escape, speakers))}): ", re.MULTILINE)


def _message(text: str, cuts: list[tuple[int, SegmentKind]], remembered: Remembered) -> Message:
    cuts = cuts[:MAX_SEGMENTS]
    ends = [start for start, _ in cuts[1:]] + [len(text)]
    segments = []
    for (start, kind), end in zip(cuts, ends, strict=True):
        piece = text[start:end]
        if piece:
            memory = remembered.get((piece[2:12], piece[14:].strip())) if kind == "memory" else None
            segments.append(Segment(kind=kind, text=piece, memory=memory))
    return Message(role="user", segments=tuple(segments))
