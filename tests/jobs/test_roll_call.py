from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.jobs import roll_call as module
from app.jobs.roll_call import RollCall, on_the_list
from app.models.base import CallKey, Completion, RecordedCall
from app.models.meter import Meter
from app.store.connect import Database
from app.store.usage import endpoint_totals
from app.store.workers import list_workers


def call(number: int) -> RecordedCall:
    return RecordedCall(
        key=CallKey(month=1, phase="talk", agent="Kate", purpose="speak", item=str(number)),
        model="lab/m",
        request_hash="",
        messages=(),
        sampling=None,
        completion=Completion(text="", prompt_tokens=10, completion_tokens=2),
        cost=0.5,
    )


def process(database: Database, meter: Meter, playing: int = 2) -> RollCall:
    return RollCall(database, meter, owner="w", role="worker", capacity=9, busy=lambda: (playing, 1, False))


async def test_a_process_is_on_the_list_for_as_long_as_it_runs(database: Database) -> None:
    meter = Meter()
    member = process(database, meter)
    async with on_the_list(member):
        await member.report()
        [told] = await list_workers(database)
        assert (told.id, told.playing, told.testing, told.capacity) == ("w", 2, 1, 9)
        meter.asked("lab", "answered", 120)
        meter.kept("lab", "r1", call(1))
        await member.report()
        assert (await list_workers(database))[0].calls_per_minute == {"r1": 1}
        meter.asked("lab", "503")
    assert await list_workers(database) == []
    assert (await endpoint_totals(database))[0].outcomes == {"answered": 1, "503": 1}


async def test_the_calls_of_a_run_are_those_of_the_last_minute(database: Database) -> None:
    meter = Meter()
    member = process(database, meter)
    for number in range(module.REPORTS_PER_MINUTE + 3):
        meter.kept("lab", "r1", call(number))
        await member.report()
    assert (await list_workers(database))[0].calls_per_minute == {"r1": module.REPORTS_PER_MINUTE}


async def test_counts_wait_while_the_database_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    member = process(database, meter)

    async def away(*_: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception("gone"))

    meter.asked("lab", "answered", 5)
    with monkeypatch.context() as broken:
        broken.setattr(module, "add_use", away)
        with pytest.raises(OperationalError):
            await member.report()
    await member.report()
    assert (await endpoint_totals(database))[0].outcomes == {"answered": 1}
