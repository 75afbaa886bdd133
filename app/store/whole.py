"""A run's whole record, read at one moment: for playing it again, and for exports."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.commons.config import SamplingConfig
from app.commons.corrections import LimitCorrection
from app.commons.events import Event, parse_event
from app.models.base import CallKey, Completion, RecordedCall
from app.store.codec import unpack, unpack_messages
from app.store.connect import Database
from app.store.corrections import history_of
from app.store.recorder import completion_of
from app.store.records import CallSummary, RunRecord
from app.store.runs import UnknownRun
from app.store.tables import CallRow, EventRow, RunRow, SegmentRow


@dataclass(frozen=True)
class WholeRun:
    """A run with all its events (canonical JSON, in order), calls and corrections, as they were at one moment.

    Calls are kept packed; reading them is work for a thread where somebody waits.
    """

    run: RunRecord
    events: Sequence[str]
    rows: Mapping[str, Any]
    segments: Mapping[int, bytes]
    corrections: Sequence[LimitCorrection] = ()

    def parsed(self) -> list[Event]:
        """Return the events as values."""
        return [parse_event(text) for text in self.events]

    def calls(self) -> list[RecordedCall]:
        """Return the calls in the order they were recorded."""
        return [self._call(row) for row in self.rows.values()]

    def summaries(self) -> list[CallSummary]:
        """Return the calls without their texts, in the same order."""
        return [CallSummary.model_validate(row) for row in self.rows.values()]

    def call(self, key: str) -> RecordedCall | None:
        """Return one call, or None."""
        row = self.rows.get(key)
        return None if row is None else self._call(row)

    def answer(self, key: str) -> tuple[str, Completion] | None:
        """Return the request hash and the completion recorded under *key*, or None where there is no completion."""
        row = self.rows.get(key)
        return None if row is None or row.completion is None else (row.request_hash, completion_of(row))

    def _call(self, row: Any) -> RecordedCall:
        return RecordedCall(
            key=CallKey(**{name: getattr(row, name) for name in CallKey.model_fields}),
            model=row.model,
            request_hash=row.request_hash,
            messages=unpack_messages(row.request, _Texts(self.segments)),
            sampling=None if row.sampling is None else SamplingConfig.model_validate(json.loads(row.sampling)),
            completion=None if row.completion is None else completion_of(row),
            cost=row.cost,
        )


class _Texts(dict[int, str]):
    """Segments by number, unpacked when they are asked for."""

    def __init__(self, packed: Mapping[int, bytes]) -> None:
        super().__init__()
        self._packed = packed

    def __missing__(self, number: int) -> str:
        return unpack(self._packed[number])


async def read_whole(database: Database, run_id: str) -> WholeRun:
    """Return the whole record of a run.

    Raises:
        UnknownRun: if there is none of this id.
    """
    # One connection: what it sees is one state, also of a run that is being played.
    async with database.read() as connection:
        row = (await connection.execute(select(RunRow.__table__).where(RunRow.id == run_id))).first()
        if row is None:
            raise UnknownRun(run_id)
        events = await connection.execute(
            select(EventRow.payload).where(EventRow.run_id == run_id).order_by(EventRow.seq)
        )
        calls = await connection.execute(
            select(CallRow.__table__).where(CallRow.run_id == run_id).order_by(CallRow.seq)
        )
        segments = await connection.execute(select(SegmentRow.no, SegmentRow.text).where(SegmentRow.run_id == run_id))
        corrections = await history_of(connection, [run_id])
        return WholeRun(
            run=RunRecord.model_validate(row),
            events=[event.payload for event in events],
            rows={call.key: call for call in calls},
            segments={segment.no: segment.text for segment in segments},
            corrections=[correction for _, correction in corrections],
        )
