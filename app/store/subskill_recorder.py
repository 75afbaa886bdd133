"""Writes the calls and answers of a run of subskill tests while they come, and answers from what is recorded.

Like the recorder of runs: one queue, one writing task, in order, so that no case is ever marked as answered before its
calls are on disk.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.base import CallKey, Completion, RecordedCall
from app.store.connect import Database
from app.store.leases import Claim, LostRun
from app.store.recorder import completion_of
from app.store.runs import now
from app.store.subskills import SubskillCase, subskill_call_values
from app.store.tables import SubskillCallRow, SubskillCaseRow, SubskillRunRow
from app.store.usage import add_usage, used_by

BATCH = 100


@dataclass
class SubskillRecorder:
    """The record of one run of tests under one claim: a `CallLog`, and a sink for answered cases.

    Make one with `open_subskill_recorder`. `on_failure` is called once, from the writing task, if the record cannot be
    written. `clock` tells the day that calls are counted on.
    """

    database: Database
    claim: Claim
    stored: dict[str, Any]
    on_failure: Callable[[BaseException], None] = lambda error: None
    clock: Callable[[], datetime] = now
    _queue: list[RecordedCall | SubskillCase] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: BaseException | None = None
    _task: asyncio.Task[None] | None = None

    def find(self, key: CallKey) -> tuple[str, Completion] | None:
        """Return the request hash and completion recorded under *key*, or None."""
        row = self.stored.get(str(key))
        return None if row is None else (row.request_hash, completion_of(row))

    def record(self, call: RecordedCall) -> None:
        """Keep a call."""
        self._put(call)

    def answered(self, case: SubskillCase) -> None:
        """Keep what came of a case."""
        self._put(case)

    async def flush(self) -> None:
        """Wait until everything given so far is on disk.

        Raises:
            LostRun: if another process has taken the tests over.
            Exception: what the database said, if it could not be written.
        """
        await self._idle.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Write what is left and stop.

        Raises:
            LostRun: if another process has taken the tests over.
            Exception: what the database said, if it could not be written.
        """
        if self._task is not None:
            await self._idle.wait()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._failure is not None:
            raise self._failure

    def start(self) -> None:
        """Start the writing task."""
        self._idle.set()
        self._task = asyncio.create_task(self._write_forever(), name=f"subskill recorder {self.claim.run_id}")

    def _put(self, item: RecordedCall | SubskillCase) -> None:
        if self._failure is not None:
            raise self._failure
        self._queue.append(item)
        self._idle.clear()
        self._wake.set()

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                try:
                    async with self.database.write() as connection:
                        await self._write(connection, batch)
                except Exception as error:
                    self._failure = error
                    self._idle.set()
                    self.on_failure(error)
                    return
            self._idle.set()

    async def _write(self, connection: AsyncConnection, batch: list[RecordedCall | SubskillCase]) -> None:
        run_id = self.claim.run_id
        await self._own(connection)
        calls = [item for item in batch if isinstance(item, RecordedCall)]
        cases = [item for item in batch if isinstance(item, SubskillCase)]
        if calls:
            rows = [
                {"run_id": run_id, **subskill_call_values(call, call.key.purpose, int(call.key.item))} for call in calls
            ]
            await connection.execute(insert(SubskillCallRow), rows)
            await add_usage(connection, run_id, self.clock().date(), used_by(rows))
        for case in cases:
            await connection.execute(
                update(SubskillCaseRow)
                .where(
                    SubskillCaseRow.run_id == run_id,
                    SubskillCaseRow.test == case.test,
                    SubskillCaseRow.number == case.number,
                )
                .values(attempts=case.attempts, answer=case.answer, passed=case.passed)
            )
        await self._count(connection, calls, cases)

    async def _own(self, connection: AsyncConnection) -> None:
        result = await connection.execute(
            update(SubskillRunRow).where(*_held(self.claim)).values(heartbeat=now(), fruitless=0)
        )
        if result.rowcount != 1:
            raise LostRun(f"the tests {self.claim.run_id} are asked by somebody else now")

    async def _count(self, connection: AsyncConnection, calls: list[RecordedCall], cases: list[SubskillCase]) -> None:
        """Add what a batch holds to the run's columns."""
        run = SubskillRunRow
        priced = [call.cost for call in calls if call.cost is not None]
        completions = [call.completion for call in calls if call.completion is not None]
        await connection.execute(
            update(run)
            .where(*_held(self.claim))
            .values(
                done=run.done + len(cases),
                passed=run.passed + sum(case.passed is True for case in cases),
                unreadable=run.unreadable + sum(case.unreadable for case in cases),
                calls=run.calls + len(calls),
                prompt_tokens=run.prompt_tokens + sum(item.prompt_tokens or 0 for item in completions),
                completion_tokens=run.completion_tokens + sum(item.completion_tokens or 0 for item in completions),
                cost=func.coalesce(run.cost, 0.0) + sum(priced) if priced else run.cost,
                unpriced_calls=run.unpriced_calls + len(calls) - len(priced),
            )
        )


def _held(claim: Claim) -> tuple[Any, ...]:
    run = SubskillRunRow
    return run.id == claim.run_id, run.epoch == claim.epoch, run.state == "playing"


async def open_subskill_recorder(
    database: Database, claim: Claim, *, clock: Callable[[], datetime] = now
) -> SubskillRecorder:
    """Return the recorder of claimed tests, with what is recorded already, its writing task started."""
    query = select(SubskillCallRow.__table__).where(
        SubskillCallRow.run_id == claim.run_id, SubskillCallRow.completion.is_not(None)
    )
    async with database.read() as connection:
        calls = (await connection.execute(query)).all()
    recorder = SubskillRecorder(database, claim, {row.key: row for row in calls}, clock=clock)
    recorder.start()
    return recorder
