"""A recorded run gives the same events when it is played again from its calls; where it does not, that is told."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from app.commons.config import EpisodeConfig, GameConfig, GenerativeFramework, GenerativeMind
from app.engine.version import ENGINE_VERSION
from app.interop.library import import_logs
from app.jobs.rerun import NotRerunnable, check_rerun
from app.store.codec import pack
from app.store.connect import Database, open_database
from app.store.queries import events_after, list_calls
from app.store.runs import UnknownRun
from app.store.tables import CallRow, EventRow, PromptSetRow, RunRow, SegmentRow
from tests.fakes.episodes import episodes
from tests.fakes.villagers import PROMPTS, record
from tests.interop.logs import two_months, write_run
from tests.support import fresh_database, scripted_config

DRAWN = {
    "config": episodes(),
    "seed": st.integers(0, 999),
    "rubbish": st.sampled_from([0.0, 0.05, 0.4]),
    "shuffle": st.none() | st.integers(0, 999),
    "breaks_after": st.none() | st.integers(0, 40),
}


def generative(months: int = 2, **changes: object) -> EpisodeConfig:
    config = scripted_config(["greedy"] * 3, game=GameConfig(months=months))
    mind = GenerativeMind(model="lab/m")
    agents = tuple(agent.model_copy(update={"mind": mind}) for agent in config.agents)
    return config.model_copy(update={"agents": agents, "framework": GenerativeFramework(model="lab/m")} | changes)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    _, url = fresh_database(tmp_path_factory.mktemp("rerun"))
    return url


async def recorded_then_rerun(url: str, config: EpisodeConfig, behaviour: dict[str, object]) -> None:
    database = open_database(url)
    try:
        run = await record(database, config, **behaviour)
        assert run.state == "finished" or (run.state == "paused" and behaviour["breaks_after"] is not None), run.reason
        report = await check_rerun(database, run.id)
        assert report.equal, report.text
        assert (report.events, report.recorded_events) == (run.events, run.events)
        assert report.calls <= report.recorded_calls == run.calls
        assert run.state != "finished" or report.calls == run.calls
    finally:
        await database.close()


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(**DRAWN)
def test_random_episodes_rerun_byte_identical(url: str, config: EpisodeConfig, **behaviour: object) -> None:
    asyncio.run(recorded_then_rerun(url, config, behaviour))


@pytest.mark.long
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(**DRAWN)
def test_many_random_episodes_rerun_byte_identical(url: str, config: EpisodeConfig, **behaviour: object) -> None:
    asyncio.run(recorded_then_rerun(url, config, behaviour))


async def test_the_order_in_which_calls_finish_changes_no_event(database: Database) -> None:
    first = await record(database, generative(), rubbish=0.2)
    for seed in range(3):
        other = await record(database, generative(), rubbish=0.2, shuffle=seed)
        assert [e for _, e in await events_after(database, first.id)] == [
            e for _, e in await events_after(database, other.id)
        ]
        assert (await check_rerun(database, other.id)).equal


async def test_a_check_says_what_it_compared_and_writes_nothing(database: Database) -> None:
    run = await record(database, generative())
    report = await check_rerun(database, run.id, [PROMPTS])
    assert report.text == f"Equal: {run.events} events and {run.calls} calls, byte for byte."
    assert report.versions == ()
    assert len(await list_calls(database, run.id)) == run.calls


async def change(database: Database, table: type, run_id: str, values: dict[str, object], *where: object) -> None:
    async with database.write() as connection:
        await connection.execute(update(table).where(table.run_id == run_id, *where).values(**values))  # type: ignore[attr-defined]


async def test_a_changed_event_is_found_with_its_fields(database: Database) -> None:
    run = await record(database, scripted_config())
    payload = next(text for seq, text in await events_after(database, run.id, last=3) if seq == 3)
    await change(database, EventRow, run.id, {"payload": payload.replace('"asked":', '"asked":4')}, EventRow.seq == 3)
    report = await check_rerun(database, run.id)
    assert not report.equal and report.events == 2 and report.difference is not None
    found = report.difference
    assert (found.kind, found.event, found.month, found.event_kind, found.agent) == ("event", 3, 1, "decided", "Kate")
    assert [field.name for field in found.fields] == ["asked"]
    assert found.fields[0].recorded == f"4{found.fields[0].now}"


async def test_a_record_that_is_too_short_or_too_long_is_found(database: Database) -> None:
    run = await record(database, scripted_config())
    async with database.write() as connection:
        await connection.execute(delete(EventRow).where(EventRow.run_id == run.id, EventRow.seq == run.events))
    shorter = await check_rerun(database, run.id)
    assert shorter.difference is not None and shorter.difference.kind == "extra event"
    assert f"before event {run.events} " in shorter.text
    other = await record(database, scripted_config())
    row = {"run_id": other.id, "seq": other.events + 1, "month": 12, "phase": "home", "kind": "ended", "agent": None}
    async with database.write() as connection:
        await connection.execute(EventRow.__table__.insert().values(**row, payload='{"month":12,"kind":"ended"}'))
    longer = await check_rerun(database, other.id)
    assert longer.difference is not None
    assert (longer.difference.kind, longer.difference.event) == ("missing event", other.events + 1)


async def test_a_call_that_is_missing_or_was_never_needed_is_found(database: Database) -> None:
    run = await record(database, generative())
    lost = "1/harvest/Kate/harvest//1"
    async with database.write() as connection:
        await connection.execute(delete(CallRow).where(CallRow.run_id == run.id, CallRow.key == lost))
    missing = await check_rerun(database, run.id)
    assert missing.difference is not None
    assert (missing.difference.kind, missing.difference.call) == ("missing call", lost)
    other = await record(database, generative())
    stray = {"key": "9/home/Kate/insight//1", "month": 9}
    await change(database, CallRow, other.id, stray, CallRow.key == "1/home/Kate/insight//1")
    assert not (await check_rerun(database, other.id)).equal


async def test_a_call_missing_from_an_unfinished_run_is_found(database: Database) -> None:
    run = await record(database, generative(), breaks_after=12)
    assert run.state == "paused" and run.events > 10
    async with database.write() as connection:
        where = (CallRow.run_id == run.id, CallRow.key == "1/harvest/Kate/harvest//1")
        await connection.execute(delete(CallRow).where(*where))
    report = await check_rerun(database, run.id)
    assert report.difference is not None
    assert (report.difference.kind, report.difference.call) == ("missing call", "1/harvest/Kate/harvest//1")


async def test_another_request_is_shown_where_it_parts_from_the_recorded_one(database: Database) -> None:
    run = await record(database, generative())
    await change(database, SegmentRow, run.id, {"text": pack("Something else entirely.")}, SegmentRow.no == 1)
    await change(database, CallRow, run.id, {"request_hash": "0" * 64}, CallRow.key == "1/harvest/John/harvest//1")
    report = await check_rerun(database, run.id)
    assert report.difference is not None and report.difference.kind == "request"
    assert report.difference.call == "1/harvest/John/harvest//1"
    assert any("Something else entirely." in field.recorded for field in report.difference.fields)


async def test_other_versions_are_named(database: Database, tmp_path: Path) -> None:
    run = await record(database, generative())
    async with database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.id == run.id).values(engine_version="0"))
    own = tmp_path / "base"
    own.mkdir()
    for file in (PROMPTS / "base").iterdir():
        (own / file.name).write_text(file.read_text() + ("\n" if file.suffix == ".txt" else ""))
    report = await check_rerun(database, run.id, [tmp_path])
    assert report.equal, "the run's own prompts are used"
    assert report.versions[0] == f"It was recorded with engine 0; this is engine {ENGINE_VERSION}."
    assert "prompt set 'base'" in report.versions[1]


async def test_a_run_without_its_prompts_cannot_be_played(database: Database) -> None:
    run = await record(database, generative(months=1))
    async with database.write() as connection:
        await connection.execute(delete(PromptSetRow))
    report = await check_rerun(database, run.id)
    assert report.difference is not None and report.difference.kind == "not playable"
    assert "prompt set" in report.text


async def test_unknown_and_imported_runs_are_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UnknownRun):
        await check_rerun(database, "r2222222")
    (outcome,) = await import_logs(database, [write_run(tmp_path / "a", two_months())])
    with pytest.raises(NotRerunnable, match="was imported"):
        await check_rerun(database, str(outcome.run_id))
