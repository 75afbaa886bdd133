"""Who is next: the order in which queued work gets a worker, the same on both databases.

Of runs the highest priority goes first; within it the experiment of which the fewest runs are being played, so that a
launch of a thousand runs does not keep the next person's three waiting; within that the oldest. A run launched alone is
an experiment of one. Of subskill tests the oldest goes first. Suspects (see `lost.py`) come after everything else, one
at a time.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.store.tables import RunRow

SUSPECT = 3
"""A run whose players died this often without progress is played beside no other such run: see `lost.py`."""


async def next_in_line(connection: AsyncConnection, row: Any, count: int, owner: str | None = None) -> list[str]:
    """Return the ids of the *count* rows that are next, in order, as if the start of each were seen by the following.

    Args:
        connection: where to look.
        row: the class of the table, `RunRow` or `SubskillRunRow`.
        count: how many at most.
        owner: who asks: it plays one suspect at a time. None asks for whoever comes: one suspect at a time in all.
    """
    other = aliased(row)
    of_owner = () if owner is None else (other.owner == owner,)
    busy = exists().where(other.state == "playing", other.fruitless >= SUSPECT, *of_owner)
    query = _in_order(row).add_columns(row.fruitless, busy.label("busy")).limit(count)
    rows = (await connection.execute(query)).all()
    usual = [one.id for one in rows if one.fruitless < SUSPECT]
    suspects = [one.id for one in rows if one.fruitless >= SUSPECT and not one.busy]
    return usual + suspects[:1]


def _in_order(row: Any) -> Select[Any]:
    query = select(row.id).where(row.state == "queued")
    suspects_last = case((row.fruitless >= SUSPECT, row.fruitless), else_=0)
    if row is not RunRow:
        return query.order_by(suspects_last, row.created_at, row.id)
    playing = (
        select(_experiment().label("experiment"), func.count().label("runs"))
        .where(RunRow.state == "playing")
        .group_by(_experiment())
        .subquery()
    )
    age = (RunRow.created_at, RunRow.id)
    place = func.row_number().over(partition_by=_experiment(), order_by=(suspects_last, RunRow.priority.desc(), *age))
    share = func.coalesce(playing.c.runs, 0) + place
    return query.outerjoin(playing, playing.c.experiment == _experiment()).order_by(
        suspects_last, RunRow.priority.desc(), share, *age
    )


def _experiment() -> ColumnElement[str]:
    return func.coalesce(RunRow.experiment_id, RunRow.id)
