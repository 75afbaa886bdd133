"""What pages and exports read: lists, events, calls, logs. Nothing here writes."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, func, or_, select

from app.commons.config import EpisodeConfig
from app.models.base import Completion, Message
from app.store.codec import segment_numbers, unpack_messages
from app.store.codec import unpack as unpack_text
from app.store.connect import Database
from app.store.recorder import completion_of
from app.store.records import CallSummary, ExperimentRecord, LogEntry, RunRecord
from app.store.tables import CallRow, EventRow, ExperimentRow, RunLogRow, RunRow, RunTagRow, SegmentRow

Archived = Literal["no", "only", "all"]
Outcome = Literal["survived", "collapsed", "censored", "undecided"]

SORTS: Mapping[str, Any] = {
    "created": RunRow.created_at,
    "scenario": RunRow.scenario,
    "condition": RunRow.condition,
    "models": RunRow.models,
    "state": RunRow.state,
    "survival": RunRow.survival_time,
    "gain": RunRow.mean_gain,
    "efficiency": RunRow.efficiency,
    "equality": RunRow.equality,
    "over_usage": RunRow.over_usage,
}


class RunFilter(BaseModel):
    """Which runs a list shows, and in what order. Every field is a query parameter of `/runs`.

    Archived runs are shown where `archived` is "only" or "all"; deleted ones never.
    """

    scenario: str | None = None
    condition: str | None = None
    state: str | None = None
    outcome: Outcome | None = None
    minds: str | None = None
    model: str | None = Field(default=None, max_length=200, description="part of a model's name")
    experiment: str | None = None
    origin: Literal["native", "imported"] | None = None
    tag: str | None = Field(default=None, max_length=100)
    archived: Archived = "no"
    unreadable: bool | None = Field(default=None, description="only runs with unreadable harvests")
    q: str | None = Field(default=None, max_length=200, description="part of a run's name, id or model")
    sort: str = "created"
    descending: bool = True
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=50, ge=1, le=500)


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [RunRow.deleted_at.is_(None)]
    if wanted.archived != "all":
        found.append(RunRow.archived_at.is_not(None) if wanted.archived == "only" else RunRow.archived_at.is_(None))
    if wanted.tag:
        found.append(RunRow.id.in_(select(RunTagRow.run_id).where(RunTagRow.tag == wanted.tag)))
    for column, value in (
        (RunRow.scenario, wanted.scenario),
        (RunRow.condition, wanted.condition),
        (RunRow.state, wanted.state),
        (RunRow.minds, wanted.minds),
        (RunRow.experiment_id, wanted.experiment),
        (RunRow.origin, wanted.origin),
    ):
        if value:
            found.append(column == value)
    if wanted.model:
        found.append(RunRow.models.icontains(wanted.model, autoescape=True))
    if wanted.q:
        columns = (RunRow.name, RunRow.id, RunRow.models)
        found.append(or_(*(column.icontains(wanted.q, autoescape=True) for column in columns)))
    if wanted.unreadable:
        found.append(RunRow.unreadable > 0)
    if wanted.outcome == "undecided":
        found.append(RunRow.state.in_(("queued", "playing", "paused", "failed")))
    elif wanted.outcome == "censored":
        found.append(RunRow.censored.is_(True))
    elif wanted.outcome is not None:
        found.append(RunRow.survived.is_(wanted.outcome == "survived"))
    return found


async def list_runs(database: Database, wanted: RunFilter) -> tuple[list[RunRecord], int]:
    """Return one page of runs and how many there are in all."""
    conditions = _conditions(wanted)
    order = SORTS.get(wanted.sort, RunRow.created_at)
    order = order.desc().nulls_last() if wanted.descending else order.asc().nulls_last()
    # Rows are wide, an index is not: the page's ids are found first, then only its rows are read.
    ids = select(RunRow.id).where(*conditions).order_by(order, RunRow.id).offset(wanted.offset).limit(wanted.limit)
    page = select(RunRow.__table__).where(RunRow.id.in_(ids.subquery().select())).order_by(order, RunRow.id)
    async with database.read() as connection:
        count = (await connection.execute(select(func.count()).select_from(RunRow).where(*conditions))).scalar_one()
        rows = await connection.execute(page)
        return [RunRecord.model_validate(row) for row in rows], count


async def get_runs(database: Database, run_ids: Sequence[str]) -> list[RunRecord]:
    """Return the runs of these ids that exist, deleted ones left out, oldest first."""
    there = RunRow.id.in_(run_ids), RunRow.deleted_at.is_(None)
    query = select(RunRow.__table__).where(*there).order_by(RunRow.created_at, RunRow.id)
    async with database.read() as connection:
        return [RunRecord.model_validate(row) for row in await connection.execute(query)]


async def runs_of(
    database: Database, run_ids: Sequence[str], experiments: Sequence[str], wanted: RunFilter
) -> tuple[list[RunRecord], int]:
    """Return the named runs and those of the named experiments that *wanted* keeps, oldest first, and their number.

    No more than the filter's limit are returned.
    """
    conditions = [or_(RunRow.id.in_(run_ids), RunRow.experiment_id.in_(experiments)), *_conditions(wanted)]
    query = select(RunRow.__table__).where(*conditions).order_by(RunRow.created_at, RunRow.id).limit(wanted.limit)
    async with database.read() as connection:
        count = (await connection.execute(select(func.count()).select_from(RunRow).where(*conditions))).scalar_one()
        return [RunRecord.model_validate(row) for row in await connection.execute(query)], count


async def latest_runs(database: Database, states: Sequence[str], limit: int) -> list[RunRecord]:
    """Return the latest runs that are in one of *states*."""
    query = (
        select(RunRow.__table__)
        .where(RunRow.state.in_(states), RunRow.archived_at.is_(None), RunRow.deleted_at.is_(None))
        .order_by(RunRow.created_at.desc(), RunRow.id)
        .limit(limit)
    )
    async with database.read() as connection:
        return [RunRecord.model_validate(row) for row in await connection.execute(query)]


async def runs_like(database: Database, config: EpisodeConfig) -> list[str]:
    """Return the ids of runs of our own that play this very episode and were not given up, newest first."""
    query = (
        select(RunRow.id)
        .where(RunRow.config_hash == config.hash, RunRow.origin == "native", RunRow.deleted_at.is_(None))
        .where(RunRow.state.notin_(("cancelled", "failed")))
        .order_by(RunRow.created_at.desc(), RunRow.id)
    )
    async with database.read() as connection:
        return [row.id for row in await connection.execute(query)]


async def filter_values(database: Database) -> dict[str, list[str]]:
    """Return the values that occur in the filterable columns, and the tags, sorted; deleted runs have none."""
    found: dict[str, list[str]] = {}
    async with database.read() as connection:
        for name in ("scenario", "condition", "state", "minds", "models"):
            column = getattr(RunRow, name)
            there = select(column).where(RunRow.deleted_at.is_(None)).distinct().order_by(column).limit(200)
            found[name] = [row[0] for row in await connection.execute(there)]
        tags = select(RunTagRow.tag).join(RunRow, RunRow.id == RunTagRow.run_id).where(RunRow.deleted_at.is_(None))
        found["tag"] = [row[0] for row in await connection.execute(tags.distinct().order_by(RunTagRow.tag).limit(200))]
        archived = select(RunRow.id).where(RunRow.archived_at.is_not(None), RunRow.deleted_at.is_(None)).limit(1)
        found["archived"] = list((await connection.execute(archived)).scalars())
    return found


async def events_after(
    database: Database,
    run_id: str,
    seq: int = 0,
    *,
    limit: int | None = None,
    last: int | None = None,
    kinds: Collection[str] | None = None,
    without: Collection[str] = (),
    month: int | None = None,
    agent: str | None = None,
) -> list[tuple[int, str]]:
    """Return (seq, canonical JSON) of a run's events after *seq*, in order, none beyond *last*.

    Only those of *kinds*, of *month* and of *agent* where given, and none of the kinds in *without*.
    """
    query = (
        select(EventRow.seq, EventRow.payload)
        .where(EventRow.run_id == run_id, EventRow.seq > seq)
        .order_by(EventRow.seq)
    )
    if last is not None:
        query = query.where(EventRow.seq <= last)
    if kinds is not None:
        query = query.where(EventRow.kind.in_(kinds))
    if without:
        query = query.where(EventRow.kind.not_in(without))
    if month is not None:
        query = query.where(EventRow.month == month)
    if agent is not None:
        query = query.where(EventRow.agent == agent)
    if limit is not None:
        query = query.limit(limit)
    async with database.read() as connection:
        return [(seq, payload) for seq, payload in (await connection.execute(query)).all()]


async def harvest_events(
    database: Database,
    run_ids: Sequence[str],
    *,
    last: int | None = None,
    ends: Mapping[str, int] | None = None,
    also: Sequence[str] = (),
) -> dict[str, list[str]]:
    """Return the month and harvest events of several runs: enough for their trajectories, without the talk.

    None lies beyond *last*, nor beyond the run's own end in *ends*. *also* names more kinds of events to return.
    """
    kinds = ("month_started", "decided", "collected", "harvested", "month_ended", "ended", *also)
    query = (
        select(EventRow.run_id, EventRow.seq, EventRow.payload)
        .where(EventRow.run_id.in_(run_ids), EventRow.kind.in_(kinds))
        .order_by(EventRow.run_id, EventRow.seq)
    )
    if last is not None:
        query = query.where(EventRow.seq <= last)
    found: dict[str, list[str]] = {run_id: [] for run_id in run_ids}
    async with database.read() as connection:
        # All at once, by place: tens of thousands of rows take half as long as one by one, by name.
        for run_id, seq, payload in (await connection.execute(query)).all():
            if ends is None or seq <= ends.get(run_id, seq):
                found[run_id].append(payload)
    return found


class CallDetail(CallSummary):
    """A call with what was asked and answered."""

    request_hash: str
    sampling: str | None
    messages: tuple[Message, ...]
    answer: Completion | None


async def list_calls(
    database: Database, run_id: str, *, month: int | None = None, agent: str | None = None, limit: int = 2000
) -> list[CallSummary]:
    """Return a run's calls without their texts, in the order they were recorded."""
    columns = [getattr(CallRow, name) for name in CallSummary.model_fields]
    query = select(*columns).where(CallRow.run_id == run_id).order_by(CallRow.seq).limit(limit)
    if month is not None:
        query = query.where(CallRow.month == month)
    if agent is not None:
        query = query.where(CallRow.agent == agent)
    async with database.read() as connection:
        return [CallSummary.model_validate(row) for row in await connection.execute(query)]


