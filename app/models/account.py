"""The account of one endpoint: which process may have how many requests under way, and what the last minute used.

`settle` is a pure function: an account and what one process asks in, the next account and what it may do out. A process
alone keeps the account in memory (ledger.py); processes on one database keep it there (store/permits.py). All times are
seconds of one clock that never runs faster than time passes; whose clock it is, the keeper of the account decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from pydantic import Field

from app.commons.frozen import Frozen

BUCKET_S = 0.5
"""Requests are counted by half seconds."""
SLACK_S = 2.0
"""A request counts this long beyond its window: between its permit and its arrival lies a network."""
USE_WITHIN_S = SLACK_S / 2
"""A permit to start a request lapses after this; what remains of the slack is the network's."""
MINUTE_S = 60.0
TURN_S = 1.0
"""With fewer places than processes, one that has a place keeps it so long when another waits."""
SOON_S = 0.25
"""When to ask again for what another process is about to give back."""
AT_A_TIME = 50
"""Requests that one exchange may start, so that those started are sent before more follow."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows. The rates hold in every window of `window_s` seconds, in proportion to a minute."""

    max_concurrency: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    window_s: float = MINUTE_S

    @property
    def rated(self) -> bool:
        """Whether starting a request takes a permit."""
        return self.requests_per_minute is not None or self.tokens_per_minute is not None

    @property
    def requests(self) -> float:
        """Requests in one window."""
        return self._in_window(self.requests_per_minute)

    @property
    def tokens(self) -> float:
        """Tokens in one window."""
        return self._in_window(self.tokens_per_minute)

    def _in_window(self, a_minute: int | None) -> float:
        return inf if a_minute is None else max(1, int(a_minute * self.window_s / MINUTE_S))


class Spent(Frozen):
    """What was started in one bucket, which is a half second of the account's clock."""

    bucket: int
    requests: int = 0
    tokens: int = 0

    @property
    def ends(self) -> float:
        """When the bucket is over, in seconds."""
        return (self.bucket + 1) * BUCKET_S


class Holder(Frozen):
    """A process and its places: it never has more requests under way than `slots`."""

    slots: int
    in_use: int
    needed: int
    wished: int
    limit: int
    since: float
    expires: float


class Account(Frozen):
    """An endpoint's account. `wall` is the database's time when `clock` was written; only its keeper reads it."""

    clock: float = 0.0
    wall: float = 0.0
    quiet_until: float = 0.0
    holders: Mapping[str, Holder] = Field(default_factory=dict)
    spent: tuple[Spent, ...] = ()

    def used(self, since: float) -> tuple[int, int]:
        """Return the requests and tokens of all buckets that are not over at *since*."""
        counted = [entry for entry in self.spent if entry.ends > since]
        return sum(entry.requests for entry in counted), sum(entry.tokens for entry in counted)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a process says of itself and asks for.

    Attributes:
        keeps: places it goes on using; at least `in_use`. Those beyond are given back.
        needed: its requests under way and those that wait.
        wished: what it needed at most lately: kept free for it where nobody else needs it.
        starts: the estimated tokens of each waiting request that could start now, in their order.
        spent: corrections of what it was charged; those with bucket -1 count from now on.
        quiet_s: for how long the endpoint asked to be left alone.
    """

    keeps: int = 0
    in_use: int = 0
    needed: int = 0
    wished: int = 0
    starts: tuple[int, ...] = ()
    spent: tuple[Spent, ...] = ()
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a process may do now.

    Attributes:
        slots: the places it has until its lease ends.
        fair: the places it should have; with more than that it starts nothing new and gives back what comes free.
        at: when that was decided, by the process's own `uptime()`; the times below count from then.
        lease_s: for how long it has its places.
        started: so many of its `starts` are permitted, the first ones; they are charged to `bucket`.
        retry_s: when asking for the others again may help.
        quiet_s: for how long nothing may start.
    """

    slots: int
    fair: int
    at: float
    lease_s: float
    started: int = 0
    bucket: int = 0
    retry_s: float = 0.0
    quiet_s: float = 0.0


def settle(
    account: Account, name: str, limits: Limits, ask: Ask, now: float, lease_s: float = inf
) -> tuple[Account, Grant]:
    """Return the account after process *name* asked at *now*, and what that process may do.

    The places of all processes never add up to more than the smallest limit among them, except where one has more
    requests under way than its lapsed lease allowed, or the limit was lowered. A process that keeps and needs nothing
    has left.
    """
    others = {other: holder for other, holder in account.holders.items() if other != name and holder.expires > now}
    me = _present(account.holders.get(name), limits, ask, now, now + lease_s)
    limit = min(holder.limit for holder in (me, *others.values()))
    shares = fair_shares(limit, {**others, name: me}, now)
    fair = shares[name]
    free = limit - sum(holder.slots for holder in others.values()) - _claimed_before(name, shares, others)
    slots = max(me.slots, min(fair, free))
    if (slots > 0) != (me.slots > 0):
        me = me.model_copy(update={"since": now})
    me = me.model_copy(update={"slots": slots})
    present = others if slots == ask.needed == 0 else {**others, name: me}

    bucket = int(now / BUCKET_S)
    spent = _corrected(account.spent, ask.spent, bucket, now)
    quiet_until = max(account.quiet_until, now + ask.quiet_s)
    places = min(slots, fair) - ask.in_use
    started, retry_s = 0, quiet_until - now
    if limits.rated and retry_s <= 0:
        waiting = sum(holder.needed > holder.in_use for holder in present.values())
        started, retry_s = _startable(spent, limits, ask.starts[: max(0, min(places, AT_A_TIME))], waiting, now)
        spent = _charged(spent, bucket, ask.starts[:started], limits)
    after = account.model_copy(
        update={"clock": now, "quiet_until": quiet_until, "holders": present, "spent": tuple(spent.values())}
    )
    return after, Grant(
        slots=slots,
        fair=fair,
        at=now,
        lease_s=lease_s,
        started=started,
        bucket=bucket,
        retry_s=max(0.0, retry_s),
        quiet_s=max(0.0, quiet_until - now),
    )


