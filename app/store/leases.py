"""Who plays a run: claims, heartbeats, recovery, giving up.

A player holds a run by its *epoch*: claiming raises it, and whatever the player writes later is conditional on it, so a
player that was thought lost and comes back cannot write.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.metrics import EpisodeMetrics
from app.store.connect import Database
from app.store.controls import obeyed
from app.store.records import Control, RunState
from app.store.runs import add_log, metric_columns, now
from app.store.tables import RunRow

MAX_FRUITLESS = 20


class LostRun(Exception):
    """Another player owns the run now; this one must stop at once and write nothing."""


class Claim(BaseModel):
    """The right to play a run: valid as long as the run's epoch is this one."""

    run_id: str
    epoch: int


async def claim_next(database: Database, owner: str) -> Claim | None:
    """Take the oldest queued run for *owner*, or return None if there is none."""
    async with database.write() as connection:
        row = (
            await connection.execute(
                select(RunRow.id, RunRow.epoch, RunRow.started_at)
                .where(RunRow.state == "queued")
                .order_by(RunRow.created_at, RunRow.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
        ).first()
        if row is None:
            return None
        await connection.execute(
            update(RunRow)
            .where(RunRow.id == row.id)
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
        await add_log(connection, row.id, "state", "Playing." if row.epoch == 0 else "Playing again.")
        return Claim(run_id=row.id, epoch=row.epoch + 1)


async def any_queued(database: Database) -> bool:
    """Tell whether a run waits for a worker."""
    async with database.read() as connection:
        query = select(RunRow.id).where(RunRow.state == "queued").limit(1)
        return (await connection.execute(query)).first() is not None


async def beat(database: Database, claims: Iterable[Claim]) -> None:
    """Say that the players of these runs are alive."""
    async with database.write() as connection:
        for claim in claims:
            await connection.execute(
                update(RunRow)
                .where(RunRow.id == claim.run_id, RunRow.epoch == claim.epoch, RunRow.state == "playing")
                .values(heartbeat=now())
            )


async def wishes(database: Database, claims: Sequence[Claim]) -> dict[str, Control | Literal["lost"] | None]:
    """Return what is asked of each claimed run: None, "pause", "stop", or "lost" if another player has it."""
    async with database.read() as connection:
        rows = await connection.execute(
            select(RunRow.id, RunRow.epoch, RunRow.state, RunRow.control).where(
                RunRow.id.in_([claim.run_id for claim in claims])
            )
        )
        found = {row.id: row for row in rows}
    return {
        claim.run_id: found[claim.run_id].control
        if claim.run_id in found and found[claim.run_id].epoch == claim.epoch and found[claim.run_id].state == "playing"
        else "lost"
        for claim in claims
    }


async def recover_lost(database: Database, silent_for: timedelta) -> list[str]:
    """Queue again the runs whose player has been silent, and return their ids.

    A run that made no progress in MAX_FRUITLESS attempts fails instead: something in it kills its players.
    """
    limit = now() - silent_for
    async with database.read() as connection:
        lost = select(RunRow.id).where(RunRow.state == "playing", RunRow.heartbeat < limit).limit(1)
        if (await connection.execute(lost)).first() is None:
            return []
    async with database.write() as connection:
        rows = (
            await connection.execute(
                select(RunRow.id, RunRow.fruitless, RunRow.owner, RunRow.control).where(
                    RunRow.state == "playing", RunRow.heartbeat < limit
                )
            )
        ).all()
        for row in rows:
            if row.fruitless >= MAX_FRUITLESS:
                text = f"Stopped after {MAX_FRUITLESS} workers died playing it without any progress."
                values = {"state": "failed", "reason_kind": "worker", "reason": text}
            elif row.control is not None:
                values, text = obeyed(row.control)
            else:
                values, text = {"state": "queued"}, f"The worker was lost ({row.owner}); queued again."
            await connection.execute(
                update(RunRow)
                .where(RunRow.id == row.id)
                .values(owner=None, control=None, fruitless=row.fruitless + 1, epoch=RunRow.epoch + 1, **values)
            )
            await add_log(connection, row.id, "state", text)
        return [row.id for row in rows]


async def leave(
    database: Database,
    claim: Claim,
    state: RunState,
    *,
    reason_kind: str | None = None,
    reason: str | None = None,
    metrics: EpisodeMetrics | None = None,
) -> None:
    """Give a claimed run up, leaving it in *state*.

    Raises:
        LostRun: if the claim is no longer valid; nothing is written.
    """
    values: dict[str, Any] = {
        "state": state,
        "reason_kind": reason_kind,
        "reason": reason,
        "owner": None,
        "heartbeat": None,
        "control": None,
    }
    if state in ("finished", "cancelled", "failed"):
        values["ended_at"] = now()
    if metrics is not None:
        values |= metric_columns(metrics)
    async with database.write() as connection:
        await _conditional(connection, claim, values)
        await add_log(connection, claim.run_id, "state", _sentence(state, reason))


def _sentence(state: str, reason: str | None) -> str:
    return f"{state.capitalize()}: {reason}" if reason else f"{state.capitalize()}."


async def _conditional(connection: AsyncConnection, claim: Claim, values: dict[str, Any]) -> None:
    result: CursorResult[Any] = await connection.execute(
        update(RunRow)
        .where(RunRow.id == claim.run_id, RunRow.epoch == claim.epoch, RunRow.state == "playing")
        .values(**values)
    )
    if result.rowcount != 1:
        raise LostRun(f"run {claim.run_id} is no longer played by epoch {claim.epoch}")
