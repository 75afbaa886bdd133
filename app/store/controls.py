"""What people ask of a run: pause, stop, resume. Every move names the states it may start from."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.records import Control, RunState
from app.store.runs import DeletedRun, UnknownRun, add_log, now
from app.store.tables import RunRow

WISHES: Mapping[Control, str] = {
    "pause": "Pause at the end of the month",
    "end": "Stop at the end of the month",
    "stop": "Stop now",
}


class StateConflict(Exception):
    """The run is in a state in which this cannot be done; the message says which."""


async def request(database: Database, run_id: str, control: Control) -> RunState:
    """Ask for a pause or the run's end after this month, or a stop now; return the state the run is in then.

    A run that nobody plays obeys at once; one that is tried again by itself stays paused until it is resumed. Asking
    twice is asking once.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if the run is over, or paused already.
    """
    async with database.write() as connection:
        run = await _row(connection, run_id)
        if run.state == "playing":
            # "Stop now" overrides what has been asked for the month's end, never the other way round.
            if run.control != "stop":
                await connection.execute(update(RunRow).where(RunRow.id == run_id).values(control=control))
                await add_log(connection, run_id, "control", f"{WISHES[control]} was asked for.")
            return "playing"
        if control == "end":
            raise StateConflict(f"Run {run_id} is {run.state}; only a run that is being played ends with its month.")
        waiting = run.state == "paused" and run.retry_at is not None
        allowed = ("queued",) if control == "pause" else ("queued", "paused")
        if run.state not in allowed and not waiting:
            verb = "paused" if control == "pause" else "stopped"
            raise StateConflict(f"Run {run_id} is {run.state}; it cannot be {verb}.")
        values, text = obeyed(control)
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**values))
        await add_log(connection, run_id, "state", text)
        state: RunState = values["state"]
        return state


async def resume(database: Database, run_id: str) -> RunState:
    """Queue a paused or failed run again; return its state. A queued or playing run is left as it is.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if the run is over.
    """
    async with database.write() as connection:
        run = await _row(connection, run_id)
        if run.state == "playing" and run.control in ("pause", "end"):
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(control=None))
            what = "pause" if run.control == "pause" else "stop"
            await add_log(connection, run_id, "control", f"The {what} was called off.")
        if run.state in ("queued", "playing"):
            state: RunState = run.state
            return state
        if run.state not in ("paused", "failed"):
            raise StateConflict(f"Run {run_id} is {run.state}; only paused and failed runs can be resumed.")
        await queue_again(connection, run_id, "Queued again on request.")
        return "queued"


async def queue_again(connection: AsyncConnection, run_id: str, text: str) -> None:
    """Queue a run that nobody plays, inside the caller's transaction, which has seen its state; *text* is logged."""
    await connection.execute(
        update(RunRow)
        .where(RunRow.id == run_id)
        .values(
            state="queued",
            control=None,
            ended_at=None,
            fruitless=0,
            retry_at=None,
            reason=None,
            reason_kind=None,
        )
    )
    await add_log(connection, run_id, "state", text)


async def prioritise(database: Database, run_id: str, priority: int) -> RunState:
    """Let a run that waits, or is paused, be played before those of lower *priority*; return its state.

    Priorities go from LOWEST_PRIORITY to HIGHEST_PRIORITY; 0 is the usual one.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if it does not wait to be played.
    """
    async with database.write() as connection:
        run = await _row(connection, run_id)
        if run.state not in ("queued", "paused"):
            raise StateConflict(f"Run {run_id} is {run.state}; only runs that wait have a place in the queue.")
        if run.priority != priority:
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(priority=priority))
            await add_log(connection, run_id, "control", f"Its priority was set to {priority}.")
        state: RunState = run.state
        return state


def obeyed(control: str) -> tuple[dict[str, Any], str]:
    """Return the column values and the sentence of a wish that is granted."""
    text = "Paused on request." if control == "pause" else "Stopped on request."
    values = {"reason_kind": "user", "reason": text, "retry_at": None, "retries": 0, "waits_for": None}
    if control == "pause":
        return values | {"state": "paused"}, text
    return values | {"state": "cancelled", "ended_at": now()}, text


async def _row(connection: AsyncConnection, run_id: str) -> Any:
    columns = (RunRow.state, RunRow.control, RunRow.retry_at, RunRow.priority, RunRow.deleted_at)
    row = (await connection.execute(select(*columns).where(RunRow.id == run_id).with_for_update())).first()
    if row is None:
        raise UnknownRun(run_id)
    if row.deleted_at is not None:
        raise DeletedRun(run_id, row.deleted_at)
    return row