async def get_call(database: Database, run_id: str, key: str) -> CallDetail | None:
    """Return one call of a run with its prompt and completion, or None."""
    async with database.read() as connection:
        row = (
            await connection.execute(select(CallRow.__table__).where(CallRow.run_id == run_id, CallRow.key == key))
        ).first()
        if row is None:
            return None
        numbers = segment_numbers(row.request)
        segments = await connection.execute(
            select(SegmentRow.no, SegmentRow.text).where(
                SegmentRow.run_id == run_id, SegmentRow.no.in_(sorted(numbers))
            )
        )
        texts = {segment.no: unpack_text(segment.text) for segment in segments}
    summary = CallSummary.model_validate(row)
    return CallDetail(
        **summary.model_dump(),
        request_hash=row.request_hash,
        sampling=row.sampling,
        messages=unpack_messages(row.request, texts),
        answer=None if row.completion is None else completion_of(row),
    )


async def run_log(database: Database, run_id: str) -> list[LogEntry]:
    """Return what happened to a run, oldest first."""
    query = select(RunLogRow.__table__).where(RunLogRow.run_id == run_id).order_by(RunLogRow.id).limit(1000)
    async with database.read() as connection:
        return [LogEntry.model_validate(row) for row in await connection.execute(query)]


async def get_experiment(database: Database, experiment_id: str) -> ExperimentRecord | None:
    """Return an experiment, or None."""
    async with database.read() as connection:
        row = (
            await connection.execute(
                select(ExperimentRow.__table__).where(
                    ExperimentRow.id == experiment_id, ExperimentRow.deleted_at.is_(None)
                )
            )
        ).first()
    return None if row is None else ExperimentRecord.model_validate(row)


