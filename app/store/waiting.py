"""Runs that wait for something that mends itself: an endpoint, disk space, a model's key.

Such a run is *paused*, with what it `waits_for` and the moment it is tried again (`retry_at`). All that wait for the
same thing wait together: one of them goes first as the *scout*, and as soon as it has made progress the others follow.
If it has not, all wait on, longer each time. Nothing is asked just to find out: the scout's next call is the question.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.metrics import EpisodeMetrics
from app.store.connect import Database
from app.store.leases import RUNS, Claim, LostRun, Work, give_up
from app.store.records import LIVE_STATES
from app.store.runs import now

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 600.0
STORAGE = "storage"
_MODEL = "model:"


def for_endpoint(name: str) -> str:
    """Return what a run waits for whose endpoint *name* does not answer."""
    return f"endpoint:{name}"


def for_model(name: str) -> str:
    """Return what a run waits for whose model *name* is not configured: a worker that can ask it."""
    return _MODEL + name


def wait_seconds(retries: int, first_s: float = FIRST_WAIT_S, at_least_s: float = 0.0) -> float:
    """Return how long to wait before the *retries*-th try: doubling, a little random, ten minutes at most."""
    doubled = first_s * 2.0 ** min(retries - 1, 20)
    return min(max(doubled * random.uniform(0.8, 1.2), at_least_s), LONGEST_WAIT_S)


async def leave_waiting(
    database: Database,
    claim: Claim,
    waits_for: str,
    work: Work = RUNS,
    *,
    reason_kind: str,
    reason: str,
    metrics: EpisodeMetrics | None = None,
    first_s: float = FIRST_WAIT_S,
    at_least_s: float = 0.0,
) -> None:
    """Give a claimed run up, paused until what it *waits_for* is back.

    The first wait takes *first_s* seconds, every one *at_least_s* seconds whatever the schedule says.

    Raises:
        LostRun: if the claim is no longer valid; nothing is written.
    """
    row = work.row
    async with database.write() as connection:
        own = (await connection.execute(select(row.retries).where(*work.held(claim)).with_for_update())).scalar()
        if own is None:
            raise LostRun(f"the {work.name} {claim.run_id} is no longer held by epoch {claim.epoch}")
        values: dict[str, Any] = {"retries": own + 1, "retry_at": None}
        if not waits_for.startswith(_MODEL):
            values = await _schedule(connection, work, waits_for, own + 1, first_s, at_least_s)
        await give_up(
            connection,
            claim,
            "paused",
            work,
            reason_kind=reason_kind,
            reason=reason,
            metrics=metrics,
            waits_for=waits_for,
            **values,
        )


async def _schedule(
    connection: AsyncConnection, work: Work, waits_for: str, retries: int, first_s: float, at_least_s: float
) -> dict[str, Any]:
    """Return the next try of a run; it joins those who wait already, or, having been their scout, puts them off."""
    row = work.row
    waiting = select(row.id, row.retries, row.retry_at).where(*_waiting(work, waits_for)).order_by(row.id)
    others = (await connection.execute(waiting.with_for_update())).all()
    moment = now()
    tried = max((one.retries for one in others), default=0)
    if others and tried >= retries and not at_least_s:
        return {"retries": tried, "retry_at": max(one.retry_at for one in others)}
    retries = max(retries, tried)
    values = {
        "retries": retries,
        "retry_at": moment + timedelta(seconds=wait_seconds(retries, first_s, at_least_s)),
    }
    if others:
        await connection.execute(update(row).where(row.id.in_([one.id for one in others])).values(**values))
    return values


@dataclass(frozen=True)
class _Next:
    """What to do about those who wait for one thing: queue *ids*, and forget that *proven* ones waited for it."""

    ids: list[str]
    proven: list[str]


async def resume_due(database: Database, work: Work = RUNS) -> list[str]:
    """Queue the runs whose time has come, of those that wait for the same thing one, or all if it is back.

    Returns the ids of the runs that were queued.
    """
    row = work.row
    anybody = select(row.waits_for).where(row.state == "paused", row.retry_at.is_not(None)).distinct()
    async with database.read() as connection:
        things = [one.waits_for for one in await connection.execute(anybody.order_by(row.waits_for))]
        ready = [thing for thing in things if (await _next(connection, work, thing)).ids]
    queued: list[str] = []
    for thing in ready:
        async with database.write() as connection:
            # Decided once more: another worker may have looked at the same moment.
            queued += await _act(connection, work, thing, await _next(connection, work, thing, lock=True))
    return queued


async def _next(connection: AsyncConnection, work: Work, thing: str, *, lock: bool = False) -> _Next:
    row = work.row
    waiting = select(row.id, row.epoch, row.retry_at).where(*_waiting(work, thing)).order_by(row.id)
    rows = (await connection.execute(waiting.with_for_update() if lock else waiting)).all()
    others = await connection.execute(
        select(row.id, row.retries, row.state).where(row.waits_for == thing, row.state != "paused")
    )
    left = others.all()
    if proven := [one.id for one in left if one.retries == 0]:
        return _Next([one.id for one in rows], proven)
    if any(one.state in LIVE_STATES for one in left):
        return _Next([], [])
    moment = now()
    # A moment further off than any of ours was set by a clock that has been put back since.
    never = moment + timedelta(seconds=LONGEST_WAIT_S + 60)
    due = [one for one in rows if one.retry_at <= moment or one.retry_at > never]
    # Whoever has been played least often goes first, so that one run's own trouble does not keep the others waiting.
    scouts = sorted(due, key=lambda one: (one.epoch, one.id))[:1]
    return _Next([one.id for one in scouts], [])


async def _act(connection: AsyncConnection, work: Work, thing: str, found: _Next) -> list[str]:
    if not found.proven:
        return await _queue(connection, work, found.ids, f"Queued again to see: {_back(thing)}?")
    await connection.execute(update(work.row).where(work.row.id.in_(found.proven)).values(waits_for=None))
    return await _queue(connection, work, found.ids, f"{_back(thing)}; queued again.", waits_for=None, retries=0)


async def resume_configured(database: Database, can_ask: Callable[[str], bool], work: Work = RUNS) -> list[str]:
    """Queue the runs that wait for a model which this process *can_ask*; return their ids."""
    row = work.row
    waiting = select(row.id, row.waits_for).where(row.state == "paused", row.waits_for.startswith(_MODEL))
    async with database.read() as connection:
        found = (await connection.execute(waiting)).all()
    ids = [one.id for one in found if can_ask(one.waits_for.removeprefix(_MODEL))]
    if not ids:
        return []
    async with database.write() as connection:
        still = (await connection.execute(waiting.where(row.id.in_(ids)).order_by(row.id).with_for_update())).all()
        text = "A worker has started that can ask its model; queued again."
        return await _queue(connection, work, [one.id for one in still], text, waits_for=None, retries=0)


async def _queue(connection: AsyncConnection, work: Work, ids: list[str], text: str, **more: Any) -> list[str]:
    if ids:
        values = more | {"state": "queued", "retry_at": None}
        await connection.execute(update(work.row).where(work.row.id.in_(ids)).values(**values))
    for run_id in ids:
        await work.log(connection, run_id, "state", text)
    return ids


def _waiting(work: Work, thing: str) -> tuple[Any, ...]:
    return work.row.waits_for == thing, work.row.state == "paused", work.row.retry_at.is_not(None)


def _back(thing: str) -> str:
    """Say that what was waited for is back: "Endpoint 'lab' answers"."""
    kind, _, name = thing.partition(":")
    return f"Endpoint '{name}' answers" if kind == "endpoint" else "There is space on the disk"
