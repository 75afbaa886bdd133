"""The accounts in the database: several ledgers on it, clocks that are set, leases that end."""

import asyncio

import pytest

from app.models.account import Account, Ask, Limits
from app.models.gate import Gate
from app.models.ledger import LedgerDown
from app.store import permits
from app.store.connect import Database, open_database
from app.store.permits import SharedLedger, endpoint_uses

LIMITS = Limits(10, requests_per_minute=60)


class Clocks:
    """The uptime of this machine and the time of the database's, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.up = 1000.0
        self.wall = 1.7e9
        monkeypatch.setattr(permits, "uptime", lambda: self.up)
        read = permits._locked

        async def locked(*arguments: object) -> tuple[Account, float]:
            account, _ = await read(*arguments)  # type: ignore[arg-type]
            return account, self.wall

        monkeypatch.setattr(permits, "_locked", locked)

    def pass_by(self, seconds: float) -> None:
        self.up += seconds
        self.wall += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


async def test_two_processes_share_what_one_database_keeps(database: Database, database_url: str) -> None:
    other = open_database(database_url)
    try:
        a, b = SharedLedger(database, 10), SharedLedger(other, 10)
        wish = Ask(needed=8, wished=8)
        first, second = await asyncio.gather(a.settle("lab", Limits(10), wish), b.settle("lab", Limits(10), wish))
        assert first.slots + second.slots == 10
        assert (await a.settle("gpu", Limits(3), wish)).slots == 3, "each endpoint has an account of its own"
    finally:
        await other.close()


async def test_what_is_used_can_be_read(database: Database) -> None:
    ledger = SharedLedger(database, 10)
    await ledger.settle("lab", LIMITS, Ask(keeps=0, in_use=0, needed=12, wished=12, starts=(50,) * 12, quiet_s=0))
    await ledger.settle("lab", LIMITS, Ask(keeps=10, in_use=10, needed=12, wished=12, quiet_s=30))
    (use,) = await endpoint_uses(database)
    assert (use.name, use.limit, use.in_use, use.waiting, use.processes) == ("lab", 10, 10, 2, 1)
    assert (use.requests_last_minute, use.tokens_last_minute) == (10, 500)
    assert 29 < use.quiet_s <= 30
    await ledger.settle("lab", LIMITS, Ask())
    (use,) = await endpoint_uses(database)
    assert (use.limit, use.in_use, use.waiting, use.processes, use.requests_last_minute) == (None, 0, 0, 0, 10)


async def test_a_killed_process_gives_its_places_up_when_its_lease_ends(database: Database, clocks: Clocks) -> None:
    killed, heir, wish = SharedLedger(database, 10), SharedLedger(database, 10), Ask(needed=10, wished=10)
    assert (await killed.settle("lab", LIMITS, wish)).slots == 10
    clocks.pass_by(9)
    assert (await heir.settle("lab", LIMITS, wish)).slots == 0
    clocks.pass_by(1.1)
    assert (await heir.settle("lab", LIMITS, wish)).slots == 10


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
async def test_setting_the_clock_neither_ends_a_lease_nor_empties_a_window(
    database: Database, clocks: Clocks, jump_s: float
) -> None:
    a, b = SharedLedger(database, 10), SharedLedger(database, 10)
    await b.settle("lab", LIMITS, Ask())
    for _ in range(6):
        grant = await a.settle("lab", LIMITS, Ask(needed=10, wished=10, starts=(0,) * 10))
        assert grant.started == 10
    clocks.pass_by(1)
    clocks.wall += jump_s
    grant = await b.settle("lab", LIMITS, Ask(needed=10, wished=10, starts=(0,) * 10))
    assert (grant.slots, grant.started) == (0, 0)
    clocks.pass_by(58)
    grant = await a.settle("lab", LIMITS, Ask(needed=1, wished=1, starts=(0,)))
    assert (grant.started, grant.retry_s < 5) == (0, True)
    clocks.pass_by(grant.retry_s + 0.1)
    grant = await a.settle("lab", LIMITS, Ask(keeps=1, needed=1, wished=1, starts=(0,)))
    assert grant.started == 1


async def test_a_new_process_knows_how_long_nobody_asked(database: Database, clocks: Clocks) -> None:
    for _ in range(3):
        ledger, started = SharedLedger(database, 10), 0
        while (grant := await ledger.settle("lab", LIMITS, Ask(needed=10, wished=10, starts=(0,) * 10))).started:
            started += grant.started
        assert started == 60
        await ledger.settle("lab", LIMITS, Ask())
        clocks.pass_by(70)


async def test_a_database_that_is_gone_is_told_as_such_and_missed_time_counts(
    database: Database, clocks: Clocks
) -> None:
    ledger = SharedLedger(database, 10)
    await ledger.settle("lab", LIMITS, Ask(needed=1, wished=1))
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE endpoint_account RENAME TO elsewhere")
    with pytest.raises(LedgerDown):
        await ledger.settle("lab", LIMITS, Ask(keeps=1, needed=1, wished=1))
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO endpoint_account")
    clocks.pass_by(2)
    assert (await ledger.settle("lab", LIMITS, Ask(keeps=1, needed=1, wished=1))).slots == 1


async def test_gates_of_several_processes_never_let_more_in_than_the_limit(
    database: Database, database_url: str
) -> None:
    databases = [database, *(open_database(database_url) for _ in range(2))]
    gates = [Gate("lab", Limits(4), SharedLedger(opened, 10)) for opened in databases]
    inside = most = total = 0

    async def visit(gate: Gate) -> None:
        nonlocal inside, most, total
        async with gate.take():
            inside, total = inside + 1, total + 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(visit(gate) for gate in gates for _ in range(40)))
    assert (total, most) == (120, 4)
    for gate in gates:
        await gate.aclose()
    assert [(use.in_use, use.processes) for use in await endpoint_uses(database)] == [(0, 0)]
    for opened in databases[1:]:
        await opened.close()
