"""What people ask of a run: pause, stop, resume. Every move names the states it may start from."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.records import Control, RunState
from app.store.runs import UnknownRun, add_log, now
from app.store.tables import RunRow


class StateConflict(Exception):
    """The run is in a state in which this cannot be done; the message says which."""


async def request(database: Database, run_id: str, control: Control) -> RunState:
    """Ask for a pause at the end of the month, or a stop now; return the state the run is in then.

    A run that nobody plays obeys at once; one that is tried again by itself stays paused until it is resumed. Asking
    twice is asking once.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if the run is over, or paused already.
    """
    async with database.write() as connection:
        run = await _row(connection, run_id)
        if run.state == "playing":
            # "Stop now" overrides a pause that has been asked for, never the other way round.
            if run.control != "stop":
                await connection.execute(update(RunRow).where(RunRow.id == run_id).values(control=control))
                wish = "Pause at the end of the month" if control == "pause" else "Stop now"
                await add_log(connection, run_id, "control", f"{wish} was asked for.")
            return "playing"
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
        if run.state == "playing" and run.control == "pause":
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(control=None))
            await add_log(connection, run_id, "control", "The pause was called off.")
        if run.state in ("queued", "playing"):
            state: RunState = run.state
            return state
        if run.state not in ("paused", "failed"):
            raise StateConflict(f"Run {run_id} is {run.state}; only paused and failed runs can be resumed.")
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
        await add_log(connection, run_id, "state", "Queued again on request.")
        return "queued"


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
    query = select(RunRow.state, RunRow.control, RunRow.retry_at, RunRow.priority).where(RunRow.id == run_id)
    row = (await connection.execute(query.with_for_update())).first()
    if row is None:
        raise UnknownRun(run_id)
    return row
