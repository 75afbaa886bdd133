"""What is old is dropped by rule, from runs that are over, and what is left says so and still proves itself."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.interop.export import export_files
from app.jobs.housekeeping import keep_house
from app.jobs.rerun import NotRerunnable, check_rerun
from app.store.connect import Database
from app.store.queries import get_call, list_calls, run_log
from app.store.retention import RetentionError, Rule, affected, apply, drop_unused_prompt_sets
from app.store.runs import UnknownRun, get_run, now
from app.store.shares import issue_share, revoke_share
from app.store.space import compact, room
from app.store.tables import CallRow, EventRow, PromptSetRow, RunRow, SegmentRow
from app.store.whole import read_whole
from tests.fakes.villagers import record
from tests.keeping.records import age, contents, generative

OLD = Rule(what="prompts", older_than=timedelta(days=90))


async def follow(database: Database, rule: Rule) -> list[str]:
    return [dropped.run_id async for dropped in apply(database, rule)]


async def stored(database: Database, table: type, run_id: str) -> int:
    query = select(func.count()).select_from(table).where(table.run_id == run_id)  # type: ignore[attr-defined]
    async with database.read() as connection:
        return (await connection.execute(query)).scalar_one()


async def test_prompts_go_and_everything_else_stays_and_proves_itself(database: Database) -> None:
    run = await record(database, generative())
    await age(database, run.id, 91)
    before = await read_whole(database, run.id)
    assert await follow(database, OLD) == [run.id]
    after = await read_whole(database, run.id)
    assert after.events == before.events
    assert [call.model_copy(update={"messages": ()}) for call in before.calls()] == after.calls()
    assert await stored(database, SegmentRow, run.id) == 0
    told = f"The prompts of this run were dropped on {now():%Y-%m-%d} by a retention rule (older than 90 days)."
    assert after.run.dropped == told
    assert (await run_log(database, run.id))[
        -1
    ].text == "The prompts were dropped by a retention rule (older than 90 days)."
    report = await check_rerun(database, run.id)
    assert (report.equal, report.dropped, report.calls) == (True, told, run.calls)
    assert await follow(database, OLD) == []


async def test_only_runs_that_are_over_and_old_enough_are_touched(database: Database) -> None:
    old = await record(database, generative())
    young = await record(database, generative(seed=2))
    going_on = [await record(database, generative(seed=3)) for _ in range(4)]
    await age(database, old.id, 90.1)
    await age(database, young.id, 89.9)
    for run, state in zip(going_on, ("queued", "playing", "paused", "failed"), strict=True):
        await age(database, run.id, 400, state=state)
    assert await affected(database, OLD) == [old.id]
    everything = Rule(what="run", older_than=timedelta(days=1), states=frozenset({"finished", "cancelled"}))
    assert sorted(await affected(database, everything)) == sorted([old.id, young.id])
    before = await contents(database)
    sizes = [one.bytes async for one in apply(database, OLD, dry=True)]
    assert len(sizes) == 1 and sizes[0] > 1000
    assert await contents(database) == before


async def test_dropped_calls_leave_events_and_counts_and_cannot_be_played_again(database: Database) -> None:
    run = await record(database, generative())
    await age(database, run.id, 400)
    assert await follow(database, OLD) == [run.id]
    assert await follow(database, Rule(what="calls", older_than=timedelta(days=365))) == [run.id]
    assert await stored(database, CallRow, run.id) == 0
    assert await stored(database, EventRow, run.id) == run.events
    left = await get_run(database, run.id)
    assert (left.calls, left.prompt_tokens, left.efficiency) == (run.calls, run.prompt_tokens, run.efficiency)
    with pytest.raises(NotRerunnable, match=r"prompts and completions, were dropped on .*365 days\). Without them"):
        await check_rerun(database, run.id)


async def test_a_run_with_a_working_link_is_deleted_only_when_that_is_said(database: Database) -> None:
    shared, lone = [await record(database, generative(seed=seed)) for seed in (1, 2)]
    for run in (shared, lone):
        await age(database, run.id, 400)
    link, _ = await issue_share(database, shared.id, last_seq=None)
    rule = Rule(what="run", older_than=timedelta(days=365), states=frozenset({"finished"}))
    assert await follow(database, rule) == [lone.id]
    with pytest.raises(UnknownRun):
        await get_run(database, lone.id)
    assert await stored(database, EventRow, lone.id) == await stored(database, CallRow, lone.id) == 0
    assert await affected(database, rule.model_copy(update={"shared": True})) == [shared.id]
    await revoke_share(database, link.id)
    assert await follow(database, rule) == [shared.id]


async def test_prompt_sets_go_with_the_last_run_that_is_pinned_to_them(database: Database) -> None:
    run = await record(database, generative())
    assert await drop_unused_prompt_sets(database) == 0
    await age(database, run.id, 400)
    await follow(database, Rule(what="run", older_than=timedelta(days=365), states=frozenset({"finished"})))
    assert await drop_unused_prompt_sets(database) == 1
    async with database.read() as connection:
        assert (await connection.execute(select(PromptSetRow.hash))).all() == []


async def test_a_run_that_changed_meanwhile_is_left_alone(database: Database) -> None:
    first, second = [await record(database, generative(seed=seed)) for seed in (1, 2)]
    for run in (first, second):
        await age(database, run.id, 100)
    found = []
    async for dropped in apply(database, OLD):
        found.append(dropped.run_id)
        async with database.write() as connection:
            others = RunRow.id.not_in(found)
            await connection.execute(update(RunRow).where(others).values(state="queued"))
    assert len(found) == 1
    [other] = {first.id, second.id} - set(found)
    assert await stored(database, SegmentRow, other) > 0
    assert (await get_run(database, other)).dropped is None


@pytest.mark.parametrize(
    ("what", "states"),
    [("prompts", {"paused"}), ("calls", {"failed"}), ("run", {"playing"}), ("run", {"queued"}), ("run", set())],
)
def test_a_rule_that_would_take_what_a_run_needs_is_refused(what: str, states: set[str]) -> None:
    with pytest.raises(RetentionError, match="always kept"):
        Rule.model_validate({"what": what, "older_than": timedelta(days=9), "states": states})


async def test_two_workers_follow_the_rule_side_by_side(database: Database) -> None:
    runs = [await record(database, generative(seed=seed)) for seed in (1, 2, 3)]
    for run in runs:
        await age(database, run.id, 100)
    stop = asyncio.Event()
    tasks = [asyncio.create_task(keep_house(database, timedelta(days=90), stop)) for _ in range(2)]
    for run in runs:
        while (await get_run(database, run.id)).dropped is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*tasks)
    for run in runs:
        assert [entry.kind for entry in await run_log(database, run.id)].count("retention") == 1


async def test_space_is_given_back(database: Database) -> None:
    runs = [await record(database, generative(seed=seed, months=2)) for seed in (1, 2)]
    for run in runs:
        await age(database, run.id, 400)
    before = await room(database)
    await follow(database, Rule(what="run", older_than=timedelta(days=365), states=frozenset({"finished"})))
    await compact(database)
    after = await room(database)
    if after.free is not None:
        assert after.used < before.used / 1.3
        assert after.free == 0


async def test_exports_say_what_is_missing(database: Database, tmp_path: Path) -> None:
    run = await record(database, generative())
    await age(database, run.id, 91)
    await follow(database, OLD)
    whole = await read_whole(database, run.id)
    told = whole.run.dropped
    assert told is not None
    exported = json.loads(export_files(whole, "json")[f"{run.id}.json"])
    assert exported["about"]["dropped"] == told
    assert {tuple(call["messages"]) for call in exported["calls"]} == {()}
    assert told in export_files(whole, "research")["log_env.json"].decode()
    assert told in export_files(whole, "csv")["run.csv"].decode()


async def test_a_call_whose_prompt_was_dropped_still_has_its_answer(database: Database) -> None:
    run = await record(database, generative())
    await age(database, run.id, 91)
    await follow(database, OLD)
    key = next(call.key for call in await list_calls(database, run.id) if call.purpose == "harvest")
    call = await get_call(database, run.id, key)
    assert call is not None and call.messages == () and call.answer is not None and len(call.request_hash) == 64
