"""Experiments as lists and pages need them: how far they are, what they spent, and the runs of their cells."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Executable, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.queries import Archived
from app.store.records import LIVE_STATES, Control, ExperimentRecord, RunState
from app.store.spending import COUNTS, Spent
from app.store.tables import ExperimentRow, RunRow

ExperimentState = Literal["running", "paused", "failed", "over", "empty"]
"""running: something waits or is played; paused, failed: else something is; over: else; empty: without a run."""
STATES: tuple[ExperimentState, ...] = ("running", "paused", "failed", "over")


class ExperimentFilter(BaseModel):
    """Which experiments a list shows, the latest first. Every field is a query parameter of `/experiments`."""

    q: str | None = Field(default=None, max_length=200, description="part of the name or the id")
    state: Literal["running", "paused", "failed", "over"] | None = None
    kind: Literal["grid", "other"] | None = Field(default=None, description="launched by a definition, or not")
    archived: Archived = "no"
    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=25, ge=1, le=200)


class ExperimentLine(BaseModel):
    """An experiment in a list. `states` counts its runs by state; months are of all runs together."""

    experiment: ExperimentRecord
    state: ExperimentState
    cells: int = Field(description="models, scenarios and conditions that its runs have in common")
    runs: int
    states: dict[RunState, int]
    months_played: int
    months: int
    spent: Spent

    @property
    def finished(self) -> int:
        """How many runs were played to their end."""
        return self.states.get("finished", 0)


class CellRun(BaseModel):
    """A run as a cell of a grid shows it; `label` is its model's in the definition, else the models' names."""

    id: str
    label: str
    scenario: str
    condition: str
    seed: int | None
    state: RunState
    reason_kind: str | None
    reason: str | None
    control: Control | None
    retry_at: datetime | None
    retry_of: str | None
    months_played: int
    months: int
    survived: bool | None
    collapsed: bool | None
    view_only: str | None

    @property
    def live(self) -> bool:
        """Whether something may still happen to the run without anybody asking for it."""
        return self.state in LIVE_STATES or self.waiting

    @property
    def waiting(self) -> bool:
        """Whether the run is paused and tried again by itself."""
        return self.state == "paused" and self.retry_at is not None


def label_of_run() -> ColumnElement[str]:
    """What the model of a run is called: by its experiment's definition, else by its own name."""
    return func.coalesce(RunRow.model_label, RunRow.models)


async def find_experiments(database: Database, wanted: ExperimentFilter) -> tuple[list[ExperimentLine], int]:
    """Return one page of experiments, the latest first, and how many there are in all."""
    conditions = _conditions(wanted)
    page = (
        select(ExperimentRow.__table__)
        .where(*conditions)
        .order_by(ExperimentRow.created_at.desc(), ExperimentRow.id)
        .offset(wanted.offset)
        .limit(wanted.limit)
    )
    async with database.read() as connection:
        count = (
            await connection.execute(select(func.count()).select_from(ExperimentRow).where(*conditions))
        ).scalar_one()
        found = [ExperimentRecord.model_validate(row) for row in await connection.execute(page)]
        return await _lines(connection, found), count


async def cell_runs(database: Database, experiment_id: str) -> list[CellRun]:
    """Return the runs of an experiment, in the order in which they are played."""
    columns = [getattr(RunRow, name) for name in CellRun.model_fields if name != "label"]
    query = (
        select(*columns, label_of_run().label("label"))
        .where(RunRow.experiment_id == experiment_id, RunRow.deleted_at.is_(None))
        .order_by(RunRow.created_at, RunRow.id)
    )
    async with database.read() as connection:
        return [CellRun.model_validate(row._mapping) for row in await connection.execute(query)]


def state_of(states: dict[RunState, int]) -> ExperimentState:
    """Return how an experiment is doing whose runs are in these *states*."""
    if not states:
        return "empty"
    if states.keys() & LIVE_STATES:
        return "running"
    return "paused" if "paused" in states else "failed" if "failed" in states else "over"


def _conditions(wanted: ExperimentFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [ExperimentRow.deleted_at.is_(None)]
    if wanted.archived != "all":
        archived = ExperimentRow.archived_at
        found.append(archived.is_not(None) if wanted.archived == "only" else archived.is_(None))
    if wanted.q:
        columns = (ExperimentRow.name, ExperimentRow.id)
        found.append(or_(*(column.icontains(wanted.q, autoescape=True) for column in columns)))
    if wanted.kind is not None:
        definition = ExperimentRow.definition
        found.append(definition.is_not(None) if wanted.kind == "grid" else definition.is_(None))
    if wanted.state is not None:
        found.append(ExperimentRow.id.in_(_in_state(wanted.state)))
    return found


def _in_state(state: str) -> Select[Any]:
    """Choose the experiments that are in *state*, counting all runs once: the narrow index of lists holds enough."""
    live, paused, failed = (
        func.sum(case((RunRow.state.in_(states), 1), else_=0)) for states in (LIVE_STATES, ("paused",), ("failed",))
    )
    wanted = {
        "running": live > 0,
        "paused": and_(live == 0, paused > 0),
        "failed": and_(live == 0, paused == 0, failed > 0),
        "over": and_(live == 0, paused == 0, failed == 0),
    }
    experiment: Any = RunRow.experiment_id
    query = select(experiment).where(RunRow.deleted_at.is_(None), experiment.is_not(None))
    return query.group_by(experiment).having(wanted[state])


async def _lines(connection: AsyncConnection, found: Sequence[ExperimentRecord]) -> list[ExperimentLine]:
    counted: defaultdict[str, list[Any]] = defaultdict(list)
    cells: defaultdict[str, int] = defaultdict(int)
    ids = [record.id for record in found]
    for row in await connection.execute(_by_state(ids)):
        counted[row.experiment_id].append(row)
    for row in await connection.execute(_cells(ids)):
        cells[row.experiment_id] += 1
    return [_line(record, counted[record.id], cells[record.id]) for record in found]


def _by_state(ids: Sequence[str]) -> Executable:
    columns = (RunRow.calls, RunRow.prompt_tokens, RunRow.completion_tokens, RunRow.cost, RunRow.unpriced_calls)
    sums = [func.coalesce(func.sum(column), 0).label(name) for column, name in zip(columns, COUNTS, strict=True)]
    months = func.sum(RunRow.months_played).label("months_played"), func.sum(RunRow.months).label("months")
    return (
        select(RunRow.experiment_id, RunRow.state, func.count().label("runs"), *months, *sums)
        .where(RunRow.experiment_id.in_(ids), RunRow.deleted_at.is_(None))
        .group_by(RunRow.experiment_id, RunRow.state)
    )


def _cells(ids: Sequence[str]) -> Executable:
    return (
        select(RunRow.experiment_id, label_of_run(), RunRow.scenario, RunRow.condition)
        .where(RunRow.experiment_id.in_(ids), RunRow.deleted_at.is_(None))
        .distinct()
    )


def _line(record: ExperimentRecord, rows: Sequence[Any], cells: int) -> ExperimentLine:
    states: dict[RunState, int] = {row.state: row.runs for row in rows}
    return ExperimentLine(
        experiment=record,
        state=state_of(states),
        cells=cells,
        runs=sum(states.values()),
        states=states,
        # A run that is over plays no further month, however early it ended.
        months_played=sum(
            int(row.months_played if row.state in ("queued", "playing", "paused", "failed") else row.months)
            for row in rows
        ),
        months=sum(int(row.months) for row in rows),
        spent=Spent(**{name: sum(getattr(row, name) for row in rows) for name in COUNTS}),
    )