async def experiment_names(database: Database, experiment_ids: Collection[str | None]) -> dict[str, str]:
    """Return the names of these experiments by their ids."""
    query = select(ExperimentRow.id, ExperimentRow.name).where(ExperimentRow.id.in_(experiment_ids))
    async with database.read() as connection:
        return {row.id: row.name for row in await connection.execute(query)}


async def list_experiments(database: Database, limit: int = 50) -> list[ExperimentRecord]:
    """Return the latest experiments, archived and deleted ones left out."""
    there = ExperimentRow.deleted_at.is_(None), ExperimentRow.archived_at.is_(None)
    query = select(ExperimentRow.__table__).where(*there).order_by(ExperimentRow.created_at.desc()).limit(limit)
    async with database.read() as connection:
        return [ExperimentRecord.model_validate(row) for row in await connection.execute(query)]


async def count_states(database: Database) -> dict[str, int]:
    """Return how many runs are in each state, deleted ones left out."""
    query = select(RunRow.state, func.count()).where(RunRow.deleted_at.is_(None)).group_by(RunRow.state)
    async with database.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


async def stock_series(database: Database, run_ids: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """Return the stock before and after each finished harvest of several runs, month by month."""
    query = (
        select(EventRow.run_id, EventRow.payload)
        .where(EventRow.run_id.in_(run_ids), EventRow.kind == "harvested")
        .order_by(EventRow.run_id, EventRow.seq)
    )
    found: dict[str, list[tuple[int, int]]] = {run_id: [] for run_id in run_ids}
    async with database.read() as connection:
        for row in await connection.execute(query):
            harvest = json.loads(row.payload)
            found[row.run_id].append((harvest["stock_before"], harvest["stock_after"]))
    return found


async def schema_revision(database: Database) -> str | None:
    """Return the revision of the schema that the database has, None where it has none."""
    async with database.read() as connection:
        row = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).first()
        return None if row is None else str(row[0])
