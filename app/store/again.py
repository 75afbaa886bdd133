"""Trying a run again: one that can go on goes on, one that was stopped is launched anew."""

from typing import Any

from sqlalchemy import insert, select

from app.store.connect import Database
from app.store.controls import StateConflict, queue_again
from app.store.ids import new_id
from app.store.runs import DeletedRun, UnknownRun, add_log, now
from app.store.tables import RunRow

COPIED = (
    *("experiment_id", "name", "origin", "config", "config_hash", "prompts", "scenario", "condition", "minds"),
    *("models", "seed", "months", "pace_ms", "priority", "budget_tokens", "budget_cost", "model_label"),
)


async def retry(database: Database, run_id: str, engine_version: str) -> str:
    """Try a run again and return the id of the run that is queued for it.

    A paused or failed run is queued and goes on from its record. A cancelled one is over: its configuration is launched
    again as a new run, with the prompt sets it was pinned to, in the same experiment; asking twice launches once.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if it waits, is being played, or has come to its end.
    """
    async with database.write() as connection:
        run = (await connection.execute(select(RunRow.__table__).where(RunRow.id == run_id).with_for_update())).first()
        if run is None:
            raise UnknownRun(run_id)
        if run.deleted_at is not None:
            raise DeletedRun(run_id, run.deleted_at)
        if run.state in ("paused", "failed"):
            await queue_again(connection, run_id, "Queued again on request.")
            return run_id
        if run.state != "cancelled":
            raise StateConflict(f"Run {run_id} is {run.state}; paused, failed and cancelled runs can be tried again.")
        query = select(RunRow.id).where(RunRow.retry_of == run_id, RunRow.deleted_at.is_(None)).order_by(RunRow.id)
        if (there := (await connection.execute(query.limit(1))).scalar()) is not None:
            return str(there)
        values: dict[str, Any] = {name: getattr(run, name) for name in COPIED}
        values |= {"id": new_id("r"), "created_at": now(), "engine_version": engine_version, "state": "queued"}
        await connection.execute(insert(RunRow).values(**values, retry_of=run_id, gains={}, notes=[]))
        await add_log(connection, values["id"], "state", f"Queued: run {run_id} is tried again.")
        await add_log(connection, run_id, "state", f"Tried again as run {values['id']}.")
        return str(values["id"])


async def tried_again_as(database: Database, run_id: str) -> str | None:
    """Return the id of the run that tries this one again, or None."""
    query = select(RunRow.id).where(RunRow.retry_of == run_id, RunRow.deleted_at.is_(None)).order_by(RunRow.id)
    async with database.read() as connection:
        found: str | None = (await connection.execute(query.limit(1))).scalar()
        return found
