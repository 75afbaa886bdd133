"""Writes the calls and answers of a run of subskill tests while they come, and answers from what is recorded.

Like the recorder of runs: one queue, one writing task, in order, so that no case is ever marked as answered before its
calls are on disk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.base import CallKey, Completion, RecordedCall
from app.store.connect import Database
from app.store.leases import TESTS, Claim, LostRun
from app.store.recorder import completion_of
from app.store.runs import now
from app.store.spending import add_usage, used_by
from app.store.subskills import SubskillCase, subskill_call_values
from app.store.tables import SubskillCallRow, SubskillCaseRow, SubskillRunRow
from app.store.writing import Writer

BATCH = 100


@dataclass(frozen=True)
class _Batch:
    """Calls and answered cases that are written together."""

    claim: Claim
    calls: list[RecordedCall]
    cases: list[SubskillCase]
    day: date

    async def written(self, connection: AsyncConnection) -> bool:
        """Tell whether the batch is in the database; it is there whole or not at all."""
        call, case = SubskillCallRow, SubskillCaseRow
        if self.calls:
            query = select(call.key).where(call.run_id == self.claim.run_id, call.key == str(self.calls[0].key))
        else:
            first = self.cases[0]
            query = select(case.test).where(
                case.run_id == self.claim.run_id,
                case.test == first.test,
                case.number == first.number,
                case.attempts > 0,
            )
        return (await connection.execute(query)).first() is not None

    async def write(self, connection: AsyncConnection) -> None:
        """Prove that the claim is valid and count, in one statement; add the calls, fill the cases."""
        run_id = self.claim.run_id
        await self._count(connection)
        if self.calls:
            rows = [
                {"run_id": run_id, **subskill_call_values(call, call.key.purpose, int(call.key.item))}
                for call in self.calls
            ]
            await connection.execute(insert(SubskillCallRow), rows)
            await add_usage(connection, run_id, self.day, used_by(rows))
        for case in self.cases:
            await connection.execute(
                update(SubskillCaseRow)
                .where(
                    SubskillCaseRow.run_id == run_id,
                    SubskillCaseRow.test == case.test,
                    SubskillCaseRow.number == case.number,
                )
                .values(attempts=case.attempts, answer=case.answer, passed=case.passed)
            )

    async def _count(self, connection: AsyncConnection) -> None:
        """Add what the batch holds to the run's columns."""
        run = SubskillRunRow
        priced = [call.cost for call in self.calls if call.cost is not None]
        completions = [call.completion for call in self.calls if call.completion is not None]
        result = await connection.execute(
            update(run)
            .where(*TESTS.held(self.claim))
            .values(
                heartbeat=now(),
                fruitless=0,
                retries=0,
                done=run.done + len(self.cases),
                passed=run.passed + sum(case.passed is True for case in self.cases),
                unreadable=run.unreadable + sum(case.unreadable for case in self.cases),
                calls=run.calls + len(self.calls),
                prompt_tokens=run.prompt_tokens + sum(item.prompt_tokens or 0 for item in completions),
                completion_tokens=run.completion_tokens + sum(item.completion_tokens or 0 for item in completions),
                cost=func.coalesce(run.cost, 0.0) + sum(priced) if priced else run.cost,
                unpriced_calls=run.unpriced_calls + len(self.calls) - len(priced),
            )
        )
        if result.rowcount != 1:
            raise LostRun(f"the tests {self.claim.run_id} are asked by somebody else now")


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

    def __post_init__(self) -> None:
        self._writer: Writer[RecordedCall | SubskillCase] = Writer(
            self.database, self._prepare, self.claim.run_id, size=BATCH, on_failure=lambda error: self.on_failure(error)
        )

    def find(self, key: CallKey) -> tuple[str, Completion] | None:
        """Return the request hash and completion recorded under *key*, or None."""
        row = self.stored.get(str(key))
        return None if row is None else (row.request_hash, completion_of(row))

    def record(self, call: RecordedCall) -> None:
        """Keep a call."""
        self._writer.check()
        self._writer.put(call)

    def answered(self, case: SubskillCase) -> None:
        """Keep what came of a case."""
        self._writer.check()
        self._writer.put(case)

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
        """Write what is left, as far as it can be written in *within_s* seconds, and stop.

        Raises:
            LostRun: if another process has taken the tests over.
            Exception: what the database said, if it could not be written.
        """
        await self._writer.close(within_s)
        self._writer.check()

    def _prepare(self, items: list[RecordedCall | SubskillCase]) -> _Batch:
        calls = [item for item in items if isinstance(item, RecordedCall)]
        cases = [item for item in items if isinstance(item, SubskillCase)]
        return _Batch(self.claim, calls, cases, self.clock().date())


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
