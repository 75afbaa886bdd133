"""Keeps the search over all runs up to date, in each worker beside its runs and off their path."""

import asyncio
from contextlib import suppress

import structlog

from app.store.connect import Database
from app.store.outage import in_short, is_outage
from app.store.search_index import index_run, waiting

EVERY_S = 5.0

log = structlog.get_logger()


async def keep_indexing(database: Database, stop: asyncio.Event, every_s: float = EVERY_S) -> None:
    """Enter what is new of all runs, again and again until *stop* is set; what fails is tried again."""
    while not stop.is_set():
        try:
            await index_waiting(database, stop)
        except Exception as error:
            if is_outage(error):
                log.warning("runs are entered into the search later", error=in_short(error))
            else:
                log.exception("runs could not be entered into the search; it is tried again")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)


async def index_waiting(database: Database, stop: asyncio.Event | None = None) -> int:
    """Enter what is new of all runs, and return how many runs that were."""
    done = 0
    for run_id in await waiting(database):
        if stop is not None and stop.is_set():
            break
        done += await index_run(database, run_id)
    return done