def fair_shares(limit: int, holders: Mapping[str, Holder], now: float) -> dict[str, int]:
    """Return how many places each process should have: as equal as their needs allow, then what they may need soon.

    What does not divide goes to those whose turn it is: who got a place less than TURN_S ago, then who has none, the
    longest waiting first, then the others. The processes are returned in that order.
    """
    order = sorted(holders, key=lambda name: (_rank(holders[name], now), holders[name].since, name))
    needs = {name: holders[name].needed for name in order}
    shares = _poured(limit, needs)
    wishes = {name: max(0, holders[name].wished - shares[name]) for name in order}
    more = _poured(limit - sum(shares.values()), wishes)
    return {name: shares[name] + more[name] for name in order}


def _claimed_before(name: str, shares: Mapping[str, int], others: Mapping[str, Holder]) -> int:
    """Return the places that come free for those who wait and whose turn is before that of *name*."""
    claimed = 0
    for other, share in shares.items():
        if other == name:
            break
        claimed += max(0, min(share, others[other].needed) - others[other].slots)
    return claimed


def _present(before: Holder | None, limits: Limits, ask: Ask, now: float, expires: float) -> Holder:
    """Return who asks, with the places it keeps; after a lapsed lease these are only those with a request in them."""
    standing = before if before and before.expires > now else None
    slots = max(ask.in_use, min(ask.keeps, standing.slots)) if standing else ask.in_use
    unchanged = standing and (standing.slots > 0, standing.needed > 0) == (slots > 0, ask.needed > 0)
    return Holder(
        slots=slots,
        in_use=ask.in_use,
        needed=ask.needed,
        wished=max(ask.wished, ask.needed),
        limit=limits.max_concurrency,
        since=standing.since if standing and unchanged else now,
        expires=expires,
    )


def _rank(holder: Holder, now: float) -> int:
    if holder.slots == 0:
        return 1
    return 0 if now < holder.since + TURN_S else 2


def _poured(amount: int, wants: Mapping[str, int]) -> dict[str, int]:
    """Return *amount* shared out: nobody gets more than it wants, and nobody less than another who got more."""
    shares = dict.fromkeys(wants, 0)
    thirsty = [name for name in wants if wants[name] > 0]
    while amount > 0 and thirsty:
        each = amount // len(thirsty)
        served = thirsty if each else thirsty[:amount]
        for name in served:
            given = min(max(1, each), wants[name] - shares[name])
            shares[name] += given
            amount -= given
        thirsty = [name for name in thirsty if shares[name] < wants[name]] if each else []
    return shares


def _corrected(before: Iterable[Spent], corrections: Iterable[Spent], bucket: int, now: float) -> dict[int, Spent]:
    """Return what was spent in the last minute, by bucket, corrected; what is no longer counted is not corrected."""
    spent = {entry.bucket: entry for entry in before if entry.ends + MINUTE_S + SLACK_S > now}
    for change in corrections:
        place = bucket if change.bucket < 0 else change.bucket
        if place in spent or change.bucket < 0:
            _add(spent, place, change.requests, change.tokens)
    return spent


def _charged(spent: dict[int, Spent], bucket: int, starts: Iterable[int], limits: Limits) -> dict[int, Spent]:
    charged = dict(spent)
    for tokens in starts:
        _add(charged, bucket, 1, charge_for(tokens, limits))
    return charged


def _add(spent: dict[int, Spent], bucket: int, requests: int, tokens: int) -> None:
    entry = spent.get(bucket, Spent(bucket=bucket))
    spent[bucket] = Spent(
        bucket=bucket, requests=max(0, entry.requests + requests), tokens=max(0, entry.tokens + tokens)
    )


def charge_for(tokens: int, limits: Limits) -> int:
    """Return what a request of *tokens* is charged: no more than a window holds, or it could never start."""
    return int(min(tokens, limits.tokens))


def _startable(
    spent: Mapping[int, Spent], limits: Limits, starts: tuple[int, ...], waiting: int, now: float
) -> tuple[int, float]:
    """Return how many of *starts* fit into the window now, and in how many seconds the next may."""
    reach = limits.window_s + SLACK_S
    window = sorted((entry for entry in spent.values() if entry.ends + reach > now), key=lambda entry: entry.bucket)
    requests = limits.requests - sum(entry.requests for entry in window)
    tokens = limits.tokens - sum(entry.tokens for entry in window)
    # Others wait too: what is free is not for who asks first alone.
    mine = requests if waiting < 2 else max(1.0, requests / waiting)
    started = 0
    for estimate in starts:
        charge = charge_for(estimate, limits)
        if requests < 1 or tokens < charge:
            break
        if started >= mine:
            return started, SOON_S
        started, requests, tokens = started + 1, requests - 1, tokens - charge
    if started == len(starts):
        return started, 0.0
    charge = charge_for(starts[started], limits)
    for entry in window:
        requests, tokens = requests + entry.requests, tokens + entry.tokens
        if requests >= 1 and tokens >= charge:
            return started, max(entry.ends + reach - now, BUCKET_S / 10)
    return started, BUCKET_S
