"""Whose player is gone: judged by who looks, with its own clock, and what becomes of the run then.

A lease is lost when its heartbeat has not *changed* for a while in which somebody watched. No moment is compared with
another host's, so clocks that differ or jump take no run away from a live player and keep no dead one's.

A run may be what kills its players, so deaths without progress are counted (`fruitless`). Which of a worker's runs
killed it cannot be seen; so from the third such death on, a run is a *suspect*: a worker plays one suspect at a time
(`line.py`), and if it dies then, the suspect alone is blamed. What makes progress is suspect no longer.
"""

import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select, update

from app.store.connect import Database
from app.store.controls import obeyed
from app.store.leases import RUNS, Work
from app.store.line import SUSPECT
from app.store.records import OVER_STATES
from app.store.runs import now

MAX_FRUITLESS = 8
LONGEST_LOOK_S = 5.0
"""Time in which the watcher did not look counts as this much at most: it may itself have been frozen, or cut off."""


class Heartbeat(NamedTuple):
    """What is seen of a lease: it is alive as long as this keeps changing."""

    run_id: str
    epoch: int
    at: datetime | None


class Watch:
    """What one process has seen of all leases of a kind of work, by its own clock (*clock*: seconds, monotonic)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked: float | None = None
        self._silence: dict[Heartbeat, float] = {}

    def look(self, beats: Collection[Heartbeat], silent_for: timedelta) -> list[Heartbeat]:
        """Take note of the heartbeats as they are now; return those that have been the same for *silent_for*."""
        moment = self._clock()
        passed = 0.0 if self._looked is None else min(max(moment - self._looked, 0.0), LONGEST_LOOK_S)
        self._looked = moment
        self._silence = {beat: self._silence[beat] + passed if beat in self._silence else 0.0 for beat in beats}
        return [beat for beat, silence in self._silence.items() if silence >= silent_for.total_seconds()]


async def recover_lost(database: Database, watch: Watch, silent_for: timedelta, work: Work = RUNS) -> list[str]:
    """Look at all leases; queue again the runs whose player has been silent, and return their ids.

    A run whose players died MAX_FRUITLESS times without progress fails instead.
    """
    row = work.row
    async with database.read() as connection:
        seen = await connection.execute(select(row.id, row.epoch, row.heartbeat).where(row.state == "playing"))
        lost = watch.look([Heartbeat(*one) for one in seen], silent_for)
    return await take_back(database, lost, work) if lost else []


async def take_back(database: Database, lost: Collection[Heartbeat], work: Work = RUNS) -> list[str]:
    """Queue these runs again, or fail them, unless their player has been heard of meanwhile; return their ids."""
    row = work.row
    async with database.write() as connection:
        query = select(row.id, row.epoch, row.heartbeat, row.fruitless, row.owner, row.control).where(
            row.id.in_([one.run_id for one in lost]), row.state == "playing"
        )
        rows = (await connection.execute(query.order_by(row.id).with_for_update())).all()
        rows = [one for one in rows if Heartbeat(one.id, one.epoch, one.heartbeat) in lost]
        blamed = _owners_with_suspects(rows)
        for one in rows:
            guilty = one.owner not in blamed or one.fruitless >= SUSPECT
            values, text = _outcome(one, one.fruitless + guilty)
            await connection.execute(
                update(row)
                .where(row.id == one.id)
                .values(owner=None, control=None, heartbeat=None, epoch=row.epoch + 1, **values)
            )
            await work.log(connection, one.id, "state", text)
        return [one.id for one in rows]


def _owners_with_suspects(rows: Collection[Any]) -> set[str]:
    return {one.owner for one in rows if one.fruitless >= SUSPECT}


def _outcome(lost: Any, fruitless: int) -> tuple[dict[str, Any], str]:
    """Return the column values of a lost run and the sentence of its log."""
    if fruitless >= MAX_FRUITLESS:
        text = (
            f"Its worker died {fruitless} times while playing it, each time without progress; the last times no other "
            "run was under suspicion. What was recorded is kept. Look into the worker's log, then retry."
        )
        values: dict[str, Any] = {"state": "failed", "reason_kind": "worker", "reason": text}
    elif lost.control is not None:
        values, text = obeyed(lost.control)
    else:
        values, text = {"state": "queued"}, f"The worker was lost ({lost.owner}); queued again."
    if values["state"] in OVER_STATES:
        values["ended_at"] = now()
    return values | {"fruitless": fruitless}, text
