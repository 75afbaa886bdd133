"""The search in everything that one run holds: plain text, without regard to case, accents and signs nobody sees.

It reads the run's own record from beginning to end, so it needs no index and finds parts of words. Prompt text is kept
once a run, and found once: with the first call that sent it.
"""

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.codec import segment_numbers, unpack
from app.store.connect import Database
from app.store.tables import CallRow, EventRow, SegmentRow

Kind = Literal["message", "summary", "reasoning", "completion", "thinking", "memory", "insight", "prompt"]
KINDS: Sequence[Kind] = get_args(Kind)
AROUND = 60
"""Characters shown on each side of a hit."""
LONGEST = 200
A_KIND = 50
"""Hits of one kind that are told; all are counted."""
ROWS = 1000

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_EMBEDDING = "embedding"
OF_EVENTS = ("said", "summarised", "remembered")


class RunHit(BaseModel):
    """A text of the run that holds what was looked for, and its place: a message, a call or a memory."""

    kind: Kind
    month: int
    who: str | None = Field(description="who said, thought or was asked it; null: the reading of the talk")
    message: str | None = None
    call: str | None = None
    memory: int | None = None
    before: str
    match: str = Field(description="as it stands in the text")
    after: str
    times: int = Field(description="how often this text holds it")
    calls: int = Field(default=1, description="how many calls sent it, where it is a prompt")


class RunHits(BaseModel):
    """What was found, kind by kind and in the order of the run; `counts` counts texts, also those that are not told."""

    q: str
    total: int
    counts: dict[Kind, int]
    hits: list[RunHit]


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


_UNSEEN = ("Mn", "Cf", "Cc", "Cs")


def find_in(text: str, needle: str, folding: Folding) -> tuple[int, int, int] | None:
    """Return where *needle*, folded, first stands in *text* (start and end), and how often; None if it does not."""
    folded = folding.fold(text)
    at = folded.find(needle)
    if at < 0:
        return None
    if len(folded) == len(text) and text.isascii():
        return at, at + len(needle), folded.count(needle)
    start = end = reached = 0
    for place, char in enumerate(text):
        length = len(folding[ord(char)])
        if length and reached <= at:
            start = place
        reached += length
        if reached >= at + len(needle):
            end = place + 1
            break
    while end < len(text) and unicodedata.category(text[end]) == "Mn":
        end += 1  # an accent belongs to the letter before it
    return start, end, folded.count(needle)


async def search_run(
    database: Database,
    run_id: str,
    q: str,
    *,
    last: int,
    shows: Callable[[Any], bool] = lambda call: True,
    prompts: bool = True,
) -> RunHits:
    """Look for *q* in all texts of a run.

    Args:
        database: where the run is.
        run_id: which.
        q: what to look for, as it is; spaces at its ends do not count. Nothing is found by nothing.
        last: the last event that the reader may see.
        shows: tells whether the reader may see a call (with its seq, month and phase).
        prompts: whether calls are searched at all.
    """
    folding = Folding()
    needle = folding.fold(q[:LONGEST].strip()).strip()
    if not needle:
        return RunHits(q=q, total=0, counts={}, hits=[])
    found = _Found(needle, folding)
    async with database.read() as connection:
        await _events(connection, run_id, last, found)
        if prompts:
            await _calls(connection, run_id, shows, found)
    hits = [hit for kind in KINDS for hit in found.hits.get(kind, ())]
    counts = {kind: found.counts[kind] for kind in KINDS if kind in found.counts}
    return RunHits(q=q, total=sum(counts.values()), counts=counts, hits=hits)


