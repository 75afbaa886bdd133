"""What the runs of a model that are stored say about runs to come."""

from sqlalchemy import select

from app.store.connect import Database
from app.store.records import RunRecord
from app.store.tables import RunRow

LATEST = 20


async def finished_runs_of(database: Database, model: str) -> list[RunRecord]:
    """Return the latest finished runs of ours in which *model* alone decided for all agents, at most 20."""
    query = (
        select(RunRow.__table__)
        .where(RunRow.models == model, RunRow.state == "finished", RunRow.minds == "generative", RunRow.calls > 0)
        .order_by(RunRow.created_at.desc(), RunRow.id)
        .limit(LATEST)
    )
    async with database.read() as connection:
        return [RunRecord.model_validate(row) for row in await connection.execute(query)]
