"""How often a run's models were called and how their answers ended, counted by the database."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict
from sqlalchemy import case, func, select

from app.store.connect import Database
from app.store.records import CallSummary
from app.store.tables import CallRow


class CallCount(BaseModel):
    """Calls of one agent for one purpose whose answers ended the same way; `again` of them were re-asks."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    agent: str
    purpose: str
    finish_reason: str | None
    calls: int
    again: int


async def count_calls(database: Database, run_id: str) -> list[CallCount]:
    """Return the counts of a run's calls, in the order in which agents and purposes first appear."""
    again = func.sum(case((CallRow.attempt > 1, 1), else_=0))
    query = (
        select(CallRow.agent, CallRow.purpose, CallRow.finish_reason, func.count().label("calls"), again.label("again"))
        .where(CallRow.run_id == run_id)
        .group_by(CallRow.agent, CallRow.purpose, CallRow.finish_reason)
        .order_by(func.min(CallRow.seq))
    )
    async with database.read() as connection:
        return [CallCount.model_validate(row) for row in await connection.execute(query)]


def counted(calls: Iterable[CallSummary]) -> list[CallCount]:
    """Return the same counts of calls that are at hand."""
    found: dict[tuple[str, str, str | None], CallCount] = {}
    for call in calls:
        key = (call.agent, call.purpose, call.finish_reason)
        before = found.get(key) or CallCount(
            agent=call.agent, purpose=call.purpose, finish_reason=call.finish_reason, calls=0, again=0
        )
        found[key] = before.model_copy(update={"calls": before.calls + 1, "again": before.again + (call.attempt > 1)})
    return list(found.values())