class _Found:
    """The hits so far."""

    def __init__(self, needle: str, folding: Folding) -> None:
        self.needle, self.folding = needle, folding
        self.hits: dict[Kind, list[RunHit]] = {}
        self.counts: dict[Kind, int] = {}

    def look(self, kind: Kind, text: str, **place: Any) -> None:
        """Look into *text*, which is at *place*."""
        at = find_in(text, self.needle, self.folding)
        if at is None:
            return
        self.counts[kind] = self.counts.get(kind, 0) + 1
        told = self.hits.setdefault(kind, [])
        if len(told) >= A_KIND:
            return
        start, end, times = at
        before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
        told.append(
            RunHit(
                kind=kind,
                before=_clean(("…" if start > AROUND else "") + before),
                match=_clean(text[start:end]),
                after=_clean(after + ("…" if len(text) > end + AROUND else "")),
                times=times,
                **place,
            )
        )


def _clean(text: str) -> str:
    # Lone surrogates, which a model's JSON may hold, cannot be sent.
    return text.encode("utf-8", "replace").decode("utf-8")


async def _events(connection: AsyncConnection, run_id: str, last: int, found: _Found) -> None:
    query = select(EventRow.payload).where(
        EventRow.run_id == run_id, EventRow.kind.in_(OF_EVENTS), EventRow.seq <= last
    )
    rows = (await connection.execute(query.order_by(EventRow.seq))).scalars().all()
    for start in range(0, len(rows), ROWS):
        await asyncio.to_thread(_look_at_events, rows[start : start + ROWS], found)


def _look_at_events(rows: Sequence[str], found: _Found) -> None:
    for payload in rows:
        event: Mapping[str, Any] = json.loads(payload)
        month = event["month"]
        match event["kind"]:
            case "said":
                place = {"message": f"m{month}-u{event['turn']}", "who": event["speaker"]}
                found.look("message", event["text"], month=month, **place)
            case "summarised" if event["text"]:
                found.look("summary", event["text"], month=month, message=f"m{month}-end", who=None)
            case "remembered":
                memory = event["memory"]
                kind: Kind = "insight" if memory["purpose"] == "insight" else "memory"
                found.look(kind, memory["text"], month=month, memory=memory["id"], who=event["agent"])


async def _calls(connection: AsyncConnection, run_id: str, shows: Callable[[Any], bool], found: _Found) -> None:
    names = ("seq", "key", "month", "phase", "agent", "purpose", "request", "completion", "thinking")
    columns = [getattr(CallRow, name) for name in names]
    senders: dict[int, tuple[Any, int]] = {}
    after = -1
    while True:
        query = select(*columns).where(CallRow.run_id == run_id, CallRow.seq > after).order_by(CallRow.seq).limit(ROWS)
        rows = (await connection.execute(query)).all()
        await asyncio.to_thread(_look_at_calls, [row for row in rows if shows(row)], found, senders)
        if len(rows) < ROWS:
            break
        after = rows[-1].seq
    segments = select(SegmentRow.no, SegmentRow.text).where(SegmentRow.run_id == run_id).order_by(SegmentRow.no)
    texts = (await connection.execute(segments)).all()
    for start in range(0, len(texts), ROWS):
        await asyncio.to_thread(_look_at_prompts, texts[start : start + ROWS], found, senders)


def _look_at_calls(rows: Sequence[Any], found: _Found, senders: dict[int, tuple[Any, int]]) -> None:
    for row in rows:
        # What is sent to be turned into vectors are memories, what comes back are numbers.
        if row.purpose == _EMBEDDING:
            continue
        place = _place(row)
        if row.completion is not None:
            found.look("reasoning" if row.purpose == "harvest" else "completion", unpack(row.completion), **place)
        if row.thinking is not None:
            found.look("thinking", unpack(row.thinking), **place)
        for number in segment_numbers(row.request):
            first, count = senders.get(number, (row, 0))
            senders[number] = first, count + 1


def _look_at_prompts(texts: Sequence[Any], found: _Found, senders: Mapping[int, tuple[Any, int]]) -> None:
    for segment in texts:
        if segment.no in senders:
            call, count = senders[segment.no]
            found.look("prompt", unpack(segment.text), calls=count, **_place(call))


def _place(row: Any) -> dict[str, Any]:
    return {"month": row.month, "call": row.key, "who": None if row.agent == "framework" else row.agent}
