"""Writes a run's record while it is played, and answers from it when it is played again.

Calls and events go into one queue in the order they happened and are committed in that order, as many at a time as
have gathered (writing.py): so no event is ever stored before the call it rests on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.events import Decided, Ended, Event, Harvested, MonthEnded, MonthStarted, event_json
from app.commons.frozen import canonical_json
from app.models.base import CallKey, Completion, RecordedCall
from app.models.decoding import STORED
from app.store.codec import SegmentBook, pack, pack_messages, unpack
from app.store.connect import Database
from app.store.leases import RUNS, Claim, LostRun
from app.store.runs import add_log, now
from app.store.spending import add_usage, used_by
from app.store.tables import CallRow, EventRow, RunRow, SegmentRow
from app.store.writing import Writer

BATCH = 200
PROGRESS_ROWS = 25
"""Calls and events that a player must add before its run counts as getting on: a run that makes one call, then kills
its worker, again and again, does not."""


class ReplayDiverged(Exception):
    """A run played again from its record did something else than before; the message says where."""


@dataclass
class _Totals:
    """Running totals of the call columns of a run."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    unpriced_calls: int = 0

    def add(self, call: RecordedCall) -> None:
        self.calls += 1
        if call.completion is not None:
            self.prompt_tokens += call.completion.prompt_tokens or 0
            self.completion_tokens += call.completion.completion_tokens or 0
        if call.cost is None:
            self.unpriced_calls += 1
        else:
            self.cost = (self.cost or 0.0) + call.cost


@dataclass(frozen=True)
class _Batch:
    """Rows that belong together, and the run's columns as they are once these are written."""

    claim: Claim
    segments: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    events: list[dict[str, Any]]
    columns: dict[str, Any]
    day: date

    async def written(self, connection: AsyncConnection) -> bool:
        """Tell whether the batch is in the database; it is there whole or not at all."""
        run_id = self.claim.run_id
        if self.calls:
            first = CallRow.key == self.calls[0]["key"]
            query = select(CallRow.run_id).where(CallRow.run_id == run_id, first)
        else:
            query = select(EventRow.run_id).where(EventRow.run_id == run_id, EventRow.seq == self.events[0]["seq"])
        return (await connection.execute(query)).first() is not None

    async def write(self, connection: AsyncConnection) -> None:
        """Prove that the claim is valid and bring the run's columns up to date, in one statement; add the rows."""
        result = await connection.execute(
            update(RunRow).where(*RUNS.held(self.claim)).values(heartbeat=now(), **self.columns)
        )
        if result.rowcount != 1:
            raise LostRun(f"run {self.claim.run_id} is played by somebody else now")
        for table, rows in ((SegmentRow, self.segments), (CallRow, self.calls), (EventRow, self.events)):
            if rows:
                await connection.execute(insert(table), rows)
        await add_usage(connection, self.claim.run_id, self.day, used_by(self.calls))


@dataclass
class RunRecorder:
    """The record of one run under one claim: a sink for events and a `CallLog`.

    Make one with `open_recorder`. `on_failure` is called once, from the writing task, if the record cannot
    be written. `clock` tells the day that new calls are counted on.
    """

    database: Database
    claim: Claim
    stored_events: list[str]
    stored_calls: dict[str, Any]
    segments: SegmentBook
    totals: _Totals
    on_failure: Callable[[BaseException], None] = lambda error: None
    clock: Callable[[], datetime] = now
    progress: dict[str, Any] = field(default_factory=dict)
    _seq: int = 0
    _call_seq: int = 0
    _rows: int = 0

    def __post_init__(self) -> None:
        self._writer: Writer[dict[str, Any]] = Writer(
            self.database, self._prepare, self.claim.run_id, size=BATCH, on_failure=lambda error: self.on_failure(error)
        )

    def emit(self, event: Event) -> None:
        """Keep the next event; one that is stored already must be the same, byte for byte.

        Raises:
            ReplayDiverged: if it is not.
        """
        self._writer.check()
        self._seq += 1
        text = event_json(event)
        self._note_progress(event)
        if self._seq <= len(self.stored_events):
            if self.stored_events[self._seq - 1] != text:
                raise ReplayDiverged(
                    f"event {self._seq} (month {event.month}, {event.kind}) differs from the one recorded"
                )
            return
        self._put(
            EventRow,
            {
                "seq": self._seq,
                "month": event.month,
                "phase": event.phase,
                "kind": event.kind,
                "agent": event.agent,
                "payload": text,
            },
        )

    @property
    def replaying(self) -> bool:
        """Whether what is being played now has been recorded before."""
        return self._seq < len(self.stored_events)

    def find(self, key: CallKey) -> tuple[str, Completion] | None:
        """Return the request hash and completion recorded under *key*, or None."""
        row = self.stored_calls.get(str(key))
        if row is None or row.completion is None:
            return None
        return row.request_hash, completion_of(row)

    def record(self, call: RecordedCall) -> None:
        """Keep a call."""
        self._writer.check()
        self._call_seq += 1
        self.totals.add(call)
        self._put(CallRow, call_values(call, self._call_seq, self.segments))

    async def log(self, kind: str, text: str) -> None:
        """Write a line into the run's log, now."""
        async with self.database.write() as connection:
            await add_log(connection, self.claim.run_id, kind, text)

    def start(self) -> None:
        """Start the writing task."""
        self._writer.start()

    async def keep_up(self) -> None:
        """Wait while the disk is behind (`Writer.keep_up`)."""
        await self._writer.keep_up()

    async def flush(self) -> None:
        """Wait until everything given so far is on disk (`Writer.flush`)."""
        await self._writer.flush()

    async def close(self, within_s: float | None = None) -> None:
        """Write what is left, as far as it can be written in *within_s* seconds, and stop."""
        await self._writer.close(within_s)

    def _note_progress(self, event: Event) -> None:
        if isinstance(event, MonthStarted):
            self.progress["stock"] = event.stock
        elif isinstance(event, Harvested):
            self.progress |= {"months_played": event.month, "stock": event.stock_after}
        elif isinstance(event, MonthEnded):
            self.progress["stock"] = event.stock_next
        elif isinstance(event, Ended):
            self.progress["collapsed"] = event.collapsed
        elif isinstance(event, Decided) and not event.readable:
            self.progress["unreadable"] = self.progress.get("unreadable", 0) + 1

    def _put(self, table: Any, values: dict[str, Any]) -> None:
        self._writer.put({"table": table, "run_id": self.claim.run_id, **values})

    def _prepare(self, items: list[dict[str, Any]]) -> _Batch:
        self._rows += len(items)
        columns = self.progress | {
            "events": max(self._seq, len(self.stored_events)),
            "calls": self.totals.calls,
            "prompt_tokens": self.totals.prompt_tokens,
            "completion_tokens": self.totals.completion_tokens,
            "cost": self.totals.cost,
            "unpriced_calls": self.totals.unpriced_calls,
        }
        calls = [_row(item) for item in items if item["table"] is CallRow]
        if calls:
            # The endpoint answers: what waited for it may follow (waiting.py).
            columns["retries"] = 0
        if self._rows >= PROGRESS_ROWS or "collapsed" in self.progress:
            columns["fruitless"] = 0
        return _Batch(
            claim=self.claim,
            segments=[
                {"run_id": self.claim.run_id, "no": no, "text": pack(text)} for no, text in self.segments.take_new()
            ],
            calls=calls,
            events=[_row(item) for item in items if item["table"] is EventRow],
            columns=columns,
            day=self.clock().date(),
        )


