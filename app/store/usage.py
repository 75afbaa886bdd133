"""What endpoints were asked by all processes together: totals that only grow, and minutes for the last day.

Processes add their counts with each report. Nothing has to be reached on another machine to see them all, and the
totals outlive the processes that made them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select

from app.models.meter import LATENCY_BOUNDS_MS, EndpointUse
from app.store.clock import database_now
from app.store.connect import Database
from app.store.tables import EndpointMinuteRow, EndpointTotalRow
from app.store.upsert import insert_into

KEPT_FOR = timedelta(days=1)


class EndpointTotals(BaseModel):
    """All requests ever made to an endpoint: by outcome, and the answered ones by latency.

    `latencies` has one number a class of `LATENCY_BOUNDS_MS`, and a last one for what took longer.
    """

    endpoint: str
    outcomes: dict[str, int]
    latencies: list[int]
    latency_ms: int


class Minute(BaseModel):
    """What happened in one minute, all endpoints or one; cost in US dollars of the calls with a known price."""

    model_config = ConfigDict(from_attributes=True)

    minute: datetime
    answered: int
    failed: int
    latency_ms: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    unpriced: int


async def add_use(database: Database, endpoints: Mapping[str, EndpointUse]) -> None:
    """Add one process's counts to those of all."""
    totals = [
        {"endpoint": endpoint, "measure": measure, "value": value}
        for endpoint, use in sorted(endpoints.items())
        for measure, value in sorted(_measures(use).items())
    ]
    if not totals:
        return
    async with database.write(quiet=True) as connection:
        present: datetime = (await connection.execute(select(database_now()))).scalar_one()
        minute = present.replace(second=0, microsecond=0)
        minutes = [_minute(endpoint, minute, use) for endpoint, use in sorted(endpoints.items())]
        for table, rows, keys in (
            (EndpointTotalRow, totals, ("endpoint", "measure")),
            (EndpointMinuteRow, minutes, ("endpoint", "minute")),
        ):
            statement = insert_into(connection, table)
            grown = {name: getattr(table, name) + statement.excluded[name] for name in rows[0] if name not in keys}
            await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=grown), rows)
        await connection.execute(delete(EndpointMinuteRow).where(EndpointMinuteRow.minute < minute - KEPT_FOR))


async def endpoint_totals(database: Database) -> list[EndpointTotals]:
    """Return what was ever asked of each endpoint, by name."""
    query = select(EndpointTotalRow).order_by(EndpointTotalRow.endpoint, EndpointTotalRow.measure)
    found: dict[str, EndpointTotals] = {}
    async with database.read() as connection:
        for row in await connection.execute(query):
            nothing = EndpointTotals(
                endpoint=row.endpoint, outcomes={}, latencies=[0] * (len(LATENCY_BOUNDS_MS) + 1), latency_ms=0
            )
            totals = found.setdefault(row.endpoint, nothing)
            kind, _, name = row.measure.partition(":")
            if kind == "outcome":
                totals.outcomes[name] = row.value
            elif kind == "within_ms":
                totals.latencies[_class_of(name)] += row.value
            elif kind == "latency_ms":
                totals.latency_ms = row.value
    return list(found.values())


async def minutes_since(database: Database, span: timedelta) -> tuple[datetime, list[tuple[str, Minute]]]:
    """Return the database's present minute, and (endpoint, minute) for what happened within *span* before its end."""
    async with database.read() as connection:
        present: datetime = (await connection.execute(select(database_now()))).scalar_one()
        minute = present.replace(second=0, microsecond=0)
        rows = await connection.execute(
            select(EndpointMinuteRow.__table__)
            .where(EndpointMinuteRow.minute > minute - span)
            .order_by(EndpointMinuteRow.minute, EndpointMinuteRow.endpoint)
        )
        return minute, [(row.endpoint, Minute.model_validate(row)) for row in rows]


def _measures(use: EndpointUse) -> dict[str, int]:
    counted = {f"outcome:{name[:30]}": count for name, count in use.outcomes.items()}
    counted |= {f"within_ms:{_name_of(index)}": count for index, count in use.latencies.items()}
    if use.latency_ms:
        counted["latency_ms"] = use.latency_ms
    return counted


def _minute(endpoint: str, minute: datetime, use: EndpointUse) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "minute": minute,
        "answered": use.outcomes["answered"],
        "failed": use.outcomes.total() - use.outcomes["answered"],
        "latency_ms": use.latency_ms,
        "prompt_tokens": use.prompt_tokens,
        "completion_tokens": use.completion_tokens,
        "cost": use.cost,
        "unpriced": use.unpriced,
    }


def _name_of(index: int) -> str:
    return str(LATENCY_BOUNDS_MS[index]) if index < len(LATENCY_BOUNDS_MS) else "longer"


def _class_of(name: str) -> int:
    """Return the class of a stored bound; a bound that is no longer one counts in the next that is."""
    if name == "longer":
        return len(LATENCY_BOUNDS_MS)
    return next((i for i, bound in enumerate(LATENCY_BOUNDS_MS) if bound >= int(name)), len(LATENCY_BOUNDS_MS))
