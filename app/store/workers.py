"""Who is there to play: each process reports every few seconds, and all clocks are the database's."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select

from app.store.clock import database_now
from app.store.connect import Database
from app.store.tables import WorkerRow
from app.store.upsert import insert_into

REPORT_SECONDS = 5.0
# Three reports missed: whoever has been silent for longer is not counted on.
ALIVE_FOR = timedelta(seconds=15)
KEPT_FOR = timedelta(days=1)

Role = Literal["worker", "govsim-run"]


class WorkerReport(BaseModel):
    """What a process says of itself. `id` is its name as owner of runs; `testing` counts subskill tests.

    A process of the role *worker* takes queued runs, up to `capacity` at once, until it is `stopping`; `govsim run`
    plays its own runs only. `calls_per_minute` is by run.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="ignore")

    id: str
    role: Role
    host: str
    pid: int
    version: str
    capacity: int
    playing: int = 0
    testing: int = 0
    stopping: bool = False
    calls_per_minute: Mapping[str, int] = {}


class WorkerRecord(WorkerReport):
    """A process as it last reported, and how many seconds ago that was."""

    started_at: datetime
    heartbeat: datetime
    silent_s: float

    @property
    def alive(self) -> bool:
        """Whether it was heard of lately."""
        return self.silent_s <= ALIVE_FOR.total_seconds()

    @property
    def takes_runs(self) -> bool:
        """Whether a queued run may count on it."""
        return self.alive and self.role == "worker" and not self.stopping


async def report_worker(database: Database, report: WorkerReport) -> None:
    """Store what a process says of itself: the first report joins, each one is a sign of life."""
    values = report.model_dump() | {"heartbeat": database_now()}
    async with database.write(quiet=True) as connection:
        statement = insert_into(connection, WorkerRow).values(**values, started_at=database_now())
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={name: statement.excluded[name] for name in values if name != "id"}
            )
        )


async def leave_worker(database: Database, worker_id: str) -> None:
    """Forget a process that ends in good order."""
    async with database.write(quiet=True) as connection:
        await connection.execute(delete(WorkerRow).where(WorkerRow.id == worker_id))


async def list_workers(database: Database) -> list[WorkerRecord]:
    """Return the processes that are there, and those lost within the last day, in the order they started."""
    query = select(WorkerRow.__table__, database_now().label("now")).order_by(WorkerRow.started_at, WorkerRow.id)
    async with database.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [
        WorkerRecord.model_validate({**row, "silent_s": max(0.0, (row["now"] - row["heartbeat"]).total_seconds())})
        for row in rows
    ]


async def count_workers(database: Database) -> int:
    """Return how many processes are there to take queued runs."""
    return sum(worker.takes_runs for worker in await list_workers(database))


async def forget_lost_workers(database: Database) -> None:
    """Drop the rows of processes that have been silent for a day."""
    async with database.write(quiet=True) as connection:
        present = (await connection.execute(select(database_now()))).scalar_one()
        await connection.execute(delete(WorkerRow).where(WorkerRow.heartbeat < present - KEPT_FOR))
