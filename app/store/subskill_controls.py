"""What people ask of a run of subskill tests: stop, resume.

There is no pause on request: what is answered is kept, so stopping or resuming costs nothing.
"""

from sqlalchemy import select, update

from app.store.connect import Database
from app.store.controls import StateConflict, obeyed
from app.store.records import RunState
from app.store.subskills import UnknownSubskillRun
from app.store.tables import SubskillRunRow as Row


async def stop_tests(database: Database, run_id: str) -> RunState:
    """Stop tests now and return the state they are in then; what was answered is kept.

    Raises:
        UnknownSubskillRun: if there are none of this id.
        StateConflict: if they are over.
    """
    async with database.write() as connection:
        row = (await connection.execute(select(Row.state).where(Row.id == run_id).with_for_update())).first()
        if row is None:
            raise UnknownSubskillRun(run_id)
        if row.state == "playing":
            await connection.execute(update(Row).where(Row.id == run_id).values(control="stop"))
            return "playing"
        if row.state not in ("queued", "paused"):
            raise StateConflict(f"The tests {run_id} are {row.state}; they cannot be stopped.")
        values, _ = obeyed("stop")
        await connection.execute(update(Row).where(Row.id == run_id).values(**values))
        return "cancelled"


async def resume_tests(database: Database, run_id: str) -> RunState:
    """Queue paused, stopped or failed tests again; return their state. What is answered is not asked again.

    Raises:
        UnknownSubskillRun: if there are none of this id.
        StateConflict: if they are finished or imported.
    """
    async with database.write() as connection:
        query = select(Row.state, Row.origin).where(Row.id == run_id).with_for_update()
        row = (await connection.execute(query)).first()
        if row is None:
            raise UnknownSubskillRun(run_id)
        if row.state in ("queued", "playing"):
            state: RunState = row.state
            return state
        if row.origin == "imported" or row.state not in ("paused", "cancelled", "failed"):
            raise StateConflict(f"The tests {run_id} are {row.state}; there is nothing left to ask.")
        await connection.execute(
            update(Row)
            .where(Row.id == run_id)
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
        return "queued"
