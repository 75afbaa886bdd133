"""Who plays what: claims, heartbeats, wishes, giving up. One scheme for runs and for runs of subskill tests.

A player holds its work by the *epoch*: claiming raises it, and whatever the player writes later is conditional on it,
so a player that was thought lost and comes back cannot write. Who is lost is judged in `lost.py`.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import ColumnElement, CursorResult, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.metrics import EpisodeMetrics
from app.store.connect import Database
from app.store.line import next_in_line
from app.store.records import OVER_STATES, Control, RunState
from app.store.runs import add_log, metric_columns, now
from app.store.tables import RunRow, SubskillRunRow
from app.store.turns import take_turns

Log = Callable[[AsyncConnection, str, str, str], Awaitable[None]]


class LostRun(Exception):
    """Another player owns the run now; this one must stop at once and write nothing."""


class Claim(BaseModel):
    """The right to play a run: valid as long as the run's epoch is this one."""

    run_id: str
    epoch: int


@dataclass(frozen=True)
class Work:
    """A table whose rows are played under leases: `row` its class, `name` what one is called, `log` its run log."""

    row: Any
    name: str
    log: Log

    def held(self, claim: Claim) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions under which *claim* may write."""
        return self.row.id == claim.run_id, self.row.epoch == claim.epoch, self.row.state == "playing"


async def _no_log(connection: AsyncConnection, run_id: str, kind: str, text: str) -> None:
    """Subskill tests have no log of their own: their state says it all."""


RUNS = Work(RunRow, "run", add_log)
TESTS = Work(SubskillRunRow, "tests", _no_log)


async def claim_next(database: Database, owner: str, work: Work = RUNS) -> Claim | None:
    """Take the run that is next in line (`line.py`) for *owner*, or return None if there is none."""
    claims = await claim_waiting(database, owner, work, 1)
    return claims[0] if claims else None


async def claim_waiting(database: Database, owner: str, work: Work, count: int) -> list[Claim]:
    """Take up to *count* runs that are next in line for *owner*, and return them in that order."""
    async with database.write() as connection:
        await take_turns(connection, f"line of {work.name}")
        ids = await next_in_line(connection, work.row, count, owner)
        return await _take(connection, ids, owner, work)


async def claim_one(database: Database, run_id: str, owner: str, work: Work = RUNS) -> Claim | None:
    """Take the run of this id for *owner*, or return None if it does not wait (any longer)."""
    async with database.write() as connection:
        claims = await _take(connection, [run_id], owner, work)
        return claims[0] if claims else None


async def _take(connection: AsyncConnection, ids: Sequence[str], owner: str, work: Work) -> list[Claim]:
    row = work.row
    query = select(row.id, row.epoch, row.started_at).where(row.id.in_(ids), row.state == "queued")
    found = {one.id: one for one in await connection.execute(query.with_for_update(skip_locked=True))}
    for one in found.values():
        await connection.execute(
            update(row)
            .where(row.id == one.id)
            .values(
                state="playing",
                owner=owner,
                heartbeat=now(),
                epoch=one.epoch + 1,
                started_at=one.started_at or now(),
                reason_kind=None,
                reason=None,
                retry_at=None,
            )
        )
        await work.log(connection, one.id, "state", "Playing." if one.epoch == 0 else "Playing again.")
    return [Claim(run_id=run_id, epoch=found[run_id].epoch + 1) for run_id in ids if run_id in found]


async def any_queued(database: Database, work: Work = RUNS) -> bool:
    """Tell whether a run waits for a worker."""
    async with database.read() as connection:
        query = select(work.row.id).where(work.row.state == "queued").limit(1)
        return (await connection.execute(query)).first() is not None


async def beat(database: Database, claims: Collection[Claim], work: Work = RUNS) -> None:
    """Say that the players of these runs are alive."""
    if not claims:
        return
    mine = [(claim.run_id, claim.epoch) for claim in claims]
    async with database.write(quiet=True) as connection:
        await connection.execute(
            update(work.row)
            .where(tuple_(work.row.id, work.row.epoch).in_(mine), work.row.state == "playing")
            .values(heartbeat=now())
        )


async def wishes(
    database: Database, claims: Sequence[Claim], work: Work = RUNS
) -> dict[str, Control | Literal["lost"] | None]:
    """Return what is asked of each claimed run: None, "pause", "stop", or "lost" if another player has it."""
    row = work.row
    async with database.read() as connection:
        rows = await connection.execute(
            select(row.id, row.epoch, row.state, row.control).where(row.id.in_([claim.run_id for claim in claims]))
        )
        found = {row.id: row for row in rows if row.state == "playing"}
    return {
        claim.run_id: found[claim.run_id].control
        if claim.run_id in found and found[claim.run_id].epoch == claim.epoch
        else "lost"
        for claim in claims
    }


async def leave(
    database: Database,
    claim: Claim,
    state: RunState,
    work: Work = RUNS,
    *,
    reason_kind: str | None = None,
    reason: str | None = None,
    metrics: EpisodeMetrics | None = None,
) -> None:
    """Give a claimed run up, leaving it in *state*.

    Raises:
        LostRun: if the claim is no longer valid; nothing is written.
    """
    async with database.write() as connection:
        await give_up(connection, claim, state, work, reason_kind=reason_kind, reason=reason, metrics=metrics)


async def give_up(
    connection: AsyncConnection,
    claim: Claim,
    state: RunState,
    work: Work,
    *,
    reason_kind: str | None = None,
    reason: str | None = None,
    metrics: EpisodeMetrics | None = None,
    **more: Any,
) -> None:
    """Give a claimed run up inside a transaction; *more* are further columns.

    Raises:
        LostRun: if the claim is no longer valid; nothing is written.
    """
    values: dict[str, Any] = more | {
        "state": state,
        "reason_kind": reason_kind,
        "reason": reason,
        "owner": None,
        "heartbeat": None,
        "control": None,
    }
    if state in OVER_STATES:
        values["ended_at"] = now()
    if metrics is not None:
        values |= metric_columns(metrics)
    result: CursorResult[Any] = await connection.execute(update(work.row).where(*work.held(claim)).values(**values))
    if result.rowcount != 1:
        raise LostRun(f"the {work.name} {claim.run_id} is no longer held by epoch {claim.epoch}")
    text = f"{state.capitalize()}: {reason}" if reason else f"{state.capitalize()}."
    await work.log(connection, claim.run_id, "state", text)
