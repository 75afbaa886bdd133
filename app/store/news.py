"""Tells the waiting parts of a process that somebody, in whatever process, has written to the database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.store.connect import Database, DatabaseError

INTERVAL_S = 0.2
PAUSE_AFTER_ERROR_S = 1.0

log = structlog.get_logger()


class News:
    """`number` grows with what is written; `wait` returns when it has grown."""

    def __init__(self) -> None:
        self.number = 0
        self._grown = asyncio.Event()

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when there is news since number *seen*, or after *seconds*."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.number == seen:
                    await self._grown.wait()

    def tell(self) -> None:
        """Wake everybody who waits."""
        self.number += 1
        self._grown.set()
        self._grown = asyncio.Event()


@contextlib.asynccontextmanager
async def news_of(database: Database) -> AsyncIterator[News]:
    """Give the news of *database* for as long as the block runs; a lost connection counts as news once it is back."""
    news = News()
    listening = asyncio.create_task(_listen(database, news), name="news of the database")
    try:
        yield news
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(database: Database, news: News) -> None:
    while True:
        try:
            async with database.changes() as changed:
                while True:
                    if await changed():
                        news.tell()
                    await asyncio.sleep(INTERVAL_S)
        except (SQLAlchemyError, DatabaseError, OSError) as error:
            log.warning("the database tells no news", error=type(error).__name__)
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)
