"""Writes a run's record while it is played, and answers from it when it is played again.

Calls and events go into one queue in the order they happened and are committed in that order, as many at a time as
have gathered: so no event is ever stored before the call it rests on. The player waits for the disk at `flush` only.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.events import Decided, Ended, Event, Harvested, MonthEnded, MonthStarted, event_json
from app.commons.frozen import canonical_json
from app.models.base import CallKey, Completion, RecordedCall
from app.store.codec import SegmentBook, pack, pack_messages, unpack
from app.store.connect import Database
from app.store.leases import Claim, LostRun
from app.store.runs import add_log, now
from app.store.tables import CallRow, EventRow, RunRow, SegmentRow
from app.store.usage import add_usage, used_by

BATCH = 200


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
    _queue: list[dict[str, Any]] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: BaseException | None = None
    _task: asyncio.Task[None] | None = None

    def emit(self, event: Event) -> None:
        """Keep the next event; one that is stored already must be the same, byte for byte.

        Raises:
            ReplayDiverged: if it is not.
        """
        self._check()
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
        self._check()
        self._call_seq += 1
        self.totals.add(call)
        self._put(CallRow, call_values(call, self._call_seq, self.segments))

    async def log(self, kind: str, text: str) -> None:
        """Write a line into the run's log, now."""
        async with self.database.write() as connection:
            await add_log(connection, self.claim.run_id, kind, text)

    async def flush(self) -> None:
        """Wait until everything given so far is on disk.

        Raises:
            LostRun: if another player has taken the run over.
            Exception: what the database said, if it could not be written.
        """
        await self._idle.wait()
        self._check()

    def start(self) -> None:
        """Start the writing task."""
        self._idle.set()
        self._task = asyncio.create_task(self._write_forever(), name=f"recorder {self.claim.run_id}")

    async def close(self) -> None:
        """Write what is left, as far as it can be written, and stop."""
        if self._task is None:
            return
        if self._failure is None:
            await self._idle.wait()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

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
        self._queue.append({"table": table, "run_id": self.claim.run_id, **values})
        self._idle.clear()
        self._wake.set()

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                try:
                    await self._write(batch)
                except Exception as error:
                    self._failure = error
                    self._idle.set()
                    self.on_failure(error)
                    return
            self._idle.set()

    async def _write(self, batch: list[dict[str, Any]]) -> None:
        calls = [_row(item) for item in batch if item["table"] is CallRow]
        events = [_row(item) for item in batch if item["table"] is EventRow]
        segments = [
            {"run_id": self.claim.run_id, "no": no, "text": pack(text)} for no, text in self.segments.take_new()
        ]
        async with self.database.write() as connection:
            await self._own(connection)
            for table, rows in ((SegmentRow, segments), (CallRow, calls), (EventRow, events)):
                if rows:
                    await connection.execute(insert(table), rows)
            await add_usage(connection, self.claim.run_id, self.clock().date(), used_by(calls))

    async def _own(self, connection: AsyncConnection) -> None:
        """Prove that the claim is valid, and bring the run's columns up to date, in one statement."""
        result = await connection.execute(
            update(RunRow)
            .where(RunRow.id == self.claim.run_id, RunRow.epoch == self.claim.epoch, RunRow.state == "playing")
            .values(
                heartbeat=now(),
                fruitless=0,
                events=max(self._seq, len(self.stored_events)),
                calls=self.totals.calls,
                prompt_tokens=self.totals.prompt_tokens,
                completion_tokens=self.totals.completion_tokens,
                cost=self.totals.cost,
                unpriced_calls=self.totals.unpriced_calls,
                **self.progress,
            )
        )
        if result.rowcount != 1:
            raise LostRun(f"run {self.claim.run_id} is played by somebody else now")


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
