"""The gate in one event loop: order, cancellation, two gates on one account, a ledger that fails."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog

from app.models.account import Account, Ask, Grant, Limits, settle
from app.models.gate import Gate
from app.models.ledger import LedgerDown, LocalLedger, uptime


class Table:
    """One account for several ledgers, as the database keeps it; every exchange takes a few turns of the loop."""

    def __init__(self, lease_s: float = 10.0) -> None:
        self.account = Account()
        self.lease_s = lease_s
        self.exchanges = 0
        self.down = False
        self._lock = asyncio.Lock()

    def ledger(self, name: str) -> "Seat":
        return Seat(self, name)

    async def settle(self, name: str, limits: Limits, ask: Ask) -> Grant:
        async with self._lock:
            await asyncio.sleep(0)
            if self.down:
                raise LedgerDown("told to fail")
            self.exchanges += 1
            now = uptime()
            self.account, grant = settle(self.account, name, limits, ask, now, self.lease_s)
            await asyncio.sleep(0)
            return replace(grant, at=now)


class Seat:
    def __init__(self, table: Table, name: str) -> None:
        self._table, self._name = table, name

    async def settle(self, endpoint: str, limits: Limits, ask: Ask) -> Grant:
        return await self._table.settle(self._name, limits, ask)


class Server:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.inside = self.most = self.total = 0

    async def visit(self, gate: Gate, seconds: float = 0.0, done: Callable[[], None] = lambda: None) -> None:
        async with gate.take(10):
            self.inside += 1
            self.total += 1
            self.most = max(self.most, self.inside)
            try:
                await asyncio.sleep(seconds)
                done()
            finally:
                self.inside -= 1


async def all_places(gate: Gate, count: int) -> None:
    """Take *count* places at once: none of them may have leaked."""
    inside, enough = 0, asyncio.Event()

    async def hold() -> None:
        nonlocal inside
        async with gate.take():
            inside += 1
            if inside == count:
                enough.set()
            await enough.wait()

    async with asyncio.timeout(20):
        await asyncio.gather(*(hold() for _ in range(count)))


async def test_one_process_uses_the_whole_limit_and_no_more() -> None:
    gate, server = Gate("lab", Limits(3), LocalLedger()), Server()
    await asyncio.gather(*(server.visit(gate) for _ in range(50)))
    assert (server.most, server.total) == (3, 50)
    await gate.aclose()


async def test_requests_go_in_the_order_in_which_they_came() -> None:
    for limits in (Limits(3), Limits(3, requests_per_minute=1000)):
        gate, order = Gate("lab", limits, LocalLedger()), list[int]()

        async def visit(number: int, gate: Gate = gate, order: list[int] = order) -> None:
            async with gate.take():
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*map(visit, range(200)))
        assert order == list(range(200))
        await gate.aclose()


async def test_at_no_rate_the_ledger_is_not_asked_for_each_request() -> None:
    table, server = Table(), Server()
    gate = Gate("lab", Limits(25), table.ledger("a"))
    for _ in range(40):
        await asyncio.gather(*(server.visit(gate) for _ in range(25)))
    assert server.total == 1000
    # Once to begin with, and at most once a second after that.
    assert table.exchanges <= 4
    await gate.aclose()


@pytest.mark.parametrize("limits", [Limits(2), Limits(2, requests_per_minute=600_000)])
async def test_a_request_that_is_cancelled_anywhere_leaks_nothing(limits: Limits) -> None:
    table = Table()
    gate, server = Gate("lab", limits, table.ledger("a")), Server()
    for steps in range(25):
        tasks = [asyncio.create_task(server.visit(gate, 0.002 if n % 2 else 0)) for n in range(6)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks[steps % 3 :: 2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await all_places(gate, 2)
    assert server.inside == 0 and server.most <= 2
    await gate.aclose()
    assert not table.account.holders
    assert table.account.used(0)[0] <= server.total + 25 * 2, "starts that were not made are given back"


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_processes_share_one_limit_and_all_get_on(limit: int) -> None:
    table, server = Table(), Server()
    gates = [Gate("lab", Limits(limit), table.ledger(f"p{number}")) for number in range(4)]
    finished: list[int] = []

    async def work(number: int) -> None:
        async def calls() -> None:
            for _ in range(4):
                await server.visit(gates[number], 0.01)

        await asyncio.gather(*(calls() for _ in range(6)))
        finished.append(number)

    async with asyncio.timeout(60):
        await asyncio.gather(*map(work, range(4)))
    assert server.total == 4 * 24 and server.most <= limit and sorted(finished) == [0, 1, 2, 3]
    for gate in gates:
        await gate.aclose()
    assert not table.account.holders


async def test_with_one_place_a_busy_process_lets_the_other_in() -> None:
    table, server, stop = Table(), Server(), asyncio.Event()
    greedy, other = (Gate("lab", Limits(1), table.ledger(name)) for name in ("a", "b"))

    async def go_on() -> None:
        while not stop.is_set():
            await server.visit(greedy, 0.01)

    tasks = [asyncio.create_task(go_on()) for _ in range(5)]
    async with asyncio.timeout(20):
        for _ in range(2):
            await server.visit(other)
    stop.set()
    await asyncio.gather(*tasks)
    assert server.most == 1
    await greedy.aclose()
    await other.aclose()


async def test_nothing_starts_while_the_ledger_is_down_beyond_the_lease_and_all_goes_on_afterwards() -> None:
    table, server = Table(lease_s=0.5), Server()
    gate = Gate("lab", Limits(2), table.ledger("a"))
    await server.visit(gate)
    table.down = True
    await asyncio.sleep(0.5)  # the lease ends: what is tested is that nothing happens
    waiting = asyncio.create_task(server.visit(gate))
    await asyncio.sleep(0.05)
    assert server.total == 1 and not waiting.done()
    table.down = False
    async with asyncio.timeout(10):
        await waiting
    await gate.aclose()


async def test_a_defect_of_the_ledger_reaches_those_who_wait() -> None:
    class Broken:
        async def settle(self, endpoint: str, limits: Limits, ask: Ask) -> Grant:
            raise ZeroDivisionError

    gate = Gate("lab", Limits(2), Broken())
    with pytest.raises(ZeroDivisionError):
        await Server().visit(gate)
    with pytest.raises(ZeroDivisionError):
        await Server().visit(gate)
    await gate.aclose()


async def test_an_endpoint_that_asks_to_be_left_alone_is_by_every_process() -> None:
    table, server = Table(), Server()
    first, second = (Gate("lab", Limits(4), table.ledger(name)) for name in ("a", "b"))
    await asyncio.gather(server.visit(first), server.visit(second))
    began = uptime()
    first.quiet(1.5)
    await asyncio.sleep(1.1)  # the other hears of it within a second
    await asyncio.gather(server.visit(first), server.visit(second))
    assert uptime() - began >= 1.5
    await first.aclose()
    await second.aclose()


async def test_a_rate_holds_over_two_processes_in_every_window() -> None:
    table, arrivals = Table(), list[float]()
    limits = Limits(50, requests_per_minute=300, window_s=1.0)
    gates = [Gate("lab", limits, table.ledger(name)) for name in ("a", "b")]

    async def visit(gate: Gate) -> None:
        async with gate.take():
            arrivals.append(uptime())

    async with asyncio.timeout(60):
        await asyncio.gather(*(visit(gate) for gate in gates for _ in range(6)))
    assert len(arrivals) == 12
    for first in arrivals:
        assert sum(first <= at < first + 1.0 for at in arrivals) <= 5
    for gate in gates:
        await gate.aclose()


async def test_tokens_are_charged_and_corrected() -> None:
    table = Table()
    gate = Gate("lab", Limits(5, tokens_per_minute=1000), table.ledger("a"))
    async with gate.take(900) as permit:
        permit.used = 100
    async with asyncio.timeout(10), gate.take(850) as permit:
        permit.used = 1200
    await gate.aclose()
    assert table.account.used(0) == (2, 1300)


async def test_the_keeper_is_not_logged_as_the_run_that_asked_first() -> None:
    seen: list[dict[str, object]] = []

    class Listening(Seat):
        async def settle(self, endpoint: str, limits: Limits, ask: Ask) -> Grant:
            seen.append(structlog.contextvars.get_contextvars())
            return await super().settle(endpoint, limits, ask)

    gate = Gate("lab", Limits(max_concurrency=1), Listening(Table(), "one"))
    with structlog.contextvars.bound_contextvars(run="r1"):
        async with gate.take():
            pass
    await gate.aclose()
    assert seen and not any(seen)
