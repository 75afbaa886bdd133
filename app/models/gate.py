"""The gate before one endpoint: requests of this process start here, in the order in which they came.

The gate holds places that the ledger granted, and lets requests through them without asking anybody. One task beside
it, the keeper, exchanges with the ledger: at once when requests wait that an answer may let through, else once a second
while the endpoint is in use, to keep the lease and to hear what other processes need.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from itertools import islice

from app.models.account import AT_A_TIME, SOON_S, USE_WITHIN_S, Ask, Grant, Limits, Spent, charge_for
from app.models.ledger import Ledger, LedgerDown, uptime

RENEW_S = 1.0
LINGER_S = 5.0
"""How long places are kept after they were last needed: bursts follow each other."""
NOW = -1
"""The bucket of what counts from when it is told."""


@dataclass(slots=True)
class Permit:
    """The right to make one request. `tokens` is what it was charged; `used` what it took, once that is known."""

    bucket: int
    tokens: int
    used: int | None = None


@dataclass(frozen=True, slots=True)
class _Charge:
    """A start that is paid for and not made yet."""

    bucket: int
    tokens: int
    until: float


class Gate:
    """Lets at most so many requests through to *endpoint* as *ledger* grants this process.

    Use it within one event loop; `aclose` gives everything back.
    """

    def __init__(self, endpoint: str, limits: Limits, ledger: Ledger, clock: Callable[[], float] = uptime) -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._ledger = ledger
        self._clock = clock
        self._queue: OrderedDict[asyncio.Future[Permit], int] = OrderedDict()
        self._in_use = 0
        self._slots = self._fair = 0
        self._valid_until = self._quiet_until = self._retry_at = 0.0
        self._charges: deque[_Charge] = deque()
        self._peak = _Peak()
        self._spent: dict[int, tuple[int, int]] = {}
        self._quiet_s = 0.0
        self._sated = True  # whether the last answer gave all that was needed
        self._keeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._renew_s = RENEW_S
        self._closing = False

    @asynccontextmanager
    async def take(self, tokens: int = 0) -> AsyncIterator[Permit]:
        """Wait for a place and, where there are rates, a start; hold the place inside the block.

        Args:
            tokens: how many the request will probably take. Tell what it took in the permit's `used`.
        """
        permit = await self._enter(tokens)
        try:
            yield permit
        finally:
            self._leave(permit)

    def quiet(self, seconds: float) -> None:
        """Start nothing for so long, here and in all processes: the endpoint asked to be left alone."""
        if seconds > 0:
            self._quiet_until = max(self._quiet_until, self._clock() + seconds)
            self._quiet_s = max(self._quiet_s, seconds)
            self._call_keeper()

    def reason(self) -> str:
        """Return why requests wait now, as the end of a sentence."""
        quiet_s = self._quiet_until - self._clock()
        if quiet_s > 0:
            return f"it asked to be left alone for {quiet_s:.0f} s more"
        if self._limits.rated and self._in_use < min(self._slots, self._fair):
            return "its rate limit is used up for now"
        return f"all {self._limits.max_concurrency} requests it may have at once are taken"

    async def aclose(self) -> None:
        """Give all places back; requests that still wait are cancelled."""
        self._closing = True
        for waiter in self._queue:
            waiter.cancel()
        if self._keeper is not None:
            self._wake.set()
            await self._keeper

    # ------------------------------------------------------------ requests

    async def _enter(self, tokens: int) -> Permit:
        if not self._queue and (permit := self._start()) is not None:
            return permit
        waiter: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        self._queue[waiter] = charge_for(tokens, self._limits)
        self._peak.see(self._needed, self._clock())
        self._call_keeper()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._queue.pop(waiter, None)
            elif waiter.exception() is None:
                permit = waiter.result()
                self._spend(permit.bucket, -1, -permit.tokens)
                self._leave(permit)
            raise

    def _start(self) -> Permit | None:
        """Take a place, and a start where that takes one; None if there is none."""
        now = self._clock()
        if self._in_use >= min(self._slots, self._fair) or now >= self._valid_until or now < self._quiet_until:
            return None
        if not self._limits.rated:
            permit = Permit(NOW, 0)
            self._spend(NOW, 1, 0)
        elif (charge := self._next_charge(now)) is not None:
            permit = Permit(charge.bucket, charge.tokens)
        else:
            return None
        self._in_use += 1
        self._peak.see(self._needed, now)
        return permit

    def _leave(self, permit: Permit) -> None:
        self._in_use -= 1
        if permit.used is not None:
            over = permit.used - permit.tokens
            self._spend(NOW if over > 0 else permit.bucket, 0, over)
        self._admit()
        if self._queue or self._keeps < self._slots:
            self._call_keeper()

    def _admit(self) -> None:
        """Let those who wait through, first come first served, as far as there are places and starts."""
        while self._queue:
            waiter = next(iter(self._queue))
            if not waiter.done():
                if (permit := self._start()) is None:
                    return
                waiter.set_result(permit)
            del self._queue[waiter]

    def _next_charge(self, now: float) -> _Charge | None:
        self._return_lapsed(now)
        return self._charges.popleft() if self._charges else None

    def _return_lapsed(self, now: float) -> None:
        while self._charges and now >= self._charges[0].until:
            charge = self._charges.popleft()
            self._spend(charge.bucket, -1, -charge.tokens)

    def _spend(self, bucket: int, requests: int, tokens: int) -> None:
        if requests or tokens:
            before = self._spent.get(bucket, (0, 0))
            self._spent[bucket] = (before[0] + requests, before[1] + tokens)

    @property
    def _needed(self) -> int:
        return self._in_use + len(self._queue)

    @property
    def _keeps(self) -> int:
        """The places this process goes on using: those beyond its fair share go as their requests end."""
        return max(self._in_use, min(self._slots, self._fair))

    # ------------------------------------------------------------ the keeper

    def _call_keeper(self) -> None:
        """See to it that the ledger is asked, now if an answer can let somebody through."""
        if self._keeper is None:
            # In a context of its own: it outlives the run that asked first, and its lines are not that run's.
            self._keeper = asyncio.create_task(self._keep(), name=f"gate {self._endpoint}", context=Context())
        if self._worth_asking(self._clock()):
            self._wake.set()

    def _worth_asking(self, now: float) -> bool:
        if self._quiet_s > 0 or self._keeps < self._slots:
            return True
        if not self._queue or now < self._quiet_until:
            return False
        if self._in_use < min(self._slots, self._fair):
            return now >= self._valid_until or (self._limits.rated and now >= self._retry_at)
        return self._sated and self._slots < self._limits.max_concurrency

    async def _keep(self) -> None:
        """Exchange with the ledger until nothing is under way, waiting or kept."""
        try:
            while await self._exchange():
                self._admit()
                if not self._worth_asking(self._clock()):
                    await self._pause()
        except Exception as error:
            for waiter in self._queue:
                if not waiter.done():
                    waiter.set_exception(error)
            self._queue.clear()
            self._slots = 0
        finally:
            self._keeper = None

    async def _exchange(self) -> bool:
        """Ask once; return whether to go on."""
        self._wake.clear()
        ask = self._ask(self._clock())
        leaving = ask.keeps == ask.needed == 0
        if leaving:
            self._slots = 0  # Who comes now waits for the next exchange.
        try:
            grant = await self._ledger.settle(self._endpoint, self._limits, ask)
        except LedgerDown:
            # What was to be given back may be given back already: better once too little than twice.
            for entry in ask.spent:
                self._spend(NOW, max(0, entry.requests), max(0, entry.tokens))
            self._quiet_s = max(self._quiet_s, ask.quiet_s)
            if not self._closing:
                await asyncio.sleep(RENEW_S)
            return not (leaving and self._closing)
        self._take_over(ask, grant)
        return not leaving or (self._needed > 0 and not self._closing)

    def _ask(self, now: float) -> Ask:
        self._return_lapsed(now)
        spent, self._spent = self._spent, {}
        quiet_s, self._quiet_s = self._quiet_s, 0.0
        if self._closing:
            return Ask(spent=_entries(spent), quiet_s=quiet_s)
        valid = now < self._valid_until
        starts: tuple[int, ...] = ()
        if self._limits.rated and now >= self._retry_at:
            starts = tuple(islice(self._queue.values(), len(self._charges), len(self._charges) + AT_A_TIME))
        limit = self._limits.max_concurrency
        wished = min(self._peak.at(now), limit)
        return Ask(
            keeps=(self._keeps if self._needed or wished else 0) if valid else self._in_use,
            in_use=self._in_use,
            needed=self._needed,
            wished=wished,
            starts=starts,
            spent=_entries(spent),
            quiet_s=quiet_s,
        )

    def _take_over(self, ask: Ask, grant: Grant) -> None:
        self._slots, self._fair = grant.slots, grant.fair
        # A lease is thought shorter here than there: what starts now arrives while it still holds.
        self._renew_s = min(RENEW_S, grant.lease_s / 5)
        self._valid_until = grant.at + grant.lease_s - self._renew_s
        self._sated = min(grant.slots, grant.fair) >= min(ask.needed, self._limits.max_concurrency)
        self._retry_at = grant.at + grant.retry_s
        if grant.quiet_s > 0:
            self._quiet_until = max(self._quiet_until, grant.at + grant.quiet_s)
        until = grant.at + USE_WITHIN_S
        self._charges.extend(_Charge(grant.bucket, tokens, until) for tokens in ask.starts[: grant.started])

    async def _pause(self) -> None:
        """Wait until something makes asking worth while."""
        now = self._clock()
        times = [now + (SOON_S if self._queue and self._slots < max(1, self._fair) else self._renew_s)]
        if self._queue:
            times += [time for time in (self._quiet_until, self._retry_at) if time > now]
        try:
            async with asyncio.timeout(min(times) - now):
                await self._wake.wait()
        except TimeoutError:
            return


class _Peak:
    """The most that was needed at once during the last LINGER_S to twice that."""

    def __init__(self) -> None:
        self._begun = 0.0
        self._before = self._now = 0

    def see(self, needed: int, now: float) -> None:
        self._turn(now)
        self._now = max(self._now, needed)

    def at(self, now: float) -> int:
        self._turn(now)
        return max(self._before, self._now)

    def _turn(self, now: float) -> None:
        if now < self._begun + LINGER_S:
            return
        self._before = self._now if now < self._begun + 2 * LINGER_S else 0
        self._now, self._begun = 0, now


def _entries(spent: dict[int, tuple[int, int]]) -> tuple[Spent, ...]:
    return tuple(Spent(bucket=bucket, requests=requests, tokens=tokens) for bucket, (requests, tokens) in spent.items())
