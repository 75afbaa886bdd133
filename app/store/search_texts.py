"""What of a run is searched: its texts, what each is, and the event or call it belongs to."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.codec import segment_numbers, unpack
from app.store.tables import CallRow, EventRow, SegmentRow

Kind = Literal["talk", "memory", "completion", "thinking", "prompt"]
KINDS: Mapping[Kind, int] = {"talk": 1, "memory": 2, "completion": 3, "thinking": 4, "prompt": 5}
NAMES: Mapping[int, Kind] = {number: kind for kind, number in KINDS.items()}
OF_EVENTS = ("said", "summarised", "remembered")
EMBEDDINGS = "embedding"
MAX_TEXT = 1_000_000
"""Signs of a text that are searched."""


class Found(NamedTuple):
    """A text of a run; `ref` is the number of its event or call."""

    kind: Kind
    ref: int
    text: str


class Batch(NamedTuple):
    """Texts of a run, and the last event and call they came from; `calls` counts the calls."""

    texts: list[Found]
    event: int
    call: int
    calls: int


def event_text(payload: Mapping[str, Any]) -> tuple[Kind, str] | None:
    """Return what an event says and what kind of text that is, None where it says nothing."""
    match payload["kind"]:
        case "said":
            return "talk", payload["text"]
        case "summarised":
            return ("talk", payload["text"]) if payload["text"] else None
        case "remembered":
            return "memory", payload["memory"]["text"]
    return None


async def read_texts(
    connection: AsyncConnection, run_id: str, *, event: int = 0, call: int = 0, limit: int | None = None
) -> Batch:
    """Return the texts of a run's events and calls after *event* and *call*, at most *limit* of each.

    Each segment of prompts comes with the first of these calls that sent it. Prompts that were dropped are not there.
    """
    texts: list[Found] = []
    events = select(EventRow.seq, EventRow.payload).where(
        EventRow.run_id == run_id, EventRow.seq > event, EventRow.kind.in_(OF_EVENTS)
    )
    for told in await connection.execute(events.order_by(EventRow.seq).limit(limit)):
        if (said := event_text(json.loads(told.payload))) is not None:
            texts.append(Found(said[0], told.seq, said[1]))
        event = told.seq
    columns = (CallRow.seq, CallRow.purpose, CallRow.request, CallRow.completion, CallRow.thinking)
    calls = select(*columns).where(CallRow.run_id == run_id, CallRow.seq > call).order_by(CallRow.seq).limit(limit)
    rows = (await connection.execute(calls)).all()
    first: dict[int, int] = {}
    for row in rows:
        texts += _said(row)
        if row.purpose != EMBEDDINGS:
            for number in sorted(segment_numbers(row.request)):
                first.setdefault(number, row.seq)
        call = row.seq
    segments = select(SegmentRow.no, SegmentRow.text).where(SegmentRow.run_id == run_id, SegmentRow.no.in_(first))
    texts += [Found("prompt", first[part.no], unpack(part.text)) for part in await connection.execute(segments)]
    return Batch(texts, event, call, len(rows))


def _said(row: Any) -> Iterator[Found]:
    # The completion of an embedding is numbers.
    if row.completion is not None and row.purpose != EMBEDDINGS:
        yield Found("completion", row.seq, unpack(row.completion))
    if row.thinking is not None:
        yield Found("thinking", row.seq, unpack(row.thinking))
