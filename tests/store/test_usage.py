from collections import Counter
from datetime import timedelta

from sqlalchemy import update

from app.models.meter import LATENCY_BOUNDS_MS, EndpointUse
from app.store.connect import Database
from app.store.tables import EndpointMinuteRow
from app.store.usage import add_use, endpoint_totals, minutes_since


def use(answered: int = 2) -> EndpointUse:
    return EndpointUse(
        outcomes=Counter({"answered": answered, "429": 1, "no_answer": 1}),
        latencies=Counter({0: answered - 1, len(LATENCY_BOUNDS_MS): 1}),
        latency_ms=200_050,
        prompt_tokens=3_000_000_000,
        completion_tokens=20,
        cost=0.25,
        unpriced=1,
    )


async def test_what_several_processes_count_adds_up(database: Database) -> None:
    await add_use(database, {"lab": use(), "other": use(1)})
    await add_use(database, {"lab": use(5)})
    lab, other = await endpoint_totals(database)
    assert lab.outcomes == {"answered": 7, "429": 2, "no_answer": 2}
    assert (lab.latencies[0], lab.latencies[-1], sum(lab.latencies)) == (5, 2, 7)
    assert lab.latency_ms == 400_100
    assert other.endpoint == "other" and other.outcomes["answered"] == 1
    _, minutes = await minutes_since(database, timedelta(hours=1))
    of_lab = [minute for endpoint, minute in minutes if endpoint == "lab"]
    assert sum(minute.answered for minute in of_lab) == 7
    assert sum(minute.failed for minute in of_lab) == 4
    assert sum(minute.prompt_tokens for minute in of_lab) == 6_000_000_000
    assert sum(minute.cost for minute in of_lab) == 0.5


async def test_nothing_counted_writes_nothing(database: Database) -> None:
    await add_use(database, {})
    assert await endpoint_totals(database) == []


async def test_minutes_go_after_a_day_and_totals_stay(database: Database) -> None:
    await add_use(database, {"lab": use()})
    present, _ = await minutes_since(database, timedelta(hours=1))
    async with database.write() as connection:
        await connection.execute(update(EndpointMinuteRow).values(minute=present - timedelta(hours=25)))
    await add_use(database, {"lab": use()})
    _, minutes = await minutes_since(database, timedelta(days=3))
    assert len(minutes) == 1
    assert (await endpoint_totals(database))[0].outcomes["answered"] == 4
