"""Subskill tests: a model's runs, their cases and calls, created whole and read one by one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.config import SamplingConfig
from app.models.base import Completion, Message, RecordedCall
from app.store.codec import pack, unpack
from app.store.connect import Database
from app.store.ids import new_id
from app.store.prompt_sets import save_prompt_set
from app.store.recorder import completion_of
from app.store.records import LIVE_STATES, RunState
from app.store.runs import now
from app.store.tables import SubskillCallRow, SubskillCaseRow, SubskillRunRow


class UnknownSubskillRun(LookupError):
    """There are no subskill tests of this id."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True, extra="ignore")


class SubskillRun(_Record):
    """One model's tests in one scenario.

    `test_set` names the version of the tests, `set_id` the very questions: runs of equal `set_id` got the same
    prompts. `cases` is how many each test has, `total` how many there are, `done`, `passed` and `unreadable` how many
    of them are; an unreadable answer is not passed. `calls` counts requests, `cost` is in US dollars.
    """

    id: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    origin: Literal["native", "imported"]
    test_set: str
    set_id: str
    model: str
    scenario: str
    seed: int | None
    cases: int
    tests: list[str]
    sampling: str | None
    prompts: dict[str, str]
    state: RunState
    reason_kind: str | None
    reason: str | None
    retry_at: datetime | None
    retries: int
    control: str | None
    total: int
    done: int
    passed: int
    unreadable: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    unpriced_calls: int
    source: str | None
    notes: list[str]

    @property
    def live(self) -> bool:
        """Whether something may still happen without anybody asking for it."""
        return self.state in LIVE_STATES or self.waiting

    @property
    def waiting(self) -> bool:
        """Whether the tests are paused and tried again by themselves."""
        return self.state == "paused" and self.retry_at is not None

    @property
    def sent(self) -> SamplingConfig | None:
        """The sampling that was asked for; None where an imported source does not say."""
        return None if self.sampling is None else SamplingConfig.model_validate_json(self.sampling)


class SubskillCase(_Record):
    """One question: an agent, a stock, for some tests an amount, and the answers that pass, `low` to `high`.

    `attempts` is 0 until it was answered; then `answer` is None where nothing could be read.
    """

    test: str
    number: int
    agent: str
    stock: int
    amount: int | None
    low: int
    high: int
    prompt_hash: str
    attempts: int = 0
    answer: int | None = None
    passed: bool | None = None

    @property
    def done(self) -> bool:
        """Whether the case was answered, readably or not."""
        return self.attempts > 0

    @property
    def unreadable(self) -> bool:
        """Whether no attempt gave an answer that can be read."""
        return self.done and self.answer is None


class SubskillCall(_Record):
    """A call of a case: what was sent and what came back (None where an imported completion is missing)."""

    attempt: int
    key: str
    messages: tuple[Message, ...]
    completion: Completion | None
    cost: float | None


@dataclass(frozen=True)
class NewSubskillRun:
    """What is stored of new tests: the columns that are not defaults, the cases and, for imported ones, calls."""

    values: dict[str, Any]
    cases: Sequence[SubskillCase]
    calls: Sequence[tuple[SubskillCase, RecordedCall]] = ()
    prompt_sets: Sequence[tuple[str, dict[str, str]]] = ()


async def store_subskill_runs(
    database: Database, runs: Sequence[NewSubskillRun], *, submission: str | None = None, owner: str | None = None
) -> list[str]:
    """Store *runs* in one transaction and return their ids.

    A second call with the same *submission* stores nothing and returns the ids of the first. With an *owner* the runs
    are that process's at once (epoch 1), otherwise they are queued, unless their values name another state.
    """
    try:
        async with database.write() as connection:
            if submission and (known := await _submitted(connection, submission)):
                return known
            return [await _insert(connection, run, submission, owner) for run in runs]
    except IntegrityError:
        # Another process took the same form at the same moment.
        async with database.read() as connection:
            known = await _submitted(connection, submission) if submission else []
        if not known:
            raise
        return known


