"""Retention: prompts, calls or whole runs that are old are dropped, and what is left says so.

Only runs that are over are touched: a run that is queued, played, paused or failed may go on, and goes on from its
calls. Each run is a transaction of its own that looks at the run again, so any number of processes may do this at once,
beside workers and pages. Events, metrics, counts and request hashes always stay with a run that stays.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.codec import DROPPED
from app.store.connect import Database
from app.store.records import RunState
from app.store.runs import add_log, now
from app.store.search_index import forget_run
from app.store.search_texts import Kind
from app.store.tables import (
    CallRow,
    ExperimentRow,
    PromptSetRow,
    RunRow,
    SegmentRow,
    SharedRunRow,
    ShareRow,
    SubskillRunRow,
)

OVER: frozenset[str] = frozenset({"finished", "cancelled", "interrupted"})
# A failed run can be retried and needs its calls for that; it can still be deleted whole.
DELETABLE: frozenset[str] = OVER | {"failed"}

What = Literal["prompts", "calls", "run"]


class RetentionError(Exception):
    """A rule that cannot be followed; the message says why."""


class Rule(BaseModel):
    """Drop *what* of runs that ended longer ago than *older_than*.

    *states* narrows the runs; runs are deleted in the states that are named, others by default whenever they are over.
    A run with a share link that works is not deleted unless *shared* says so.
    """

    model_config = ConfigDict(frozen=True)

    what: What
    older_than: timedelta
    states: frozenset[str] = OVER
    shared: bool = False

    @model_validator(mode="after")
    def _check(self) -> "Rule":
        allowed = DELETABLE if self.what == "run" else OVER
        wrong = sorted(self.states - allowed)
        if wrong or not self.states:
            choices = f"Choose from: {', '.join(sorted(allowed))}."
            if unknown := [state for state in wrong if state not in get_args(RunState)]:
                raise RetentionError(f"There is no state '{unknown[0]}'. {choices}")
            raise RetentionError(f"Runs that are {', '.join(wrong) or 'no state'} are always kept. {choices}")
        return self

    @property
    def days(self) -> str:
        """The age in words."""
        days = self.older_than / timedelta(days=1)
        return f"older than {days:g} day{'' if days == 1 else 's'}"


class Dropped(BaseModel):
    """What a rule did to one run, or would do; `bytes` is the size of what is dropped, as it is stored."""

    run_id: str
    what: What
    bytes: int


async def affected(database: Database, rule: Rule, at: datetime | None = None) -> list[str]:
    """Return the ids of the runs that *rule* touches now, the oldest first."""
    query = select(RunRow.id).where(_due(rule, at or now())).order_by(RunRow.created_at, RunRow.id)
    async with database.read() as connection:
        return [row.id for row in await connection.execute(query)]


async def apply(database: Database, rule: Rule, *, dry: bool = False) -> AsyncIterator[Dropped]:
    """Follow *rule*, run by run, and give what was dropped; with *dry* nothing is."""
    for run_id in await affected(database, rule):
        if dry:
            async with database.read() as connection:
                yield Dropped(run_id=run_id, what=rule.what, bytes=await _size(connection, run_id, rule.what))
            continue
        async with database.write() as connection:
            dropped = await _drop(connection, run_id, rule)
        if dropped is not None:
            yield dropped


async def drop_unused_prompt_sets(database: Database) -> int:
    """Drop the stored prompt sets that no run and no test is pinned to; return how many."""
    async with database.write() as connection:
        # A launch that pins one of them holds it (`save_prompt_set`): it is waited for, and what it pinned is seen.
        stored = await connection.execute(select(PromptSetRow.hash).with_for_update())
        unused = {row.hash for row in stored}
        for table in (RunRow, SubskillRunRow):
            for row in await connection.execute(select(table.prompts)):
                unused -= set(row.prompts.values())
        for digest in sorted(unused):
            await connection.execute(delete(PromptSetRow).where(PromptSetRow.hash == digest))
        return len(unused)


def _due(rule: Rule, at: datetime) -> ColumnElement[bool]:
    ended = func.coalesce(RunRow.ended_at, RunRow.created_at)
    due = [RunRow.state.in_(sorted(rule.states)), ended < at - rule.older_than]
    if rule.what == "prompts":
        due += [RunRow.prompts_dropped_at.is_(None), RunRow.calls_dropped_at.is_(None), RunRow.calls > 0]
    elif rule.what == "calls":
        due += [RunRow.calls_dropped_at.is_(None), RunRow.calls > 0]
    elif not rule.shared:
        works = or_(ShareRow.expires_at.is_(None), ShareRow.expires_at > at)
        due.append(~exists().where(ShareRow.run_id == RunRow.id, ShareRow.revoked_at.is_(None), works))
        together = SharedRunRow.run_id == RunRow.id, SharedRunRow.share_id == ShareRow.id
        due.append(~exists().where(*together, ShareRow.revoked_at.is_(None), works))
    return and_(*due)


async def _drop(connection: AsyncConnection, run_id: str, rule: Rule) -> Dropped | None:
    """Drop what *rule* names of one run, unless the run has changed and the rule no longer touches it."""
    query = select(RunRow.id, RunRow.experiment_id).where(RunRow.id == run_id, _due(rule, now())).with_for_update()
    run = (await connection.execute(query)).first()
    if run is None:
        return None
    dropped = Dropped(run_id=run_id, what=rule.what, bytes=await _size(connection, run_id, rule.what))
    if rule.what == "run":
        await delete_run(connection, run_id, run.experiment_id)
        return dropped
    # The search must forget what it can no longer show, and needs the texts for that.
    gone: tuple[Kind, ...] = ("prompt",) if rule.what == "prompts" else ("completion", "thinking", "prompt")
    await forget_run(connection, run_id, gone)
    await connection.execute(delete(SegmentRow).where(SegmentRow.run_id == run_id))
    values: dict[str, Any] = {"dropped_by": rule.days, f"{rule.what}_dropped_at": now()}
    if rule.what == "prompts":
        await connection.execute(update(CallRow).where(CallRow.run_id == run_id).values(request=DROPPED))
        text = "The prompts were dropped"
    else:
        await connection.execute(delete(CallRow).where(CallRow.run_id == run_id))
        text = "The calls were dropped"
    await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**values))
    await add_log(connection, run_id, "retention", f"{text} by a retention rule ({rule.days}).")
    return dropped


async def delete_run(connection: AsyncConnection, run_id: str, experiment_id: str | None) -> None:
    """Delete a run with all that belongs to it, and its experiment with its last run."""
    await forget_run(connection, run_id)
    await connection.execute(delete(RunRow).where(RunRow.id == run_id))
    if experiment_id is not None:
        others = exists().where(RunRow.experiment_id == experiment_id)
        await connection.execute(delete(ExperimentRow).where(ExperimentRow.id == experiment_id, ~others))


async def _size(connection: AsyncConnection, run_id: str, what: What) -> int:
    """Return the bytes of the long columns that would go."""
    columns: Sequence[Any] = (CallRow.request,)
    if what != "prompts":
        columns = (CallRow.request, CallRow.completion, CallRow.thinking)
    lengths = [func.coalesce(func.sum(func.length(column)), 0) for column in columns]
    calls = (await connection.execute(select(*lengths).where(CallRow.run_id == run_id))).one()
    texts = select(func.coalesce(func.sum(func.length(SegmentRow.text)), 0)).where(SegmentRow.run_id == run_id)
    return sum(int(length) for length in calls) + int((await connection.execute(texts)).scalar_one())
