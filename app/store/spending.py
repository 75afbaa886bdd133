"""What was spent: by a run, by an experiment, by everybody on a day. Written with the calls, in their transaction."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.money import Dollars
from app.store.records import Budget
from app.store.runs import UnknownRun
from app.store.tables import CallRow, ExperimentRow, RunRow, SubskillCallRow, UsageDayRow
from app.store.upsert import insert_into

COUNTS = ("calls", "prompt_tokens", "completion_tokens", "cost", "unpriced")


class Spent(BaseModel):
    """Calls and what they used. `cost` is in US dollars, of the priced calls alone; `unpriced` counts the others."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Dollars = 0.0
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """Tokens in and out together."""
        return self.prompt_tokens + self.completion_tokens

    def reaches(self, budget: Budget) -> bool:
        """Whether *budget* is used up."""
        return (budget.tokens is not None and self.tokens >= budget.tokens) or (
            budget.cost is not None and self.cost >= budget.cost
        )


class Ledger(BaseModel):
    """What decides whether a run may begin another month.

    Attributes:
        budget: of the run.
        run: what the run spent.
        uncounted: calls of the run whose tokens the endpoint did not tell; looked for only under a token budget.
        shared: the budget of the run's experiment; empty where it has none.
        experiment: what all runs of the experiment spent; nothing where it has no budget.
        runs: how many they are.
        today: what everybody spent today; nothing where the day has no budget.
        unpriced_today: calls of unknown price that the run itself made today.
    """

    model_config = ConfigDict(frozen=True)

    budget: Budget
    run: Spent
    uncounted: int
    shared: Budget
    experiment: Spent
    runs: int
    today: Spent
    unpriced_today: int


def used_by(rows: Sequence[Mapping[str, Any]]) -> Spent:
    """Return what calls used, from their column values."""
    return Spent(
        calls=len(rows),
        prompt_tokens=sum(row["prompt_tokens"] or 0 for row in rows),
        completion_tokens=sum(row["completion_tokens"] or 0 for row in rows),
        cost=sum(row["cost"] for row in rows if row["cost"] is not None),
        unpriced=sum(row["cost"] is None for row in rows),
    )


async def add_usage(connection: AsyncConnection, subject: str, day: date, used: Spent) -> None:
    """Add *used* to what *subject* (a run, or a run of subskill tests) has spent on *day*."""
    if not used.calls:
        return
    row = insert_into(connection, UsageDayRow).values(subject=subject, day=day.isoformat(), **used.model_dump())
    sums = {name: getattr(UsageDayRow, name) + row.excluded[name] for name in COUNTS}
    await connection.execute(row.on_conflict_do_update(index_elements=["day", "subject"], set_=sums))


async def spent_on(database: Database, day: date) -> Spent:
    """Return what everybody spent on *day* (UTC)."""
    async with database.read() as connection:
        return await _spent_on(connection, day)


async def uncounted_in_tests(database: Database, tests_id: str) -> int:
    """Return how many calls of a run of subskill tests came back without the number of their tokens."""
    async with database.read() as connection:
        return await _uncounted(connection, SubskillCallRow, tests_id)


async def spent_by_experiment(database: Database, experiment_id: str) -> Spent:
    """Return what all runs of an experiment spent."""
    async with database.read() as connection:
        return (await spent_together(connection, experiment_id))[0]


async def ledger(database: Database, run_id: str, day: date, daily: Budget) -> Ledger:
    """Return what a run, its experiment and, where there is a *daily* budget, everybody has spent by now.

    Raises:
        UnknownRun: if there is no such run.
    """
    async with database.read() as connection:
        query = (
            select(
                RunRow.__table__,
                ExperimentRow.budget_tokens.label("all_tokens"),
                ExperimentRow.budget_cost.label("all_cost"),
            )
            .join(ExperimentRow, ExperimentRow.id == RunRow.experiment_id, isouter=True)
            .where(RunRow.id == run_id)
        )
        row = (await connection.execute(query)).first()
        if row is None:
            raise UnknownRun(run_id)
        budget = Budget(tokens=row.budget_tokens, cost=row.budget_cost)
        shared = Budget(tokens=row.all_tokens, cost=row.all_cost)
        counted = any(limit.tokens is not None for limit in (budget, shared, daily))
        together, runs = await spent_together(connection, row.experiment_id) if shared else (Spent(), 0)
        return Ledger(
            budget=budget,
            run=spent_by(row),
            uncounted=await _uncounted(connection, CallRow, run_id) if counted else 0,
            shared=shared,
            experiment=together,
            runs=runs,
            today=await _spent_on(connection, day) if daily else Spent(),
            unpriced_today=await _unpriced_on(connection, run_id, day) if daily.cost is not None else 0,
        )


def spent_by(run: Any) -> Spent:
    """Return what a run (a record or a row of its table) spent."""
    return Spent(
        calls=run.calls,
        prompt_tokens=run.prompt_tokens,
        completion_tokens=run.completion_tokens,
        cost=run.cost or 0.0,
        unpriced=run.unpriced_calls,
    )


async def spent_together(connection: AsyncConnection, experiment_id: str) -> tuple[Spent, int]:
    """Return what the runs of an experiment spent, and how many they are."""
    columns = (RunRow.calls, RunRow.prompt_tokens, RunRow.completion_tokens, RunRow.cost, RunRow.unpriced_calls)
    sums = [func.coalesce(func.sum(column), 0) for column in columns]
    row = (await connection.execute(select(*sums, func.count()).where(RunRow.experiment_id == experiment_id))).one()
    *counts, runs = row
    return Spent(**dict(zip(COUNTS, counts, strict=True))), runs


async def _spent_on(connection: AsyncConnection, day: date) -> Spent:
    sums = [func.coalesce(func.sum(getattr(UsageDayRow, name)), 0) for name in COUNTS]
    row = (await connection.execute(select(*sums).where(UsageDayRow.day == day.isoformat()))).one()
    return Spent(**dict(zip(COUNTS, row, strict=True)))


async def _unpriced_on(connection: AsyncConnection, subject: str, day: date) -> int:
    query = select(UsageDayRow.unpriced).where(UsageDayRow.day == day.isoformat(), UsageDayRow.subject == subject)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def _uncounted(connection: AsyncConnection, table: type[CallRow | SubskillCallRow], subject: str) -> int:
    query = (
        select(func.count())
        .select_from(table)
        .where(table.run_id == subject, table.completion.is_not(None))
        .where(or_(table.prompt_tokens.is_(None), table.completion_tokens.is_(None)))
    )
    return (await connection.execute(query)).scalar_one()
