"""Changing budgets, and queuing again what they had paused."""

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import select, update

from app.store.connect import Database
from app.store.controls import StateConflict, queue_again
from app.store.records import NO_BUDGET, Budget, RunState
from app.store.runs import UnknownExperiment, UnknownRun, add_log
from app.store.spending import Spent, spent_by, spent_on, spent_together
from app.store.tables import ExperimentRow, RunRow, SubskillRunRow

PAUSED_BY_BUDGET = "budget"
"""Why a run is paused: its budget or its experiment's is used up, or cannot be kept."""
PAUSED_BY_DAY = "day budget"
"""Why a run is paused: the instance's budget for the day is used up."""

Change = Callable[[Budget], Budget]


async def change_budget(database: Database, run_id: str, change: Change) -> tuple[Budget, RunState]:
    """Give a run another budget; if a budget had paused it and none does any more, queue it again.

    Args:
        database: where.
        run_id: the run.
        change: makes the new budget from the one it has.

    Returns:
        The new budget, and the state that the run is in then.

    Raises:
        UnknownRun: if there is no such run.
        StateConflict: if the run is over.
    """
    async with database.write() as connection:
        row = (await connection.execute(select(RunRow.__table__).where(RunRow.id == run_id).with_for_update())).first()
        if row is None or row.deleted_at is not None:
            raise UnknownRun(run_id)
        if row.state not in ("queued", "playing", "paused", "failed"):
            raise StateConflict(f"Run {run_id} is {row.state}: it spends nothing any more.")
        budget = change(Budget(tokens=row.budget_tokens, cost=row.budget_cost))
        await connection.execute(
            update(RunRow).where(RunRow.id == run_id).values(budget_tokens=budget.tokens, budget_cost=budget.cost)
        )
        await add_log(connection, run_id, "budget", f"Budget: {in_words(budget)}.")
        shared, together = NO_BUDGET, Spent()
        if row.experiment_id is not None:
            shared = await _experiment_budget(connection, row.experiment_id)
            together, _ = await spent_together(connection, row.experiment_id)
        spent = spent_by(row)
        if _held_by_budget(row) and spent.reaches(budget):
            # The sentence that stands there names the budget of before.
            used = f"{spent.tokens:,} tokens, {dollars(spent.cost)}"
            said = f"The budget of {in_words(budget)} is used up as well ({used} used). Raise it further, then resume."
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(reason=said))
        if not _held_by_budget(row) or spent.reaches(budget) or together.reaches(shared):
            state: RunState = row.state
            return budget, state
        await queue_again(connection, run_id, "Queued again: the budget was changed.")
        return budget, "queued"


async def change_experiment_budget(database: Database, experiment_id: str, change: Change) -> tuple[Budget, list[str]]:
    """Give an experiment another budget, and queue its runs again that a budget had paused and none does any more.

    Args:
        database: where.
        experiment_id: the experiment.
        change: makes the new budget from the one it has.

    Returns:
        The new budget, and the ids of the runs that were queued again.

    Raises:
        UnknownExperiment: if there is no such experiment.
    """
    async with database.write() as connection:
        budget = change(await _experiment_budget(connection, experiment_id, lock=True))
        await connection.execute(
            update(ExperimentRow)
            .where(ExperimentRow.id == experiment_id)
            .values(budget_tokens=budget.tokens, budget_cost=budget.cost)
        )
        together, _ = await spent_together(connection, experiment_id)
        if together.reaches(budget):
            return budget, []
        held = (
            await connection.execute(
                select(RunRow.__table__)
                .where(
                    RunRow.experiment_id == experiment_id,
                    RunRow.state == "paused",
                    RunRow.reason_kind == PAUSED_BY_BUDGET,
                )
                .order_by(RunRow.created_at, RunRow.id)
                .with_for_update()
            )
        ).all()
        freed = [
            row.id for row in held if not spent_by(row).reaches(Budget(tokens=row.budget_tokens, cost=row.budget_cost))
        ]
        for run_id in freed:
            await queue_again(connection, run_id, "Queued again: the experiment's budget was changed.")
        return budget, freed


async def wake_paused_by_day(database: Database, day: date, daily: Budget) -> list[str]:
    """Queue again what an earlier day's budget had paused, if this *day* has something left; return the ids."""
    async with database.read() as connection:
        waiting = [
            (table, (await connection.execute(select(table.id).where(*_held_by_day(table)))).scalars().all())
            for table in (RunRow, SubskillRunRow)
        ]
    if not any(ids for _, ids in waiting) or (await spent_on(database, day)).reaches(daily):
        return []
    async with database.write() as connection:
        runs, tests = [
            list(
                (
                    await connection.execute(
                        select(table.id).where(table.id.in_(ids), *_held_by_day(table)).with_for_update()
                    )
                ).scalars()
            )
            for table, ids in waiting
        ]
        for run_id in runs:
            await queue_again(connection, run_id, "Queued again: the day's budget has something left.")
        if tests:
            await connection.execute(
                update(SubskillRunRow)
                .where(SubskillRunRow.id.in_(tests))
                .values(state="queued", reason=None, reason_kind=None, fruitless=0)
            )
        return [*runs, *tests]


def in_words(budget: Budget) -> str:
    """Say what may be spent: "200,000 tokens", "$2.50", "200,000 tokens or $2.50", "no limit"."""
    parts = [] if budget.tokens is None else [f"{budget.tokens:,} tokens"]
    parts += [] if budget.cost is None else [dollars(budget.cost)]
    return " or ".join(parts) or "no limit"


def dollars(amount: float) -> str:
    """Write US dollars: cents, and two digits of what is below ten of them."""
    if amount >= 0.1 or amount == 0:
        return f"${amount:,.2f}"
    return f"${amount:.2g}" if amount >= 0.0001 else "<$0.0001"


def _held_by_budget(row: Any) -> bool:
    return bool(row.state == "paused" and row.reason_kind == PAUSED_BY_BUDGET)


def _held_by_day(table: Any) -> tuple[Any, ...]:
    return table.state == "paused", table.reason_kind == PAUSED_BY_DAY


async def _experiment_budget(connection: Any, experiment_id: str, *, lock: bool = False) -> Budget:
    query = select(ExperimentRow.budget_tokens, ExperimentRow.budget_cost).where(ExperimentRow.id == experiment_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise UnknownExperiment(experiment_id)
    return Budget(tokens=row.budget_tokens, cost=row.budget_cost)
