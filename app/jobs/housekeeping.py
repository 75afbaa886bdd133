"""What a worker does once an hour beside its runs: it removes for good what was deleted a week ago or is too old.

What is too old says the retention rule that the settings name. Every worker does this; a run that one of them has
looked after is nothing to the others.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from app.store.connect import Database
from app.store.controls import StateConflict
from app.store.retention import Rule, apply, drop_unused_prompt_sets
from app.store.runs import UnknownRun
from app.store.shelf import KEPT_FOR, due_for_purge, purge, purge_empty_experiments

EVERY_S = 3600.0

log = structlog.get_logger()


async def keep_house(database: Database, keep_prompts: timedelta | None, stop: asyncio.Event) -> None:
    """Purge what was deleted a week ago, and drop the prompts of runs that ended longer ago than *keep_prompts*.

    That happens now and every hour until *stop* is set. A database that fails for a while is tried again an hour later.
    """
    while not stop.is_set():
        try:
            await purge_old(database, stop=stop)
            if keep_prompts is not None:
                await _follow(database, Rule(what="prompts", older_than=keep_prompts), stop)
        except Exception:
            log.exception("what is old could not be removed; it is tried again in an hour")
        try:
            await asyncio.wait_for(stop.wait(), EVERY_S)
        except TimeoutError:
            continue


async def purge_old(
    database: Database, older_than: timedelta = KEPT_FOR, *, stop: asyncio.Event | None = None
) -> list[str]:
    """Remove for good what was deleted longer ago than *older_than*, until *stop* is set; return the runs' ids."""
    purged = []
    for run_id in await due_for_purge(database, older_than):
        if stop is not None and stop.is_set():
            break
        # Another worker may have been faster, or its owner brought it back.
        with suppress(UnknownRun, StateConflict):
            await purge(database, run_id)
            purged.append(run_id)
    await purge_empty_experiments(database, older_than)
    if purged:
        await drop_unused_prompt_sets(database)
        log.info("removed deleted runs for good", runs=len(purged))
    return purged


async def _follow(database: Database, rule: Rule, stop: asyncio.Event) -> None:
    runs = size = 0
    async for dropped in apply(database, rule):
        runs, size = runs + 1, size + dropped.bytes
        if stop.is_set():
            break
    if runs:
        log.info("dropped prompts", rule=rule.days, runs=runs, bytes=size)
