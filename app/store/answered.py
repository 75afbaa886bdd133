"""Who answered in runs: the models' revisions as endpoints told them, and whether any guessed ahead."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.models.decoding import STORED
from app.store.connect import Database
from app.store.records import RunRecord
from app.store.tables import CallRow


@dataclass(frozen=True)
class Answerer:
    """A model by the name that calls ask for, a revision that it told, and whether it drafted tokens (LayerSkip)."""

    model: str
    revision: str | None
    drafted: bool


async def answerers(database: Database, runs: Sequence[RunRecord]) -> list[Answerer]:
    """Return who answered in *runs*, sorted, judged by the harvests of their first and last month."""
    keys = {
        f"{month}/harvest/{agent}/harvest//1"
        for run in runs
        for month in {1, run.months_played}
        for agent in run.episode.names
    }
    query = (
        select(CallRow.model, CallRow.model_revision, CallRow.decoding)
        .where(CallRow.run_id.in_([run.id for run in runs]), CallRow.key.in_(sorted(keys)))
        .distinct()
    )
    found: set[tuple[str, str, bool]] = set()
    async with database.read() as connection:
        for row in await connection.execute(query):
            decoding = STORED.validate_python(row.decoding)
            found.add((row.model, row.model_revision or "", bool(decoding and decoding.draft_length)))
    return [Answerer(model, revision or None, drafted) for model, revision, drafted in sorted(found)]
