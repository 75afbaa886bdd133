"""The accounts of the endpoints, kept for all processes on the database: a row each, a small transaction an exchange.

Accounts count by a clock of their own. It starts with the database's time and then goes on by the uptime of whoever
exchanges, so that setting a clock, on any host, neither ends a lease early nor empties a window: a process that knows
what the account's clock showed, and how long ago by its own uptime, knows a time that is surely past.
"""

import os
import secrets
import socket
from dataclasses import replace
from typing import Any

import structlog
from pydantic import BaseModel
from sqlalchemy import Double, Select, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.models.account import MINUTE_S, Account, Ask, Grant, Limits, settle
from app.models.ledger import LedgerDown, uptime
from app.store.connect import Database
from app.store.tables import EndpointAccountRow
from app.store.upsert import insert_into

log = structlog.get_logger()


class _DatabaseSeconds(FunctionElement[float]):
    """The time of the machine the database runs on: seconds since 1970, to the millisecond or better."""

    type = Double()
    inherit_cache = True


@compiles(_DatabaseSeconds, "sqlite")
def _on_sqlite(element: _DatabaseSeconds, compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_DatabaseSeconds, "postgresql")
def _on_postgresql(element: _DatabaseSeconds, compiler: Any, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())::float8"


class SharedLedger:
    """The accounts as one process sees them; who is silent for *lease_s* seconds loses its places to the others."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._lease_s = lease_s
        self._seen: dict[str, tuple[float, float]] = {}
        self._down = False

    async def settle(self, endpoint: str, limits: Limits, ask: Ask) -> Grant:
        """Tell what this process does at *endpoint*, and return what it may do.

        Raises:
            LedgerDown: the database does not answer; whether the ask counts is not known.
        """
        try:
            async with self._database.write(quiet=True) as connection:
                account, wall = await _locked(connection, endpoint)
                here = uptime()
                now = self._now(endpoint, account, wall, here)
                account, grant = settle(account, self._holder, limits, ask, now, self._lease_s)
                account = account.model_copy(update={"wall": wall})
                await connection.execute(
                    update(EndpointAccountRow)
                    .where(EndpointAccountRow.name == endpoint)
                    .values(account=account.model_dump_json())
                )
        except (SQLAlchemyError, OSError) as error:
            if not self._down:
                log.warning("the limits of endpoints cannot be shared; no request starts", error=str(error)[:300])
            self._down = True
            raise LedgerDown(str(error)) from error
        self._down = False
        self._seen[endpoint] = (here, now)  # Only once it is committed.
        return replace(grant, at=here)

    def _now(self, endpoint: str, account: Account, wall: float, here: float) -> float:
        """Return what the account's clock shows: at least what it showed, and what this process knows has passed."""
        if endpoint in self._seen:
            seen_at, clock = self._seen[endpoint]
            return max(account.clock, clock + here - seen_at)
        return _clock(account, wall)


class EndpointUse(BaseModel):
    """What an endpoint is used for now, over all processes; at most about a second old. Times are in seconds.

    `limit` is the smallest `max_concurrency` among the processes that use it, None if none does.
    """

    name: str
    limit: int | None
    in_use: int
    waiting: int
    processes: int
    requests_last_minute: int
    tokens_last_minute: int
    quiet_s: float


async def endpoint_uses(database: Database) -> list[EndpointUse]:
    """Return the use of every endpoint that was ever asked, by name."""
    async with database.read() as connection:
        rows = (await connection.execute(_accounts())).all()
    uses = [_use(row.name, Account.model_validate_json(row.account), row.wall) for row in rows]
    return sorted(uses, key=lambda use: use.name)


def _use(name: str, account: Account, wall: float) -> EndpointUse:
    now = _clock(account, wall)
    holders = [holder for holder in account.holders.values() if holder.expires > now]
    requests, tokens = account.used(now - MINUTE_S)
    return EndpointUse(
        name=name,
        limit=min((holder.limit for holder in holders), default=None),
        in_use=sum(holder.in_use for holder in holders),
        waiting=sum(max(0, holder.needed - holder.in_use) for holder in holders),
        processes=len(holders),
        requests_last_minute=requests,
        tokens_last_minute=tokens,
        quiet_s=max(0.0, account.quiet_until - now),
    )


def _clock(account: Account, wall: float) -> float:
    """Return what the account's clock shows by the database's time, for who has not seen it before."""
    return account.clock + max(0.0, wall - account.wall)


def _accounts() -> Select[Any]:
    seconds: Any = _DatabaseSeconds()
    return select(EndpointAccountRow.name, EndpointAccountRow.account, seconds.label("wall"))


async def _locked(connection: AsyncConnection, endpoint: str) -> tuple[Account, float]:
    """Return the account, which nobody else reads for writing until the transaction ends, and the database's time."""
    query = _accounts().where(EndpointAccountRow.name == endpoint).with_for_update()
    row = (await connection.execute(query)).first()
    if row is None:
        new = insert_into(connection, EndpointAccountRow).values(name=endpoint, account=Account().model_dump_json())
        await connection.execute(new.on_conflict_do_nothing())
        row = (await connection.execute(query)).one()
    return Account.model_validate_json(row.account), row.wall