async def get_subskill_run(database: Database, run_id: str) -> SubskillRun:
    """Return the tests of this id.

    Raises:
        UnknownSubskillRun: if there are none.
    """
    async with database.read() as connection:
        row = (await connection.execute(select(SubskillRunRow.__table__).where(SubskillRunRow.id == run_id))).first()
    if row is None:
        raise UnknownSubskillRun(run_id)
    return SubskillRun.model_validate(row)


async def list_subskill_runs(
    database: Database, *, set_id: str | None = None, limit: int = 200, offset: int = 0
) -> list[SubskillRun]:
    """Return runs of tests, newest first; only those of one set if it is named."""
    query = select(SubskillRunRow.__table__).order_by(SubskillRunRow.created_at.desc(), SubskillRunRow.id)
    if set_id is not None:
        query = query.where(SubskillRunRow.set_id == set_id)
    async with database.read() as connection:
        rows = await connection.execute(query.limit(limit).offset(offset))
        return [SubskillRun.model_validate(row) for row in rows]


async def imported_subskills(database: Database, digest: str) -> str | None:
    """Return the id of the run that was imported with this content, or None."""
    query = select(SubskillRunRow.id).where(SubskillRunRow.content_sha256 == digest)
    async with database.read() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else str(row.id)


async def subskill_cases(
    database: Database, run_id: str, *, test: str | None = None, number: int | None = None
) -> list[SubskillCase]:
    """Return the cases of a run in the order of their numbers, of one test or one number if it is named."""
    query = select(SubskillCaseRow.__table__).where(SubskillCaseRow.run_id == run_id)
    if test is not None:
        query = query.where(SubskillCaseRow.test == test)
    if number is not None:
        query = query.where(SubskillCaseRow.number == number)
    async with database.read() as connection:
        rows = await connection.execute(query.order_by(SubskillCaseRow.test, SubskillCaseRow.number))
        return [SubskillCase.model_validate(row) for row in rows]


async def subskill_calls(database: Database, run_id: str, test: str, number: int) -> list[SubskillCall]:
    """Return the calls of a case, first attempt first."""
    query = (
        select(SubskillCallRow.__table__)
        .where(SubskillCallRow.run_id == run_id, SubskillCallRow.test == test, SubskillCallRow.number == number)
        .order_by(SubskillCallRow.attempt)
    )
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [
        SubskillCall(
            attempt=row.attempt,
            key=row.key,
            messages=tuple(Message.model_validate(item) for item in json.loads(unpack(row.messages))),
            completion=None if row.completion is None else completion_of(row),
            cost=row.cost,
        )
        for row in rows
    ]


def subskill_call_values(call: RecordedCall, test: str, number: int) -> dict[str, Any]:
    """Return the column values of *call*, without its run."""
    completion = call.completion
    messages = [message.model_dump(mode="json", exclude_none=True) for message in call.messages]
    return {
        "test": test,
        "number": number,
        "attempt": call.key.attempt,
        "key": str(call.key),
        "request_hash": call.request_hash,
        "messages": pack(json.dumps(messages, separators=(",", ":"), ensure_ascii=False)),
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
    }


async def _submitted(connection: AsyncConnection, submission: str) -> list[str]:
    query = select(SubskillRunRow.id).where(SubskillRunRow.submission == submission)
    rows = await connection.execute(query.order_by(SubskillRunRow.created_at, SubskillRunRow.id))
    return [row.id for row in rows]


async def _insert(connection: AsyncConnection, run: NewSubskillRun, submission: str | None, owner: str | None) -> str:
    run_id = new_id("t")
    prompts = {name: await save_prompt_set(connection, name, files) for name, files in run.prompt_sets}
    values: dict[str, Any] = {"id": run_id, "created_at": now(), "state": "queued", "submission": submission}
    if owner is not None:
        values |= {"state": "playing", "owner": owner, "heartbeat": now(), "started_at": now(), "epoch": 1}
    await connection.execute(
        insert(SubskillRunRow).values(**values | {"prompts": prompts, "total": len(run.cases)} | run.values)
    )
    await connection.execute(insert(SubskillCaseRow), [{"run_id": run_id, **case.model_dump()} for case in run.cases])
    if run.calls:
        await connection.execute(
            insert(SubskillCallRow),
            [{"run_id": run_id, **subskill_call_values(call, case.test, case.number)} for case, call in run.calls],
        )
    return run_id
