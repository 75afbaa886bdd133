"""What happens to runs when processes die, endpoints fail and people change their minds: with real processes."""

import asyncio
import json
import signal

import pytest

from app.store.controls import request, resume
from app.store.queries import list_calls, run_log
from tests.fakes.process import FakeModelServer
from tests.support import Instance

GENERATIVE = {"minds": ["generative:lab/villager"], "months": 5}


async def recorded_keys(instance: Instance, run_id: str) -> set[str]:
    return {call.key for call in await list_calls(instance.database, run_id, limit=5000)}


async def test_a_killed_worker_costs_nothing_that_was_recorded(instance: Instance, server: FakeModelServer) -> None:
    [undisturbed, disturbed] = [(await instance.launch(**GENERATIVE))[0] for _ in range(2)]
    server.control(latency_ms=20)
    worker = instance.start("worker")
    await instance.until(disturbed, lambda run: run.months_played >= 3)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = await recorded_keys(instance, disturbed)
    instance.start("worker")
    for run_id in (undisturbed, disturbed):
        await instance.until(run_id, lambda run: run.state == "finished")
    assert await instance.events(disturbed) == await instance.events(undisturbed)
    counts = server.stats()["calls"][disturbed]
    assert before, "the worker was killed before anything was recorded"
    assert {key: counts[key] for key in before} == dict.fromkeys(before, 1)
    assert set(counts) == await recorded_keys(instance, disturbed)
    assert max(counts.values()) <= 2


async def test_an_endpoint_that_is_down_pauses_the_run_and_resuming_loses_nothing(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=5)
    [run_id] = await instance.launch(**GENERATIVE)
    instance.start("worker")
    await instance.until(run_id, lambda run: run.months_played >= 2)
    server.control(down=True)
    paused = await instance.until(run_id, lambda run: run.state == "paused")
    assert paused.reason_kind == "endpoint"
    assert "'lab'" in (paused.reason or "")
    before = await recorded_keys(instance, run_id)
    server.control(down=False)

    assert await resume(instance.database, run_id) == "queued"
    await instance.until(run_id, lambda run: run.state == "finished")
    answered = server.stats()["calls"][run_id]
    assert before <= set(answered)
    assert len(await recorded_keys(instance, run_id)) == 5 * 71


