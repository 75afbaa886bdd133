"""The grant logic: never above a limit, whatever processes ask in whatever order, and everybody gets on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from app.models.account import (
    AT_A_TIME,
    BUCKET_S,
    MINUTE_S,
    SLACK_S,
    TURN_S,
    Account,
    Ask,
    Grant,
    Limits,
    Spent,
    settle,
)

LEASE_S = 10.0


@dataclass
class Process:
    """A process that keeps to what it is granted, as a gate does."""

    name: str
    in_use: int = 0
    waiting: int = 0
    slots: int = 0
    fair: int = 0
    until: float = 0.0

    def exchange(self, account: Account, limits: Limits, now: float, **more: object) -> tuple[Account, Grant]:
        keeps = max(self.in_use, min(self.slots, self.fair)) if now < self.until else self.in_use
        needed = self.in_use + self.waiting
        ask = Ask(keeps=keeps if needed else 0, in_use=self.in_use, needed=needed, wished=needed, **more)
        account, grant = settle(account, self.name, limits, ask, now, LEASE_S)
        self.slots, self.fair, self.until = grant.slots, grant.fair, now + LEASE_S
        return account, grant

    def start(self, now: float) -> None:
        if now < self.until:
            started = max(0, min(self.waiting, min(self.slots, self.fair) - self.in_use))
            self.in_use += started
            self.waiting -= started


def held(account: Account, now: float) -> int:
    return sum(holder.slots for holder in account.holders.values() if holder.expires > now)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["exchange", "start", "end one", "end all", "more", "die", "long pause"]),
        st.floats(0.01, 1.5),
        st.integers(1, 30),
    ),
    max_size=80,
)


@given(limit=st.integers(1, 12), steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_processes_together_never_have_more_under_way_than_the_limit(
    limit: int, steps: Sequence[tuple[int, str, float, int]]
) -> None:
    account, now, limits = Account(), 1000.0, Limits(limit)
    processes = [Process(f"p{number}") for number in range(5)]
    for index, action, passes, amount in steps:
        now += passes
        process = processes[index]
        if action == "more":
            process.waiting += amount
        elif action == "end one":
            process.in_use = max(0, process.in_use - 1)
        elif action == "end all":
            process.in_use = 0
        elif action == "die":
            # What it had under way has come to its end at the server before its lease has.
            processes[index] = Process(f"{process.name}+")
        elif action == "long pause":
            # Everybody is silent, and what was under way ends: a lapsed lease with requests in it is told below.
            now += 2 * LEASE_S
            for other in processes:
                other.in_use = 0
        elif action == "exchange":
            account, _ = process.exchange(account, limits, now)
        process.start(now)
        assert sum(other.in_use for other in processes) <= limit
        assert held(account, now) <= limit


@given(
    limit=st.integers(1, 12),
    loads=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    call_s=st.sampled_from([0.1, 1.0, 5.0]),
)
@settings(max_examples=150, deadline=None)
def test_whoever_waits_gets_a_place_after_a_while(limit: int, loads: list[int], call_s: float) -> None:
    account, now, limits = Account(), 0.0, Limits(limit)
    processes = [Process(f"p{number}", waiting=load) for number, load in enumerate(loads)]
    ends: dict[str, list[float]] = {process.name: [] for process in processes}
    served = dict.fromkeys(ends, 0)
    last = dict.fromkeys(ends, 0.0)
    while now < 60:
        now += 0.25
        for process in processes:
            going = [end for end in ends[process.name] if end > now]
            process.waiting += len(ends[process.name]) - len(going)  # who has an answer asks the next
            process.in_use, ends[process.name] = len(going), going
            account, _ = process.exchange(account, limits, now)
            before = process.in_use
            process.start(now)
            ends[process.name] += [now + call_s] * (process.in_use - before)
            served[process.name] += process.in_use - before
            if process.in_use:
                last[process.name] = now
        assert sum(process.in_use for process in processes) <= limit
    most = (TURN_S + call_s + 1) * len(loads)
    for process, load in zip(processes, loads, strict=True):
        assert not load or now - last[process.name] <= most, f"{process.name} starved: {served}"


def test_one_alone_has_everything_at_once() -> None:
    _, grant = Process("a", waiting=60).exchange(Account(), Limits(25), 0.0)
    assert (grant.slots, grant.fair) == (25, 25)


def test_a_second_one_gets_half_as_soon_as_the_first_has_come_by() -> None:
    a, b, account, limits = Process("a", waiting=60), Process("b", waiting=60), Account(), Limits(10)
    account, _ = a.exchange(account, limits, 0.0)
    a.start(0.0)
    account, grant = b.exchange(account, limits, 0.1)
    assert (grant.slots, grant.fair) == (0, 5)
    account, grant = a.exchange(account, limits, 0.2)
    assert (grant.slots, grant.fair) == (10, 5), "ten are under way and cannot be given back"
    a.in_use = 7
    a.start(0.3)
    assert a.in_use == 7
    account, grant = a.exchange(account, limits, 0.4)
    account, grant = b.exchange(account, limits, 0.5)
    assert (a.slots, grant.slots) == (7, 3)
    a.in_use = 3
    account, _ = a.exchange(account, limits, 0.6)
    account, grant = b.exchange(account, limits, 0.7)
    assert (a.slots, grant.slots) == (5, 5)


def test_what_one_needs_little_of_the_other_has() -> None:
    a, b, account, limits = Process("a", waiting=2), Process("b", waiting=60), Account(), Limits(10)
    account, _ = a.exchange(account, limits, 0.0)
    account, grant = b.exchange(account, limits, 0.1)
    assert (a.slots, grant.slots) == (2, 8)


def test_a_dead_process_has_its_places_until_its_lease_ends() -> None:
    dead, heir, account, limits = Process("a", waiting=10), Process("b", waiting=10), Account(), Limits(10)
    account, _ = dead.exchange(account, limits, 0.0)
    account, grant = heir.exchange(account, limits, LEASE_S - 0.1)
    assert grant.slots == 0
    _, grant = heir.exchange(account, limits, LEASE_S + 0.1)
    assert grant.slots == 10


def test_who_comes_back_after_its_lease_starts_nothing_beyond_what_it_has_under_way() -> None:
    frozen, heir, account, limits = Process("a", waiting=9), Process("b", waiting=10), Account(), Limits(10)
    account, _ = frozen.exchange(account, limits, 0.0)
    frozen.start(0.0)
    account, grant = heir.exchange(account, limits, 20.0)
    assert grant.slots == 10
    frozen.in_use, frozen.waiting = 4, 9
    account, grant = frozen.exchange(account, limits, 20.1)
    assert grant.slots == 4
    frozen.start(20.1)
    assert frozen.in_use == 4


def test_the_smallest_limit_holds() -> None:
    a, b, account = Process("a", waiting=60), Process("b", waiting=60), Account()
    account, _ = a.exchange(account, Limits(10), 0.0)
    account, _ = b.exchange(account, Limits(4), 0.1)
    for now in (0.2, 0.3):
        account, _ = a.exchange(account, Limits(10), now)
    account, _ = b.exchange(account, Limits(4), 0.4)
    assert (a.slots, b.slots) == (2, 2)


# ---------------------------------------------------------------- rates


def drawn(account: Account, limits: Limits, starts: Sequence[int], now: float) -> tuple[Account, Grant]:
    ask = Ask(needed=len(starts), starts=tuple(starts), wished=len(starts))
    return settle(account, "a", limits, ask, now, LEASE_S)


@given(
    a_minute=st.integers(1, 200),
    window_s=st.sampled_from([2.0, 7.0, 60.0]),
    asks=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 20.0), st.integers(1, 60)), max_size=80),
)
@settings(max_examples=200, deadline=None)
def test_no_window_holds_more_starts_than_the_rate_even_if_they_arrive_late(
    a_minute: int, window_s: float, asks: Sequence[tuple[str, float, int]]
) -> None:
    limits = Limits(2000, requests_per_minute=a_minute, window_s=window_s)
    account, now = Account(), 5.0
    starts: list[float] = []
    for name, passes, amount in asks:
        now += passes
        ask = Ask(needed=amount, starts=(0,) * amount)
        account, grant = settle(account, name, limits, ask, now, inf)
        starts += [now] * grant.started
    for first in starts:
        # Started at `first` and arrived up to SLACK_S later: those of the next window are kept away as well.
        assert sum(first <= start < first + window_s + SLACK_S for start in starts) <= limits.requests


@given(
    a_minute=st.integers(100, 5000),
    asks=st.lists(st.tuples(st.floats(0.0, 20.0), st.lists(st.integers(0, 3000), max_size=20)), max_size=40),
)
@settings(max_examples=100, deadline=None)
def test_no_minute_is_charged_more_tokens_than_the_limit(
    a_minute: int, asks: Sequence[tuple[float, list[int]]]
) -> None:
    limits = Limits(2000, tokens_per_minute=a_minute)
    account, now = Account(), 5.0
    charged: list[tuple[float, int]] = []
    for passes, estimates in asks:
        now += passes
        account, grant = drawn(account, limits, estimates, now)
        charged += [(now, min(tokens, a_minute)) for tokens in estimates[: grant.started]]
    for first, _ in charged:
        assert sum(tokens for at, tokens in charged if first <= at < first + MINUTE_S) <= a_minute


def test_a_burst_may_use_the_whole_minute_and_the_next_waits_for_it_to_pass() -> None:
    limits, account, now, started = Limits(2000, requests_per_minute=120), Account(), 0.0, 0
    while (step := drawn(account, limits, (0,) * 60, now))[1].started:
        account, started = step[0], started + step[1].started
    assert started == 120
    account, grant = step
    assert MINUTE_S <= grant.retry_s <= MINUTE_S + SLACK_S + BUCKET_S
    assert drawn(account, limits, (0,), now + grant.retry_s - 0.01)[1].started == 0
    assert drawn(account, limits, (0,) * 60, now + grant.retry_s + 0.01)[1].started == AT_A_TIME


def test_a_request_larger_than_the_limit_starts_in_an_empty_window() -> None:
    limits = Limits(5, tokens_per_minute=1000)
    account, grant = drawn(Account(), limits, (50_000, 1), 0.0)
    assert grant.started == 1
    _, grant = drawn(account, limits, (1,), 61 + SLACK_S)
    assert grant.started == 1


def test_corrections_count_where_they_belong() -> None:
    limits = Limits(5, tokens_per_minute=1000)
    account, grant = drawn(Account(), limits, (900,), 100.0)
    back = Spent(bucket=grant.bucket, tokens=-700)
    account, _ = settle(account, "a", limits, Ask(spent=(back,)), 101.0)
    assert account.used(0.0) == (1, 200)
    account, _ = settle(account, "a", limits, Ask(spent=(Spent(bucket=-1, tokens=500),)), 102.0)
    account, grant = drawn(account, limits, (400,), 102.0)
    assert grant.started == 0
    account, _ = settle(account, "a", limits, Ask(spent=(back,)), 200.0)
    assert account.used(200.0) == (0, 0), "what left the window takes nothing off the new one"


def test_free_starts_are_shared_with_others_who_wait() -> None:
    limits, account = Limits(100, requests_per_minute=40), Account()
    account, _ = settle(account, "b", limits, Ask(needed=10), 0.0)
    _, grant = settle(account, "a", limits, Ask(needed=40, starts=(0,) * 40), 0.0)
    assert grant.started == 20 and grant.retry_s < 1


def test_an_endpoint_that_asked_to_be_left_alone_is_by_all() -> None:
    limits = Limits(5, requests_per_minute=100)
    account, grant = settle(Account(), "a", limits, Ask(quiet_s=30), 0.0)
    account, _ = settle(account, "a", limits, Ask(quiet_s=5), 1.0)
    account, grant = settle(account, "b", limits, Ask(needed=1, starts=(0,)), 2.0)
    assert (grant.started, grant.quiet_s) == (0, 28.0)
    _, grant = settle(account, "b", limits, Ask(needed=1, starts=(0,)), 30.5)
    assert grant.started == 1


def test_an_account_survives_being_written_down() -> None:
    account, _ = drawn(Account(), Limits(5, requests_per_minute=100), (0, 0), 1.7e9)
    assert Account.model_validate_json(account.model_dump_json()) == account
