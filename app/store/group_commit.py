"""One transaction for what several runs have to write at the same moment.

A commit waits for the disk, and on SQLite for its turn. With two hundred runs in a process that would be a queue of
hundreds of commits a second; so whatever comes while a transaction is under way shares the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

Work = Callable[[AsyncConnection], Awaitable[None]]
"""Statements of one run. It may be done again after a rollback, and must give the same rows each time."""

MOST = 100
"""Works in one transaction: if one of them fails, the others are done again."""


class _Part(NamedTuple):
    name: str
    work: Work
    done: asyncio.Future[None]


class GroupCommit:
    """Transactions that are shared by whoever has something to write."""

    def __init__(self, write: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        self._write = write
        self._waiting: list[_Part] = []
        self._task: asyncio.Task[None] | None = None

    async def commit(self, name: str, work: Work) -> None:
        """Do *work* in a transaction and return when it is committed.

        Works of one transaction are done in the order of their *name*, the run they belong to, so that processes lock
        rows in one order. If a work raises, nothing of the transaction is kept and the others are done again without
        it: one run's trouble stays its own.

        Raises:
            Exception: what *work* raised, or what the database said to the beginning or end of the transaction.
        """
        part = _Part(name, work, asyncio.get_running_loop().create_future())
        self._waiting.append(part)
        if self._task is None:
            # In a context of its own: it works for all runs, and its lines are not those of the one that came first.
            self._task = asyncio.create_task(self._commit_all(), name="group commit", context=Context())
        await part.done

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._commit_group(sorted(group, key=lambda part: part.name))
        finally:
            self._task = None

    async def _commit_group(self, group: list[_Part]) -> None:
        # Nobody would learn what became of the rows of somebody who has been cancelled and waits no longer.
        while group := [part for part in group if not part.done.done()]:
            working: _Part | None = None
            try:
                async with self._write() as connection:
                    for working in group:
                        await working.work(connection)
                    working = None
            except Exception as error:
                for part in [working] if working else group:
                    if not part.done.done():
                        part.done.set_exception(error)
            else:
                for part in group:
                    if not part.done.done():
                        part.done.set_result(None)
