"""Reads persona_N/nodes.json: an agent's memories, placed in the month and phase they were made in.

Memories are dated by the simulated calendar, with two quirks of the research code: agents other than the first date
what they take away from a talk to the 1st of that month, and a newcomer's clock starts in January when it arrives.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.commons.calendar import FIRST_YEAR, month_end
from app.commons.events import Memory, MemoryKind, PhaseName
from app.interop.files import MAX_MEMORY_BYTES, UnreadableLog, clean, parse_json, side_bytes

MAX_MEMORIES = 50_000
_KINDS: dict[str, MemoryKind] = {"EVENT": "event", "THOUGHT": "thought", "CHAT": "conversation"}
_NEVER = datetime(9999, 12, 31)
_UNIVERSAL = re.compile(r"\bif (?:everyone|everybody|each [a-z ]{1,30}?) [^\n]{0,80}?more than \d+")


@dataclass(frozen=True)
class PlacedMemory:
    """A memory, and the month and phase it belongs to."""

    month: int
    phase: PhaseName
    memory: Memory


@dataclass(frozen=True)
class Memories:
    """What one nodes.json holds; `problem` says why it holds nothing, if it should."""

    placed: tuple[PlacedMemory, ...] = ()
    clipped_ratings: int = 0
    problem: str | None = None


def tells_universalization(text: str) -> bool:
    """Tell whether *text* says from what catch on the stock would shrink if everybody took it."""
    return _UNIVERSAL.search(text) is not None


def read_memories(folder: Path, agent_id: str, first_month: int) -> Memories:
    """Return the memories of one agent, in the order they were made.

    A file that is missing, empty or damaged costs the memories, not the run: the result says so.

    Args:
        folder: the run folder.
        agent_id: `persona_0` and so on.
        first_month: the month the agent is first present in.
    """
    try:
        data = side_bytes(folder / agent_id / "nodes.json", MAX_MEMORY_BYTES)
        if data is None:
            return Memories(problem="is missing")
        if not data.strip():
            return Memories(problem="is empty")
        return _placed(parse_json(data, "nodes.json"), first_month)
    except UnreadableLog:
        return Memories(problem="is damaged")


def _placed(nodes: Any, first_month: int) -> Memories:
    if not isinstance(nodes, list) or len(nodes) > MAX_MEMORIES:
        raise UnreadableLog("nodes.json is no list")
    read = [_node(node) for node in nodes]
    # A newcomer's January is the month it arrives in.
    late = first_month - 1 if read and min(_month(node.created) for node in read) < first_month else 0
    placed = []
    for month, of_month in _by_month(read, late):
        placed += [PlacedMemory(month, phase, memory) for phase, memory in _classified(of_month)]
    return Memories(tuple(placed), clipped_ratings=sum(node.clipped for node in read))


@dataclass(frozen=True)
class _Node:
    id: int
    kind: MemoryKind
    text: str
    created: datetime
    expires: datetime
    importance: int
    rated: bool
    clipped: bool
    always: bool

    def memory(self, purpose: str) -> Memory:
        return Memory(
            id=self.id,
            kind=self.kind,
            purpose=purpose,
            text=self.text,
            created=self.created,
            expires=self.expires,
            importance=self.importance,
            rated=self.rated,
            always=self.always,
        )


def _node(node: Any) -> _Node:
    if not isinstance(node, dict) or not all(isinstance(node.get(key), str) for key in ("type", "description")):
        raise UnreadableLog("nodes.json has a node that is none")
    if node["type"] not in _KINDS:
        raise UnreadableLog("nodes.json has a node of an unknown type")
    number, created = node.get("id"), _date(node.get("created"))
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**31 or created is None:
        raise UnreadableLog("nodes.json has a node without id or date")
    importance = _rating(node.get("importance_score"))
    return _Node(
        id=number,
        kind=_KINDS[node["type"]],
        text=clean(node["description"]),
        created=created,
        expires=_date(node.get("expiration")) or _NEVER,
        importance=5 if importance is None else min(max(importance, 1), 10),
        rated=importance is not None,
        clipped=importance is not None and not 1 <= importance <= 10,
        always=node.get("always_include") in (True, "true", "True"),
    )


def _rating(value: Any) -> int | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**31
    return int(value) if number else None


def _date(value: Any) -> datetime | None:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S") if isinstance(value, str) else None
    except ValueError:
        return None


def _month(moment: datetime) -> int:
    return (moment.year - FIRST_YEAR) * 12 + moment.month


def _by_month(nodes: list[_Node], late: int) -> Iterator[tuple[int, list[_Node]]]:
    months: dict[int, list[_Node]] = {}
    for node in nodes:
        months.setdefault(_month(node.created) + late, []).append(node)
    yield from sorted(months.items())


def _classified(nodes: list[_Node]) -> Iterator[tuple[PhaseName, Memory]]:
    """Say what each memory of one month is to the simulation.

    By its place, not its words, so that every language is read: first the stock, then what else is told on the 1st,
    then the result; after the conversation a thought for planning, one that was interesting, and the agreed limit,
    always included; what is thought on the last day is an insight.
    """
    thoughts = 0
    told = 0
    for node in nodes:
        last_day = node.created.day == month_end(_month(node.created)).day if _month(node.created) > 0 else False
        if node.kind == "conversation":
            yield "take_away", node.memory("conversation")
        elif node.kind == "event" and node.created.day == 1:
            told += 1
            other = "universalization" if tells_universalization(node.text) else "advice"
            yield "observe", node.memory("stock" if told == 1 else other)
        elif node.kind == "event":
            yield ("home", node.memory("others")) if last_day else ("settle", node.memory("result"))
        elif node.always:
            yield "take_away", node.memory("limit")
        elif last_day:
            yield "home", node.memory("insight")
        else:
            thoughts += 1
            yield "take_away", node.memory({1: "planning", 2: "interesting"}.get(thoughts, "thought"))
