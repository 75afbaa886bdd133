"""What models answered, as far as telling runs apart needs it: who answered, and whether two runs' answers are equal.

Structural keys make this cheap: a few calls are read by their key, and all completions only where runs look alike.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.store.codec import unpack
from app.store.connect import Database
from app.store.records import RunRecord
from app.store.tables import CallRow


@dataclass(frozen=True)
class Origin:
    """A run's first and last harvest answers: a digest of the first month's, and the model revisions that answered."""

    first: str
    revisions: tuple[str, ...]


async def origins(database: Database, runs: Sequence[RunRecord]) -> dict[str, Origin]:
    """Return where the answers of *runs* came from, judged by the harvests of their first and last month."""
    keys = {
        f"{month}/harvest/{agent}/harvest//1"
        for run in runs
        for month in {1, run.months_played}
        for agent in run.episode.names
    }
    query = (
        select(CallRow.run_id, CallRow.key, CallRow.month, CallRow.completion, CallRow.model_revision)
        .where(CallRow.run_id.in_([run.id for run in runs]), CallRow.key.in_(sorted(keys)))
        .order_by(CallRow.run_id, CallRow.key)
    )
    texts: dict[str, list[str]] = {run.id: [] for run in runs}
    revisions: dict[str, set[str]] = {run.id: set() for run in runs}
    async with database.read() as connection:
        for row in await connection.execute(query):
            if row.month == 1 and row.completion:
                texts[row.run_id].append(f"{row.key}\n{unpack(row.completion)}")
            if row.model_revision:
                revisions[row.run_id].add(row.model_revision)
    return {run.id: Origin(_digest(texts[run.id]), tuple(sorted(revisions[run.id]))) for run in runs}


async def completion_digests(database: Database, run_ids: Sequence[str]) -> dict[str, str]:
    """Return a SHA-256 of all completions of each run, with the keys they answered."""
    found: dict[str, str] = {}
    async with database.read() as connection:
        for run_id in run_ids:
            query = select(CallRow.key, CallRow.completion).where(CallRow.run_id == run_id).order_by(CallRow.key)
            rows = await connection.execute(query)
            # Packing is a function of the text alone, so equal bytes are equal texts.
            sha = hashlib.sha256()
            for row in rows:
                sha.update(row.key.encode() + b"\n" + (row.completion or b"") + b"\0")
            found[run_id] = sha.hexdigest()
    return found


def _digest(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
