"""How the instance as a whole is doing: counts over all runs, the queue, the database itself."""

import shutil
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Subquery, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from app.store.address import is_postgresql
from app.store.clock import database_now
from app.store.connect import Database
from app.store.tables import RunLogRow, RunRow, SubskillRunRow


class StateCount(BaseModel):
    """How many runs are in a state, for a reason (paused, failed and cancelled ones have one)."""

    state: str
    reason: str | None
    runs: int


class ModelTotals(BaseModel):
    """What the runs of some minds asked in all, imported runs left out; `cost` in US dollars of the priced calls."""

    model_config = ConfigDict(from_attributes=True)

    models: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    unpriced_calls: int


class DatabaseFigures(BaseModel):
    """The database itself; sizes in bytes, `free_bytes` of the disk that a SQLite file lies on."""

    kind: str
    bytes: int
    free_bytes: int | None
    schema_revision: str | None


class InstanceFigures(BaseModel):
    """The instance at one moment, by the database's clock. `oldest_queued_s` is 0 where nothing waits."""

    at: datetime
    runs: list[StateCount]
    subskill_tests: dict[str, int]
    oldest_queued_s: float
    totals: list[ModelTotals]
    log_lines: dict[str, int]
    database: DatabaseFigures

    def in_state(self, state: str) -> int:
        """Return how many runs are in *state*."""
        return sum(count.runs for count in self.runs if count.state == state)


async def instance_figures(database: Database) -> InstanceFigures:
    """Return how the instance is doing, all from one consistent state."""
    async with database.read() as connection:
        at: datetime = (await connection.execute(select(database_now()))).scalar_one()
        oldest = await _oldest_queued(connection)
        return InstanceFigures(
            at=at,
            runs=await _states(connection),
            subskill_tests=await _counts(connection, SubskillRunRow.state),
            oldest_queued_s=max(0.0, (at - oldest).total_seconds()) if oldest else 0.0,
            totals=await _totals(connection),
            log_lines=await _counts(connection, RunLogRow.kind),
            database=await _database(connection, database),
        )


def queued_since() -> Subquery:
    """Return the query of (run_id, since) of queued runs: since the last thing that happened to their state."""
    return (
        select(RunLogRow.run_id, func.max(RunLogRow.at).label("since"))
        .join(RunRow, RunRow.id == RunLogRow.run_id)
        .where(RunRow.state == "queued", RunLogRow.kind == "state")
        .group_by(RunLogRow.run_id)
        .subquery()
    )


async def _oldest_queued(connection: AsyncConnection) -> datetime | None:
    waiting = queued_since()
    found: datetime | None = (await connection.execute(select(func.min(waiting.c.since)))).scalar_one()
    return found


async def _states(connection: AsyncConnection) -> list[StateCount]:
    query = select(RunRow.state, RunRow.reason_kind, func.count()).group_by(RunRow.state, RunRow.reason_kind)
    rows = (await connection.execute(query.order_by(RunRow.state, RunRow.reason_kind))).all()
    return [StateCount(state=state, reason=reason, runs=runs) for state, reason, runs in rows]


async def _totals(connection: AsyncConnection) -> list[ModelTotals]:
    sums = [
        func.coalesce(func.sum(column), 0).label(column.key)
        for column in (
            RunRow.calls,
            RunRow.prompt_tokens,
            RunRow.completion_tokens,
            RunRow.cost,
            RunRow.unpriced_calls,
        )
    ]
    query = select(RunRow.models, *sums).where(RunRow.origin == "native", RunRow.calls > 0).group_by(RunRow.models)
    return [ModelTotals.model_validate(row) for row in await connection.execute(query.order_by(RunRow.models))]


async def _counts(connection: AsyncConnection, column: InstrumentedAttribute[str]) -> dict[str, int]:
    rows = await connection.execute(select(column, func.count()).group_by(column).order_by(column))
    return {row[0]: row[1] for row in rows}


async def _database(connection: AsyncConnection, database: Database) -> DatabaseFigures:
    row = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).first()
    revision = None if row is None else str(row[0])
    if is_postgresql(database.url):
        size = (await connection.exec_driver_sql("SELECT pg_database_size(current_database())")).scalar_one()
        return DatabaseFigures(kind="PostgreSQL", bytes=size, free_bytes=None, schema_revision=revision)
    pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
    page_bytes = (await connection.exec_driver_sql("PRAGMA page_size")).scalar_one()
    return DatabaseFigures(
        kind="SQLite",
        bytes=pages * page_bytes,
        free_bytes=_free_bytes(database.url.database),
        schema_revision=revision,
    )


def _free_bytes(file: str | None) -> int | None:
    return shutil.disk_usage(Path(file).resolve().parent).free if file and file != ":memory:" else None
