"""All texts of one run that can be searched, in its order, and how they are compared.

Reading a record is most of what a search costs: everything is unpacked. What was read last is therefore remembered, so
that somebody who types, or goes on looking, waits for it once.
"""

import asyncio
import json
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.codec import segment_numbers, unpack
from app.store.tables import CallRow, EventRow, RunRow, SegmentRow

Kind = Literal["message", "summary", "reasoning", "completion", "thinking", "memory", "insight", "prompt"]
ROWS = 1000
REMEMBERED = 30_000_000
"""Characters that are remembered at most: some hundred ordinary runs, or two of the longest."""

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_UNSEEN = ("Mn", "Cf", "Cc", "Cs")
_EMBEDDING = "embedding"
OF_EVENTS = ("said", "summarised", "remembered")


class Folding(dict[int, str]):
    """Characters as they are compared: small, without accents; white space as a space; what nobody sees as nothing."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded

    def fold(self, text: str) -> str:
        """Return *text* as it is compared."""
        if text.isascii() and not _CONTROLS.search(text):
            return text.lower().replace("\n", " ").replace("\t", " ").replace("\r", " ")
        return text.translate(self)


def _folded(char: str) -> str:
    if char.isspace():
        return " "
    kept = (part for part in unicodedata.normalize("NFKD", char) if unicodedata.category(part) not in _UNSEEN)
    return "".join(kept).casefold()


@dataclass(frozen=True, slots=True)
class RunText:
    """A text of a run and its place: a message, a call or a memory. `folded` is how it is compared.

    `calls` tells how many calls sent it, where it is a prompt.
    """

    kind: Kind
    text: str
    folded: str
    month: int
    who: str | None
    message: str | None = None
    call: str | None = None
    memory: int | None = None
    calls: int = 1


class RunTexts:
    """The texts of runs that were searched lately."""

    def __init__(self, most: int = REMEMBERED) -> None:
        """Remember up to *most* characters."""
        self._most = most
        self._kept: OrderedDict[str, tuple[object, Sequence[RunText], int]] = OrderedDict()

    async def of(self, connection: AsyncConnection, run_id: str) -> Sequence[RunText]:
        """Return all texts of a run: as they were read last, unless something was added or dropped since."""
        state = await _state(connection, run_id)
        known = self._kept.get(run_id)
        if known is None or known[0] != state:
            read = await read_texts(connection, run_id)
            known = self._kept[run_id] = (state, read, sum(len(item.text) for item in read))
        self._kept.move_to_end(run_id)
        while sum(size for *_, size in self._kept.values()) > self._most:
            self._kept.popitem(last=False)
        return known[1]


async def _state(connection: AsyncConnection, run_id: str) -> object:
    """Return what changes whenever texts of a run are added or dropped."""
    columns = (RunRow.events, RunRow.prompts_dropped_at, RunRow.calls_dropped_at)
    run = (await connection.execute(select(*columns).where(RunRow.id == run_id))).first()
    call = await connection.execute(select(func.max(CallRow.seq)).where(CallRow.run_id == run_id))
    return None if run is None else tuple(run), call.scalar()


async def read_texts(
    connection: AsyncConnection,
    run_id: str,
    *,
    last: int | None = None,
    shows: Callable[[Any], bool] = lambda call: True,
    prompts: bool = True,
) -> list[RunText]:
    """Read the texts of a run from its record.

    Args:
        connection: to read on.
        run_id: which run.
        last: the last event that the reader may see; None for all.
        shows: tells whether the reader may see a call (with its seq, month and phase).
        prompts: whether calls are read at all.
    """
    folding = Folding()
    found = await _events(connection, run_id, last, folding)
    if prompts:
        found += await _calls(connection, run_id, shows, folding)
    return found


async def _events(connection: AsyncConnection, run_id: str, last: int | None, folding: Folding) -> list[RunText]:
    query = select(EventRow.payload).where(EventRow.run_id == run_id, EventRow.kind.in_(OF_EVENTS))
    if last is not None:
        query = query.where(EventRow.seq <= last)
    rows = (await connection.execute(query.order_by(EventRow.seq))).scalars().all()
    found: list[RunText] = []
    for start in range(0, len(rows), ROWS):
        found += await asyncio.to_thread(_of_events, rows[start : start + ROWS], folding)
    return found


def _of_events(rows: Sequence[str], folding: Folding) -> list[RunText]:
    found: list[RunText] = []
    for payload in rows:
        event: Mapping[str, Any] = json.loads(payload)
        month = event["month"]
        match event["kind"]:
            case "said":
                text, message = event["text"], f"m{month}-u{event['turn']}"
                found.append(RunText("message", text, folding.fold(text), month, event["speaker"], message))
            case "summarised" if event["text"]:
                text = event["text"]
                found.append(RunText("summary", text, folding.fold(text), month, None, f"m{month}-end"))
            case "remembered":
                memory = event["memory"]
                text = memory["text"]
                kind: Kind = "insight" if memory["purpose"] == "insight" else "memory"
                found.append(RunText(kind, text, folding.fold(text), month, event["agent"], memory=memory["id"]))
    return found


async def _calls(
    connection: AsyncConnection, run_id: str, shows: Callable[[Any], bool], folding: Folding
) -> list[RunText]:
    names = ("seq", "key", "month", "phase", "agent", "purpose", "request", "completion", "thinking")
    columns = [getattr(CallRow, name) for name in names]
    found: list[RunText] = []
    senders: dict[int, tuple[Any, int]] = {}
    after = -1
    while True:
        query = select(*columns).where(CallRow.run_id == run_id, CallRow.seq > after).order_by(CallRow.seq).limit(ROWS)
        rows = (await connection.execute(query)).all()
        found += await asyncio.to_thread(_of_calls, [row for row in rows if shows(row)], folding, senders)
        if len(rows) < ROWS:
            break
        after = rows[-1].seq
    segments = select(SegmentRow.no, SegmentRow.text).where(SegmentRow.run_id == run_id).order_by(SegmentRow.no)
    texts = (await connection.execute(segments)).all()
    for start in range(0, len(texts), ROWS):
        found += await asyncio.to_thread(_of_prompts, texts[start : start + ROWS], folding, senders)
    return found


def _of_calls(rows: Sequence[Any], folding: Folding, senders: dict[int, tuple[Any, int]]) -> list[RunText]:
    found: list[RunText] = []
    for row in rows:
        # What is sent to be turned into vectors are memories, what comes back are numbers.
        if row.purpose == _EMBEDDING:
            continue
        if row.completion is not None:
            found.append(
                _of_call("reasoning" if row.purpose == "harvest" else "completion", row.completion, row, folding)
            )
        if row.thinking is not None:
            found.append(_of_call("thinking", row.thinking, row, folding))
        for number in segment_numbers(row.request):
            first, count = senders.get(number, (row, 0))
            senders[number] = first, count + 1
    return found


def _of_prompts(rows: Sequence[Any], folding: Folding, senders: Mapping[int, tuple[Any, int]]) -> list[RunText]:
    sent = ((row.text, *senders[row.no]) for row in rows if row.no in senders)
    return [_of_call("prompt", text, call, folding, count) for text, call, count in sent]


def _of_call(kind: Kind, packed: bytes, row: Any, folding: Folding, calls: int = 1) -> RunText:
    text = unpack(packed)
    who = None if row.agent == "framework" else row.agent
    return RunText(kind, text, folding.fold(text), row.month, who, call=row.key, calls=calls)
