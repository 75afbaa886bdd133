"""Who asks a run of subskill tests: claims, heartbeats, recovery, giving up; and what people ask of it.

The scheme is that of runs (`leases.py`, `controls.py`): claiming raises the epoch, and every later write is conditional
on it. There is no pause on request: what is answered is kept, so stopping or resuming costs nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import CursorResult, select, update

from app.store.connect import Database
from app.store.controls import StateConflict
from app.store.leases import MAX_FRUITLESS, Claim, LostRun
from app.store.records import RunState
from app.store.runs import now
from app.store.subskills import UnknownSubskillRun
from app.store.tables import SubskillRunRow as Row

STOPPED = {"state": "cancelled", "reason_kind": "user", "reason": "Stopped on request."}


async def claim_next_tests(database: Database, owner: str) -> Claim | None:
    """Take the oldest queued tests for *owner*, or return None if there are none."""
    waiting = (
        select(Row.id, Row.epoch, Row.started_at).where(Row.state == "queued").order_by(Row.created_at, Row.id).limit(1)
    )
    async with database.read() as connection:
        if (await connection.execute(waiting)).first() is None:
            return None
    async with database.write() as connection:
        row = (await connection.execute(waiting.with_for_update(skip_locked=True))).first()
        if row is None:
            return None
        await connection.execute(
            update(Row)
            .where(Row.id == row.id)
            .values(
                state="playing",
                owner=owner,
                heartbeat=now(),
                epoch=row.epoch + 1,
                started_at=row.started_at or now(),
                reason_kind=None,
                reason=None,
            )
        )
        return Claim(run_id=row.id, epoch=row.epoch + 1)


async def beat_tests(database: Database, claims: Iterable[Claim]) -> None:
    """Say that whoever asks these tests is alive."""
    async with database.write() as connection:
        for claim in claims:
            await connection.execute(
                update(Row)
                .where(Row.id == claim.run_id, Row.epoch == claim.epoch, Row.state == "playing")
                .values(heartbeat=now())
            )


async def wishes_for_tests(database: Database, claims: Sequence[Claim]) -> dict[str, Literal["stop", "lost"] | None]:
    """Return what is asked of each claimed run: None, "stop", or "lost" if it is somebody else's now."""
    async with database.read() as connection:
        rows = await connection.execute(
            select(Row.id, Row.epoch, Row.state, Row.control).where(Row.id.in_([claim.run_id for claim in claims]))
        )
        found = {row.id: row for row in rows}
    wishes: dict[str, Literal["stop", "lost"] | None] = {}
    for claim in claims:
        row = found.get(claim.run_id)
        ours = row is not None and row.epoch == claim.epoch and row.state == "playing"
        wishes[claim.run_id] = row.control if row is not None and ours else "lost"
    return wishes


async def recover_lost_tests(database: Database, silent_for: timedelta) -> list[str]:
    """Queue again the tests whose worker has been silent, and return their ids; after 20 fruitless tries they fail."""
    lost = select(Row.id, Row.fruitless, Row.control).where(Row.state == "playing", Row.heartbeat < now() - silent_for)
    async with database.read() as connection:
        if (await connection.execute(lost.limit(1))).first() is None:
            return []
    async with database.write() as connection:
        rows = (await connection.execute(lost)).all()
        for row in rows:
            values: dict[str, Any] = {"state": "queued"}
            if row.fruitless >= MAX_FRUITLESS:
                text = f"Stopped after {MAX_FRUITLESS} workers died asking it without any progress."
                values = {"state": "failed", "reason_kind": "worker", "reason": text, "ended_at": now()}
            elif row.control is not None:
                values = STOPPED | {"ended_at": now()}
            await connection.execute(
                update(Row)
                .where(Row.id == row.id)
                .values(owner=None, control=None, fruitless=row.fruitless + 1, epoch=Row.epoch + 1, **values)
            )
        return [row.id for row in rows]


async def leave_tests(
    database: Database, claim: Claim, state: RunState, reason_kind: str | None = None, reason: str | None = None
) -> None:
    """Give claimed tests up, leaving them in *state*.

    Raises:
        LostRun: if the claim is no longer valid; nothing is written.
    """
    over = {"ended_at": now()} if state in ("finished", "cancelled", "failed") else {}
    async with database.write() as connection:
        result: CursorResult[Any] = await connection.execute(
            update(Row)
            .where(Row.id == claim.run_id, Row.epoch == claim.epoch, Row.state == "playing")
            .values(
                state=state, reason_kind=reason_kind, reason=reason, owner=None, heartbeat=None, control=None, **over
            )
        )
        if result.rowcount != 1:
            raise LostRun(f"the tests {claim.run_id} are no longer asked by epoch {claim.epoch}")


async def stop_tests(database: Database, run_id: str) -> RunState:
    """Stop tests now and return the state they are in then; what was answered is kept.

    Raises:
        UnknownSubskillRun: if there are none of this id.
        StateConflict: if they are over.
    """
    async with database.write() as connection:
        row = (await connection.execute(select(Row.state).where(Row.id == run_id))).first()
        if row is None:
            raise UnknownSubskillRun(run_id)
        if row.state == "playing":
            await connection.execute(update(Row).where(Row.id == run_id).values(control="stop"))
            return "playing"
        if row.state not in ("queued", "paused"):
            raise StateConflict(f"The tests {run_id} are {row.state}; they cannot be stopped.")
        await connection.execute(update(Row).where(Row.id == run_id).values(ended_at=now(), **STOPPED))
        return "cancelled"


async def resume_tests(database: Database, run_id: str) -> RunState:
    """Queue paused, stopped or failed tests again; return their state. What is answered is not asked again.

    Raises:
        UnknownSubskillRun: if there are none of this id.
        StateConflict: if they are finished or imported.
    """
    async with database.write() as connection:
        row = (await connection.execute(select(Row.state, Row.origin).where(Row.id == run_id))).first()
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
            .values(state="queued", control=None, ended_at=None, fruitless=0, reason=None, reason_kind=None)
        )
        return "queued"
