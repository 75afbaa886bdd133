"""Corrections of agreed limits: versions beside the record, named and never changed. Events stay as they are."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.commons.corrections import MOST, LimitCorrection, in_force
from app.commons.events import Agreed, parse_event
from app.store.connect import Database
from app.store.runs import UnknownRun, add_log, now
from app.store.tables import CorrectionRow, EventRow, RunRow

NAMES = tuple(LimitCorrection.model_fields)


class CorrectionRefused(ValueError):
    """A correction that cannot be made; `fields` says what is wrong with which part of it."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


class CorrectionConflict(Exception):
    """Somebody else corrected the same limit meanwhile."""


class CorrectionIn(BaseModel):
    """What somebody says about the limit agreed in the talk of a month."""

    model_config = ConfigDict(extra="forbid")

    month: int = Field(ge=1, le=10_000)
    limit: int | None = Field(default=None, ge=0, le=MOST, description="units each; null: no limit was agreed")
    withdraw: bool = Field(default=False, description="take corrections back: what the record says stands again")
    author: str = Field(min_length=1, max_length=100, description="who says so")
    note: str | None = Field(default=None, max_length=1000, description="why")
    version: int = Field(
        ge=0, description="the last version that is known, 0 for none: another one since is a conflict"
    )

    @field_validator("author", "note", mode="before")
    @classmethod
    def trimmed(cls, value: object) -> object:
        """Leave out spaces around a text; a note of nothing else is none."""
        return value.strip() if isinstance(value, str) else value


async def add_correction(database: Database, run_id: str, wish: CorrectionIn) -> LimitCorrection:
    """Add a version to what is said about an agreed limit and return it.

    Raises:
        UnknownRun: if there is no such run.
        CorrectionRefused: if the talk of that month was not searched for a limit, or the same stands already.
        CorrectionConflict: if there is a later version than the one *wish* knows.
    """
    async with database.write() as connection:
        # Whoever corrects the same run waits here, so versions have no gaps and no doubles.
        if (await connection.execute(select(RunRow.id).where(RunRow.id == run_id).with_for_update())).first() is None:
            raise UnknownRun(run_id)
        read = await _read_limit(connection, run_id, wish.month)
        history = await history_of(connection, [run_id], wish.month)
        known = [item for _, item in history]
        if wish.version != len(known):
            raise CorrectionConflict("This limit was corrected meanwhile. Look at the latest version first.")
        standing = in_force(known)
        before = standing[0].limit if standing else read
        if wish.withdraw and not standing:
            raise CorrectionRefused({"withdraw": "There is no correction to take back."})
        if not wish.withdraw and wish.limit == before:
            raise CorrectionRefused({"limit": "This is what stands already."})
        made = LimitCorrection(
            month=wish.month,
            version=len(known) + 1,
            at=now(),
            author=wish.author,
            read=read,
            before=before,
            limit=read if wish.withdraw else wish.limit,
            withdrawn=wish.withdraw,
            note=wish.note or None,
        )
        await connection.execute(insert(CorrectionRow).values(run_id=run_id, **made.model_dump()))
        verb = "taken back" if made.withdrawn else "corrected"
        await add_log(connection, run_id, "correction", f"The limit agreed in month {made.month} was {verb}.")
    return made


async def list_corrections(database: Database, run_id: str) -> list[LimitCorrection]:
    """Return all versions of a run, by month and version."""
    return (await corrections_of(database, [run_id]))[run_id]


async def corrections_of(database: Database, run_ids: Sequence[str]) -> dict[str, list[LimitCorrection]]:
    """Return all versions of several runs, by month and version: what a comparison judges by."""
    found: dict[str, list[LimitCorrection]] = {run_id: [] for run_id in run_ids}
    async with database.read() as connection:
        for run_id, item in await history_of(connection, run_ids):
            found[run_id].append(item)
    return found


async def history_of(
    connection: AsyncConnection, run_ids: Sequence[str], month: int | None = None
) -> list[tuple[str, LimitCorrection]]:
    """Return (run, version) of all that is said about these runs, by run, month and version."""
    query = (
        select(CorrectionRow.__table__)
        .where(CorrectionRow.run_id.in_(run_ids))
        .order_by(CorrectionRow.run_id, CorrectionRow.month, CorrectionRow.version)
    )
    if month is not None:
        query = query.where(CorrectionRow.month == month)
    rows = await connection.execute(query)
    return [(row.run_id, LimitCorrection.model_validate({name: getattr(row, name) for name in NAMES})) for row in rows]


async def _read_limit(connection: AsyncConnection, run_id: str, month: int) -> int | None:
    """Return the limit that the record holds for the talk of *month*."""
    query = select(EventRow.payload).where(
        EventRow.run_id == run_id, EventRow.kind == "agreed", EventRow.month == month
    )
    row = (await connection.execute(query)).first()
    event = parse_event(row.payload) if row else None
    if not isinstance(event, Agreed):
        raise CorrectionRefused({"month": f"The talk of month {month} was not searched for a limit."})
    return event.limit