def _row(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "table"}


def call_values(call: RecordedCall, seq: int, segments: SegmentBook) -> dict[str, Any]:
    """Return the column values of *call*, without its run; new segments go to *segments*."""
    completion = call.completion
    return {
        "key": str(call.key),
        "seq": seq,
        **call.key.model_dump(),
        "model": call.model,
        "sampling": None if call.sampling is None else canonical_json(call.sampling),
        "request_hash": call.request_hash,
        "request": pack_messages(call.messages, segments),
        "completion": None if completion is None else pack(completion.text),
        "thinking": None if completion is None or not completion.thinking else pack(completion.thinking),
        "prompt_tokens": completion and completion.prompt_tokens,
        "completion_tokens": completion and completion.completion_tokens,
        "finish_reason": completion and completion.finish_reason,
        "model_revision": completion and completion.model_revision,
        "fingerprint": completion and completion.fingerprint,
        "provider": completion and completion.provider,
        "latency_ms": completion and completion.latency_ms,
        "transport_attempts": completion.transport_attempts if completion else 0,
        "cost": call.cost,
        "decoding": None if completion is None or completion.decoding is None else canonical_json(completion.decoding),
        "error": None if completion else "no completion was recorded",
    }


def completion_of(row: Any) -> Completion:
    """Return the completion in a row of the call table."""
    return Completion(
        text=unpack(row.completion),
        thinking=None if row.thinking is None else unpack(row.thinking),
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        finish_reason=row.finish_reason,
        model_revision=row.model_revision,
        fingerprint=row.fingerprint,
        provider=row.provider,
        latency_ms=row.latency_ms,
        transport_attempts=row.transport_attempts,
        # Calls of subskill tests do not keep it.
        decoding=STORED.validate_python(getattr(row, "decoding", None)),
    )


async def open_recorder(database: Database, claim: Claim, *, clock: Callable[[], datetime] = now) -> RunRecorder:
    """Return the recorder of a claimed run, with what is recorded already, its writing task started."""
    async with database.read() as connection:
        events = await connection.execute(
            select(EventRow.payload).where(EventRow.run_id == claim.run_id).order_by(EventRow.seq)
        )
        calls = (await connection.execute(select(CallRow.__table__).where(CallRow.run_id == claim.run_id))).all()
        segments = await connection.execute(
            select(SegmentRow.text, SegmentRow.no).where(SegmentRow.run_id == claim.run_id)
        )
        book = SegmentBook({unpack(row.text): row.no for row in segments})
        stored_events = [row.payload for row in events]
    totals = _Totals(
        calls=len(calls),
        prompt_tokens=sum(row.prompt_tokens or 0 for row in calls),
        completion_tokens=sum(row.completion_tokens or 0 for row in calls),
        cost=sum(row.cost for row in calls if row.cost is not None)
        if any(row.cost is not None for row in calls)
        else None,
        unpriced_calls=sum(row.cost is None for row in calls),
    )
    recorder = RunRecorder(database, claim, stored_events, {row.key: row for row in calls}, book, totals, clock=clock)
    recorder._call_seq = max((row.seq for row in calls), default=0)
    recorder.start()
    return recorder
