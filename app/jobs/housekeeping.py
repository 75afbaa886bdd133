"""What a worker does once an hour beside its runs: it follows the retention rule that the settings name.

Every worker does; a run that one of them has looked after is nothing to the others (`app.store.retention`).
"""

import asyncio
from datetime import timedelta

import structlog

from app.store.connect import Database
from app.store.retention import Rule, apply

EVERY_S = 3600.0

log = structlog.get_logger()


async def keep_house(database: Database, keep_prompts: timedelta | None, stop: asyncio.Event) -> None:
    """Drop the prompts of runs that ended longer ago than *keep_prompts*, now and every hour until *stop* is set.

    A database that fails for a while is tried again an hour later.
    """
    if keep_prompts is None:
        return
    rule = Rule(what="prompts", older_than=keep_prompts)
    while not stop.is_set():
        try:
            await _follow(database, rule, stop)
        except Exception:
            log.exception("the retention rule could not be followed; it is tried again in an hour")
        try:
            await asyncio.wait_for(stop.wait(), EVERY_S)
        except TimeoutError:
            continue


async def _follow(database: Database, rule: Rule, stop: asyncio.Event) -> None:
    runs = size = 0
    async for dropped in apply(database, rule):
        runs, size = runs + 1, size + dropped.bytes
        if stop.is_set():
            break
    if runs:
        log.info("dropped prompts", rule=rule.days, runs=runs, bytes=size)
