"""What operators look at: what waits, what is being played, what stopped and why, what went wrong lately."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Executable, and_, case, func, or_, select

from app.store.connect import Database
from app.store.instance import queued_since
from app.store.tables import ExperimentRow, RunLogRow, RunRow
from app.store.types import UtcDateTime

# Lines in a run's log that tell of nothing wrong, by kind; and how those about states begin that do.
ROUTINE = ("state", "control", "share", "import", "deleted")
TROUBLE = ("Paused: %", "Failed: %", "The worker was lost%", "Stopped after %")
# The latest lines are looked through for trouble, so that the time this takes does not grow with the log.
LATEST_LINES = 2_000


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True, extra="ignore")


class WaitingExperiment(_Row):
    """An experiment (None: runs without one) of which something waits, is played or is paused."""

    experiment: str | None
    name: str | None
    queued: int
    playing: int
    paused: int
    queued_since: datetime | None


class PlayedRun(_Row):
    """A run that is being played."""

    id: str
    name: str | None
    scenario: str
    condition: str
    seed: int | None
    models: str
    months_played: int
    months: int
    calls: int
    control: str | None
    owner: str | None


class StoppedRun(_Row):
    """A run that is paused or failed."""

    id: str
    name: str | None
    state: str
    reason_kind: str | None
    reason: str | None


class Trouble(_Row):
    """Something that went wrong with a run."""

    run_id: str
    at: datetime
    kind: str
    text: str


class Operations(BaseModel):
    """What goes on with runs, each list cut to its latest."""

    waiting: list[WaitingExperiment]
    playing: list[PlayedRun]
    stopped: list[StoppedRun]
    trouble: list[Trouble]


async def read_operations(database: Database, limit: int = 50) -> Operations:
    """Return what goes on, at most *limit* entries a list."""
    async with database.read() as connection:
        last = (await connection.execute(select(func.max(RunLogRow.id)))).scalar_one() or 0
        return Operations(
            waiting=[WaitingExperiment.model_validate(row) for row in await connection.execute(_waiting(limit))],
            playing=[PlayedRun.model_validate(row) for row in await connection.execute(_playing(limit))],
            stopped=[StoppedRun.model_validate(row) for row in await connection.execute(_stopped(limit))],
            trouble=[Trouble.model_validate(row) for row in await connection.execute(_trouble(last, limit))],
        )


def _waiting(limit: int) -> Executable:
    count = {
        state: func.sum(case((RunRow.state == state, 1), else_=0)).label(state)
        for state in ("queued", "playing", "paused")
    }
    # Asked for queued runs only: one look at the log each.
    since = case((RunRow.state == "queued", queued_since()), else_=None)
    oldest = func.min(since, type_=UtcDateTime()).label("queued_since")
    return (
        select(RunRow.experiment_id.label("experiment"), ExperimentRow.name, *count.values(), oldest)
        .outerjoin(ExperimentRow, ExperimentRow.id == RunRow.experiment_id)
        .where(RunRow.state.in_(tuple(count)))
        .group_by(RunRow.experiment_id, ExperimentRow.name)
        .order_by(oldest.is_(None), oldest, RunRow.experiment_id)
        .limit(limit)
    )


def _playing(limit: int) -> Executable:
    columns = [getattr(RunRow, name) for name in PlayedRun.model_fields]
    return select(*columns).where(RunRow.state == "playing").order_by(RunRow.started_at, RunRow.id).limit(limit)


def _stopped(limit: int) -> Executable:
    columns = [getattr(RunRow, name) for name in StoppedRun.model_fields]
    return (
        select(*columns)
        .where(RunRow.state.in_(("paused", "failed")))
        .order_by(RunRow.created_at.desc(), RunRow.id)
        .limit(limit)
    )


def _trouble(last: int, limit: int) -> Executable:
    begins = or_(*(RunLogRow.text.like(start) for start in TROUBLE))
    return (
        select(RunLogRow.run_id, RunLogRow.at, RunLogRow.kind, RunLogRow.text)
        .where(
            RunLogRow.id > last - LATEST_LINES,
            or_(RunLogRow.kind.not_in(ROUTINE), and_(RunLogRow.kind == "state", begins)),
        )
        .order_by(RunLogRow.id.desc())
        .limit(limit)
    )
