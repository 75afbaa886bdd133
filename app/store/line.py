"""Who is next: the order in which queued runs get a worker, one query for both databases.

The highest priority goes first; within it the experiment of which the fewest runs are being played, so that a launch of
a thousand runs does not keep the next person's three waiting; within that the oldest. A run launched alone is an
experiment of one.
"""

from typing import Any

from sqlalchemy import Select, func, select

from app.store.tables import RunRow, SubskillRunRow


def next_runs(count: int) -> Select[Any]:
    """Select the ids of the *count* runs that are next, in order, as if each one's start were seen by the following."""
    experiment = func.coalesce(RunRow.experiment_id, RunRow.id)
    playing = (
        select(experiment.label("experiment"), func.count().label("runs"))
        .where(RunRow.state == "playing")
        .group_by(experiment)
        .subquery()
    )
    age = (RunRow.created_at, RunRow.id)
    before = func.row_number().over(partition_by=experiment, order_by=(RunRow.priority.desc(), *age))
    return (
        select(RunRow.id)
        .outerjoin(playing, playing.c.experiment == experiment)
        .where(RunRow.state == "queued")
        .order_by(RunRow.priority.desc(), func.coalesce(playing.c.runs, 0) + before, *age)
        .limit(count)
    )


def next_tests(count: int) -> Select[Any]:
    """Select the ids of the *count* subskill tests that are next: the oldest first."""
    row = SubskillRunRow
    return select(row.id).where(row.state == "queued").order_by(row.created_at, row.id).limit(count)
