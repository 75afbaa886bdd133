"""A database that does not answer for a while: how it is told from other errors, and waiting until it is back."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

PATIENCE_S = 300.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 3.0

# SQLSTATE classes and codes after which the same transaction may succeed: connection lost, resources, server shut down
# or starting, deadlock.
_MENDING = ("08", "57P", "53300", "40001", "40P01", "25P03", "25P04")
_FULL = "53100"

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")

log = structlog.get_logger()


def is_full(error: BaseException) -> bool:
    """Tell whether *error* says that the disk, or the database file's allowance, is full."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    return getattr(error.orig, "sqlstate", None) == _FULL or "is full" in str(error.orig)


def is_outage(error: BaseException) -> bool:
    """Tell whether *error* says that the database cannot be had at the moment, and may be soon."""
    if isinstance(error, PoolTimeout | ConnectionError | InterfaceError):
        return True
    if not isinstance(error, DBAPIError) or is_full(error):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return says_mending(str(state))
    text = str(error.orig)
    if text.startswith("database "):
        # SQLite: somebody else has held the write lock for longer than we wait in one go.
        return "is locked" in text or "is busy" in text
    # PostgreSQL's driver: an error without a state is one of the connection.
    return isinstance(error, OperationalError) and type(error.orig).__module__.startswith("psycopg")


def says_mending(state: str) -> bool:
    """Tell whether the SQLSTATE *state* says that the same may succeed soon."""
    return state.startswith(_MENDING)


async def patiently(
    step: Callable[[], Awaitable[T]], what: str, *, patience_s: float = PATIENCE_S, sleep: Sleep = asyncio.sleep
) -> T:
    """Do *step*, again and again while the database does not answer, for *patience_s* seconds; return its result.

    *what* goes on in the log after "the database does not answer". The last error is raised when patience is over;
    others at once.
    """
    began: float | None = None
    wait_s = FIRST_WAIT_S
    while True:
        try:
            done = await step()
        except Exception as error:
            if not is_outage(error):
                raise
            if began is None:
                began = monotonic()
                log.warning("the database does not answer", what=what, error=in_short(error))
            elif monotonic() - began > patience_s:
                raise
            await sleep(wait_s * random.uniform(0.7, 1.3))
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            if began is not None:
                log.info("the database answers again", what=what, seconds=round(monotonic() - began, 1))
            return done


def seen_through(error: BaseException) -> BaseException:
    """Return the driver's error where the queue's library wrapped it in one that says nothing, else *error* itself."""
    while type(error).__module__.startswith("procrastinate.") and error.__cause__ is not None:
        error = error.__cause__
    return error


def in_short(error: BaseException) -> str:
    """Return what the driver said, in a line, without statement and parameters."""
    error = seen_through(error)
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
