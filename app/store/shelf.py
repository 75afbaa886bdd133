"""Putting runs away: archived ones leave the lists, deleted ones everything, and come back for a week.

A deletion hides at once: `get_run` and every list, search and share leave deleted runs out. What a deletion hid
together (a selection, an experiment with its runs) shares the moment of it, by which all of it is brought back. When
the week is over a worker purges it (`purge`); what it spent stays counted in `usage_day`.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.annotations import hold
from app.store.connect import Database
from app.store.controls import StateConflict, obeyed
from app.store.retention import delete_run
from app.store.runs import UnknownExperiment, UnknownRun, add_log, now
from app.store.tables import ExperimentRow, RunRow

KEPT_FOR = timedelta(days=7)
"""How long what was deleted can be brought back."""


async def archive(database: Database, run_ids: Collection[str], archived: bool = True) -> None:
    """Put runs into the archive, or take them out of it; all of them or none.

    Raises:
        UnknownRun: if one of them does not exist.
    """
    async with database.write() as connection:
        await hold(connection, run_ids)
        await _archive(connection, RunRow.id.in_(run_ids), now() if archived else None)


async def archive_experiment(database: Database, experiment_id: str, archived: bool = True) -> None:
    """Put an experiment and its runs into the archive; or take it, and what went there with it, out again.

    Raises:
        UnknownExperiment: if there is no such experiment.
    """
    async with database.write() as connection:
        row = await _experiment(connection, experiment_id)
        there = ExperimentRow.id == experiment_id
        mine = (RunRow.experiment_id == experiment_id) & RunRow.deleted_at.is_(None)
        if archived and row.archived_at is None:
            moment = now()
            await connection.execute(update(ExperimentRow).where(there).values(archived_at=moment))
            await _archive(connection, mine, moment)
        elif not archived and row.archived_at is not None:
            await connection.execute(update(ExperimentRow).where(there).values(archived_at=None))
            await _archive(connection, mine & (RunRow.archived_at == row.archived_at), None)


async def _archive(connection: AsyncConnection, which: ColumnElement[bool], moment: datetime | None) -> None:
    changed = RunRow.archived_at.is_(None) if moment else RunRow.archived_at.is_not(None)
    await connection.execute(update(RunRow).where(which, changed).values(archived_at=moment))


async def delete_runs(database: Database, run_ids: Collection[str]) -> datetime:
    """Delete runs, all or none, and return the moment by which they are brought back.

    One that is being played is stopped; one that waits is paused, so that nothing is spent on it.

    Raises:
        UnknownRun: if one of them does not exist.
    """
    moment = now()
    async with database.write() as connection:
        await hold(connection, run_ids)
        await _delete(connection, RunRow.id.in_(run_ids), moment)
    return moment


async def delete_experiment(database: Database, experiment_id: str) -> datetime:
    """Delete an experiment with its runs and return the moment by which it is brought back.

    Raises:
        UnknownExperiment: if there is no such experiment.
    """
    moment = now()
    async with database.write() as connection:
        await _experiment(connection, experiment_id)
        await connection.execute(
            update(ExperimentRow).where(ExperimentRow.id == experiment_id).values(deleted_at=moment)
        )
        await _delete(connection, RunRow.experiment_id == experiment_id, moment)
    return moment


async def _delete(connection: AsyncConnection, which: ColumnElement[bool], moment: datetime) -> None:
    query = select(RunRow.id, RunRow.state).where(which, RunRow.deleted_at.is_(None)).order_by(RunRow.id)
    for run in (await connection.execute(query.with_for_update())).all():
        values: dict[str, Any] = {"deleted_at": moment}
        if run.state == "playing":
            values["control"] = "stop"
        elif run.state in ("queued", "paused"):
            values |= obeyed("pause")[0] | {"reason": "Paused when it was deleted."}
        await connection.execute(update(RunRow).where(RunRow.id == run.id).values(**values))
        await add_log(connection, run.id, "deleted", "Deleted.")


async def bring_back(database: Database, moment: datetime) -> list[str]:
    """Undo the deletion of *moment*; return the ids of the runs that are back, empty if there are none any more."""
    async with database.write() as connection:
        back = update(ExperimentRow).where(ExperimentRow.deleted_at == moment).values(deleted_at=None)
        await connection.execute(back)
        return await _bring_back(connection, RunRow.deleted_at == moment)


async def bring_run_back(database: Database, run_id: str) -> bool:
    """Undo the deletion of one run, and of its experiment; return whether the run had been deleted.

    Raises:
        UnknownRun: if it does not exist (any more).
    """
    async with database.write() as connection:
        query = select(RunRow.experiment_id).where(RunRow.id == run_id).with_for_update()
        run = (await connection.execute(query)).first()
        if run is None:
            raise UnknownRun(run_id)
        there = ExperimentRow.id == run.experiment_id
        await connection.execute(update(ExperimentRow).where(there).values(deleted_at=None))
        return bool(await _bring_back(connection, RunRow.id == run_id))


async def _bring_back(connection: AsyncConnection, which: ColumnElement[bool]) -> list[str]:
    query = select(RunRow.id).where(which, RunRow.deleted_at.is_not(None)).order_by(RunRow.id)
    ids = list((await connection.execute(query.with_for_update())).scalars())
    await connection.execute(update(RunRow).where(RunRow.id.in_(ids)).values(deleted_at=None))
    for run_id in ids:
        await add_log(connection, run_id, "deleted", "Brought back.")
    return ids


class Deleted(NamedTuple):
    """A deleted run, as the list of them shows it; `purged_at` is when it goes for good."""

    id: str
    name: str | None
    scenario: str
    condition: str
    models: str
    state: str
    deleted_at: datetime

    @property
    def purged_at(self) -> datetime:
        """When it goes for good."""
        return self.deleted_at + KEPT_FOR


async def list_deleted(database: Database, limit: int = 500) -> list[Deleted]:
    """Return the runs that are deleted and not purged, the latest deletion first."""
    columns = [getattr(RunRow, name) for name in Deleted._fields]
    query = select(*columns).where(RunRow.deleted_at.is_not(None)).order_by(RunRow.deleted_at.desc(), RunRow.id)
    async with database.read() as connection:
        return [Deleted(*row) for row in await connection.execute(query.limit(limit))]


async def hidden_at(database: Database, moment: datetime) -> list[str]:
    """Return the ids of the runs that the deletion of *moment* hid and that can still be brought back."""
    async with database.read() as connection:
        rows = await connection.execute(select(RunRow.id).where(RunRow.deleted_at == moment).order_by(RunRow.id))
        return list(rows.scalars())


async def purge(database: Database, run_id: str) -> None:
    """Remove a deleted run for good, with all that belongs to it; what it spent stays counted.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if it is not deleted, or still being stopped.
    """
    async with database.write() as connection:
        query = select(RunRow.state, RunRow.deleted_at, RunRow.experiment_id).where(RunRow.id == run_id)
        run = (await connection.execute(query.with_for_update())).first()
        if run is None:
            raise UnknownRun(run_id)
        if run.deleted_at is None:
            raise StateConflict(f"Run {run_id} is not deleted; delete it first.")
        if run.state == "playing":
            raise StateConflict(f"Run {run_id} is still being stopped; try again in a few seconds.")
        await delete_run(connection, run_id, run.experiment_id)


async def due_for_purge(database: Database, older_than: timedelta = KEPT_FOR) -> list[str]:
    """Return the ids of the runs that were deleted longer ago than *older_than* and that nobody plays."""
    due = RunRow.deleted_at < now() - older_than, RunRow.state != "playing"
    async with database.read() as connection:
        return list((await connection.execute(select(RunRow.id).where(*due).order_by(RunRow.id))).scalars())


async def purge_empty_experiments(database: Database, older_than: timedelta = KEPT_FOR) -> None:
    """Remove the experiments that were deleted longer ago than *older_than* and have no run left."""
    runs = exists().where(RunRow.experiment_id == ExperimentRow.id)
    async with database.write(quiet=True) as connection:
        await connection.execute(delete(ExperimentRow).where(ExperimentRow.deleted_at < now() - older_than, ~runs))


async def _experiment(connection: AsyncConnection, experiment_id: str) -> Any:
    query = select(ExperimentRow.archived_at).where(ExperimentRow.id == experiment_id)
    row = (await connection.execute(query.where(ExperimentRow.deleted_at.is_(None)).with_for_update())).first()
    if row is None:
        raise UnknownExperiment(experiment_id)
    return row
