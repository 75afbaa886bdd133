"""Imported runs: written whole, in one transaction, and never played."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import insert, select

from app.commons.config import EpisodeConfig
from app.commons.events import Event, event_json
from app.commons.metrics import EpisodeMetrics
from app.models.base import RecordedCall
from app.store.codec import SegmentBook, pack
from app.store.connect import Database
from app.store.recorder import call_values
from app.store.records import RunRecord
from app.store.runs import add_log, metric_columns, now, run_values
from app.store.tables import Base, CallRow, EventRow, RunRow, SegmentRow


class ForeignRun(BaseModel):
    """A run that was played elsewhere, ready to be stored.

    `source` is the folder it came from, `models` a label for lists, `seed` None where the log does not say, `view_only`
    why the paper's metrics do not apply, if they do not.
    """

    config: EpisodeConfig
    events: tuple[Event, ...]
    calls: tuple[RecordedCall, ...]
    metrics: EpisodeMetrics
    name: str
    models: str
    seed: int | None
    source: str
    log_sha256: str
    view_only: str | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()


async def imported_from(database: Database, source: str) -> str | None:
    """Return the id of the run imported from the folder *source*, or None."""
    async with database.read() as connection:
        row = (await connection.execute(select(RunRow.id).where(RunRow.source == source))).first()
    return None if row is None else row.id


async def imported_log(database: Database, log_sha256: str, name: str) -> str | None:
    """Return the id of a run imported from a folder of this name with this very log, wherever it lay, or None."""
    query = select(RunRow.id).where(RunRow.log_sha256 == log_sha256, RunRow.name == name).limit(1)
    async with database.read() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else row.id


async def equal_logs(database: Database, run: RunRecord) -> list[str]:
    """Return the ids of the other runs whose imported log is the same, byte for byte."""
    if run.log_sha256 is None:
        return []
    async with database.read() as connection:
        rows = await connection.execute(
            select(RunRow.id)
            .where(RunRow.log_sha256 == run.log_sha256, RunRow.id != run.id, RunRow.deleted_at.is_(None))
            .order_by(RunRow.created_at, RunRow.id)
        )
        return [row.id for row in rows]


async def store_foreign(database: Database, run: ForeignRun) -> str:
    """Store an imported run and return its id.

    Raises:
        sqlalchemy.exc.IntegrityError: if a run from the same folder is there already.
    """
    # Packing the texts of a long log takes a while: a web process goes on answering meanwhile.
    values, tables = await asyncio.to_thread(_rows, run)
    run_id: str = values["id"]
    async with database.write() as connection:
        await connection.execute(insert(RunRow).values(**values))
        for table, rows in tables:
            if rows:
                await connection.execute(insert(table), rows)
        await add_log(connection, run_id, "import", f"Imported from {run.source}.")
    return run_id


def _rows(run: ForeignRun) -> tuple[dict[str, Any], list[tuple[type[Base], list[dict[str, Any]]]]]:
    """Return the run's row, and the rows of the tables that hang on it."""
    values = run_values(run.config, state="interrupted" if run.interrupted else "finished")
    values |= metric_columns(run.metrics)
    book = SegmentBook()
    calls: Sequence[dict[str, object]] = [call_values(call, seq, book) for seq, call in enumerate(run.calls, 1)]
    run_id: str = values["id"]
    completions = [call.completion for call in run.calls if call.completion is not None]
    values |= {
        "origin": "imported",
        "name": run.name,
        "models": run.models[:400],
        "seed": run.seed,
        "ended_at": now(),
        "events": len(run.events),
        "calls": len(calls),
        "unpriced_calls": len(calls),
        "prompt_tokens": sum(item.prompt_tokens or 0 for item in completions),
        "completion_tokens": sum(item.completion_tokens or 0 for item in completions),
        "view_only": run.view_only,
        "source": run.source,
        "log_sha256": run.log_sha256,
        "notes": list(run.notes),
    }
    events = [
        {
            "run_id": run_id,
            "seq": seq,
            "month": event.month,
            "phase": event.phase,
            "kind": event.kind,
            "agent": event.agent,
            "payload": event_json(event),
        }
        for seq, event in enumerate(run.events, 1)
    ]
    segments = [{"run_id": run_id, "no": no, "text": pack(text)} for no, text in book.take_new()]
    call_rows = [{"run_id": run_id, **call} for call in calls]
    return values, [(SegmentRow, segments), (CallRow, call_rows), (EventRow, events)]
