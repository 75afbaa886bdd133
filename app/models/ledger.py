"""Who keeps the accounts of the endpoints: this process for itself, or (app/store/permits.py) all of them together."""

import time
from math import inf
from typing import Protocol

from app.models.account import Account, Ask, Grant, Limits, settle


class LedgerDown(Exception):
    """The accounts cannot be reached now; asking again may help."""


class Ledger(Protocol):
    """Keeps the accounts."""

    async def settle(self, endpoint: str, limits: Limits, ask: Ask) -> Grant:
        """Tell what this process does at *endpoint*, and return what it may do.

        Raises:
            LedgerDown: the account could not be reached; whether the ask counts is not known.
        """
        ...


class LocalLedger:
    """Accounts in memory, for a process that shares its endpoints with no other."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    async def settle(self, endpoint: str, limits: Limits, ask: Ask) -> Grant:
        """Return what the limits allow."""
        account = self._accounts.get(endpoint, Account())
        self._accounts[endpoint], grant = settle(account, "here", limits, ask, uptime(), inf)
        return grant


def uptime() -> float:
    """Return seconds of a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