async def test_rubbish_and_hiccups_are_counted_and_never_turned_into_virtue(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(rubbish_rate=0.8, error_rate=0.1, drop_rate=0.05)
    instance.folder.joinpath("models.toml").write_text(server.models_toml("lab", attempts=8, backoff_s=0.01))
    [run_id] = await instance.launch(minds=["generative:lab/villager"], months=3)
    instance.start("worker")
    run = await instance.until(run_id, lambda run: run.state == "finished")
    events = [json.loads(text) for text in await instance.events(run_id)]
    unread = [event for event in events if event["kind"] == "decided" and not event["readable"]]
    assert run.unreadable == len(unread) > 0
    assert all((event["asked"], event["wanted"], event["attempts"]) == (None, 0, 3) for event in unread)
    assert [event for event in events if event["kind"] == "unreadable"]


async def test_stop_now_keeps_the_calls_that_were_under_way(instance: Instance, server: FakeModelServer) -> None:

    server.control(latency_ms=400)
    [run_id] = await instance.launch(**GENERATIVE)
    instance.start("worker")
    await instance.until(run_id, lambda run: run.calls >= 6)
    await request(instance.database, run_id, "stop")
    run = await instance.until(run_id, lambda run: run.state == "cancelled")
    assert (run.censored, run.survived) == (True, None)
    assert set(server.stats()["calls"][run_id]) == await recorded_keys(instance, run_id)


async def test_a_pause_waits_for_the_end_of_the_month(instance: Instance, server: FakeModelServer) -> None:

    server.control(latency_ms=5)
    [run_id] = await instance.launch(**GENERATIVE)
    instance.start("worker")
    await instance.until(run_id, lambda run: run.months_played >= 1)
    await request(instance.database, run_id, "pause")
    await instance.until(run_id, lambda run: run.state == "paused")
    last = json.loads((await instance.events(run_id))[-1])
    assert last["kind"] == "month_ended"
    await resume(instance.database, run_id)
    await instance.until(run_id, lambda run: run.state == "finished")


async def test_a_worker_told_to_end_hands_its_run_back_within_seconds(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=100)
    [run_id] = await instance.launch(**GENERATIVE)
    worker = instance.start("worker")
    await instance.until(run_id, lambda run: run.calls >= 6)
    worker.terminate()
    worker.wait(10)
    await instance.until(run_id, lambda run: run.state == "queued", seconds=1)


async def test_no_run_is_played_twice_when_the_command_line_plays_beside_workers(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=5)
    queued = [(await instance.launch(**GENERATIVE, seeds=[seed]))[0] for seed in (1, 2)]
    for _ in range(2):
        instance.start("worker")
    done = await asyncio.to_thread(
        instance.govsim, "run", "--mind", "generative:lab/villager", "--months", "5", "--seed", "3", "--json"
    )
    printed = json.loads(done.stdout)
    for run_id in queued:
        await instance.until(run_id, lambda run: run.state == "finished")
    assert (done.returncode, printed["state"], printed["metrics"]["months_played"]) == (0, "finished", 5)
    for run_id in (*queued, printed["id"]):
        assert set(server.stats()["calls"][run_id].values()) == {1}
        played = [entry.text for entry in await run_log(instance.database, run_id) if "Playing" in entry.text]
        assert played == ["Playing."]


@pytest.mark.parametrize("scenario", ["fishery", "pasture", "pollution"])
@pytest.mark.parametrize("condition", ["default", "universalization", "no_communication"])
async def test_every_scenario_and_condition_plays_with_its_number_of_calls(
    instance: Instance, server: FakeModelServer, scenario: str, condition: str
) -> None:
    [run_id] = await instance.launch(
        scenario=scenario, condition=condition, minds=["generative:lab/villager"], months=2
    )
    instance.start("worker")
    run = await instance.until(run_id, lambda run: run.state == "finished")
    assert run.calls == (10 if condition == "no_communication" else 142)
    assert run.unreadable == 0


async def test_the_standard_episode_makes_its_852_calls(instance: Instance, server: FakeModelServer) -> None:
    [run_id] = await instance.launch(minds=["generative:lab/villager"])
    instance.start("worker")
    run = await instance.until(run_id, lambda run: run.state == "finished")
    assert (run.months_played, run.calls) == (12, 852)
    assert server.stats()["by_purpose"] == {
        "harvest": 60,
        "utterance": 108,
        "summary": 12,
        "limit": 12,
        "planning": 60,
        "interesting": 60,
        "rating": 480,
        "insight": 60,
    }


async def test_vectors_and_batches_come_back_from_the_record(instance: Instance, server: FakeModelServer) -> None:
    plan = GENERATIVE | {"ratings": "batched", "embedding": "lab/embedder"}
    [undisturbed, disturbed] = [(await instance.launch(**plan))[0] for _ in range(2)]
    server.control(latency_ms=20)
    worker = instance.start("worker")
    await instance.until(disturbed, lambda run: run.months_played >= 3)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = await recorded_keys(instance, disturbed)
    instance.start("worker")
    for run_id in (undisturbed, disturbed):
        await instance.until(run_id, lambda run: run.state == "finished")
    assert await instance.events(disturbed) == await instance.events(undisturbed)
    assert any("/embedding/" in key for key in before) and any("/rating/batch/" in key for key in before)
    counts = server.stats()["calls"][disturbed]
    assert {key: counts[key] for key in before} == dict.fromkeys(before, 1)
    calls = await list_calls(instance.database, disturbed, limit=5000)
    assert {call.model for call in calls if call.purpose == "embedding"} == {"lab/embedder"}
    assert all(call.fingerprint == "fp_1" for call in calls if call.purpose != "embedding")
