"""How the instance is doing, read at most every few seconds however many ask."""

import asyncio
from dataclasses import dataclass
from time import monotonic

from app.store.connect import Database
from app.store.instance import InstanceFigures, instance_figures
from app.store.usage import EndpointTotals, endpoint_totals
from app.store.workers import WorkerRecord, list_workers

FRESH_S = 2.0


@dataclass(frozen=True)
class InstanceView:
    """The instance at one moment: all runs, the workers, what endpoints were asked."""

    figures: InstanceFigures
    workers: list[WorkerRecord]
    endpoints: list[EndpointTotals]


class Instance:
    """Reads the instance's figures; those that ask within `FRESH_S` seconds share one reading."""

    def __init__(self, database: Database, fresh_s: float = FRESH_S) -> None:
        self._database = database
        self._fresh_s = fresh_s
        self._reading = asyncio.Lock()
        self._view: InstanceView | None = None
        self._read_at = 0.0

    async def view(self) -> InstanceView:
        """Return the instance as it is, or was a moment ago.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: if the database cannot be read.
        """
        async with self._reading:
            if self._view is None or monotonic() - self._read_at > self._fresh_s:
                self._view = InstanceView(
                    figures=await instance_figures(self._database),
                    workers=await list_workers(self._database),
                    endpoints=await endpoint_totals(self._database),
                )
                self._read_at = monotonic()
            return self._view
