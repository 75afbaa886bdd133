"""Several `govsim worker` processes on one database: what one loses, another goes on with."""

import asyncio
import signal

from app.store.controls import request
from app.store.queries import list_calls, run_log
from app.store.subskills import get_subskill_run
from app.subskills.plan import SubskillPlan, start_tests
from tests.fakes.process import FakeModelServer
from tests.support import ROOT, Instance

PLAN = {"minds": ["generative:lab/villager"], "months": 5}


async def recorded(instance: Instance, run_id: str) -> set[str]:
    return {call.key for call in await list_calls(instance.database, run_id, limit=5000)}


async def owners(instance: Instance, ids: list[str]) -> dict[str, str]:
    """Wait until all runs are being played; return who plays which."""
    runs = [await instance.until(run_id, lambda run: run.owner is not None and run.calls > 0) for run_id in ids]
    return {run.id: run.owner or "" for run in runs}


async def test_when_one_of_two_workers_is_killed_the_other_goes_on_with_its_runs(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=30)
    ids = [(await instance.launch(**PLAN))[0] for _ in range(4)]
    workers = [instance.start("worker", "--runs", "2") for _ in range(2)]
    await owners(instance, ids)
    workers[0].send_signal(signal.SIGKILL)
    workers[0].wait()
    before = {run_id: await recorded(instance, run_id) for run_id in ids}
    for run_id in ids:
        await instance.until(run_id, lambda run: run.state == "finished")
    texts = [await instance.events(run_id) for run_id in ids]
    assert texts.count(texts[0]) == 4  # some were disturbed, some were not
    for run_id in ids:
        counts = server.stats()["calls"][run_id]
        assert {key: counts[key] for key in before[run_id]} == dict.fromkeys(before[run_id], 1)
        assert max(counts.values()) <= 2


async def test_a_frozen_worker_that_comes_back_writes_nothing_and_plays_on_with_other_runs(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=60)
    [run_id] = await instance.launch(**PLAN)
    frozen = instance.start("worker", "--runs", "1")
    await instance.until(run_id, lambda run: run.calls >= 6)
    frozen.send_signal(signal.SIGSTOP)
    instance.start("worker", "--runs", "1")
    await instance.until(run_id, lambda run: run.epoch > 1 and run.state == "playing")
    frozen.send_signal(signal.SIGCONT)
    [other] = await instance.launch(**PLAN)
    for one in (run_id, other):
        await instance.until(one, lambda run: run.state == "finished")
    assert await instance.events(run_id) == await instance.events(other)
    assert len(await recorded(instance, run_id)) == 5 * 71
    said = [entry.text for entry in await run_log(instance.database, run_id)]
    assert sum(text.startswith("Finished") for text in said) == 1
    assert frozen.poll() is None


async def test_a_worker_told_to_end_hands_its_runs_to_the_other_before_any_lease_runs_out(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=60)
    ids = [(await instance.launch(**PLAN))[0] for _ in range(2)]
    first = instance.start("worker")
    await owners(instance, ids)
    instance.start("worker")
    first.terminate()
    assert await asyncio.to_thread(first.wait, 30) == 0
    for run_id in ids:
        await instance.until(run_id, lambda run: run.state == "finished")
        said = [entry.text for entry in await run_log(instance.database, run_id)]
        assert "Queued: The worker is shutting down." in said
        assert not any("lost" in text for text in said)


async def test_the_same_signal_twice_ends_a_worker_at_once(instance: Instance, server: FakeModelServer) -> None:
    server.control(latency_ms=5000)
    [run_id] = await instance.launch(**PLAN)
    worker = instance.start("worker")
    await instance.until(run_id, lambda run: run.state == "playing")
    worker.terminate()
    while worker.poll() is None:
        worker.terminate()
        await asyncio.sleep(0.1)
    assert worker.returncode == -signal.SIGTERM


async def test_an_urgent_run_is_played_before_those_that_wait(instance: Instance, server: FakeModelServer) -> None:
    server.control(latency_ms=5)
    usual = await instance.launch(**PLAN, seeds=[1, 2, 3])
    instance.start("worker", "--runs", "1")
    await instance.until(usual[0], lambda run: run.state == "playing")
    [urgent] = await instance.launch(**PLAN, priority=10)
    done = await instance.until(urgent, lambda run: run.state == "finished")
    last = await instance.until(usual[2], lambda run: run.state == "finished")
    assert done.ended_at is not None and last.started_at is not None and done.ended_at <= last.started_at


async def test_subskill_tests_reach_a_worker_and_go_on_with_another(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=100)
    plan = SubskillPlan.model_validate({"model": "lab/villager", "scenarios": ["fishery"], "cases": 20, "seed": 1})
    [tests_id] = await start_tests(
        instance.database,
        plan,
        check_model=lambda name, kind="chat": None,
        prompt_folders=[ROOT / "templates" / "prompts"],
    )
    worker = instance.start("worker")
    async with asyncio.timeout(60):
        while (await get_subskill_run(instance.database, tests_id)).done == 0:
            await asyncio.sleep(0.05)
    worker.terminate()
    worker.wait(30)
    assert (await get_subskill_run(instance.database, tests_id)).state == "queued"
    instance.start("worker")
    async with asyncio.timeout(60):
        while (await get_subskill_run(instance.database, tests_id)).state != "finished":
            await asyncio.sleep(0.05)
    assert set(server.stats()["calls"][tests_id].values()) == {1}


async def test_a_stop_asked_for_here_ends_a_run_that_is_played_elsewhere(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=50)
    [run_id] = await instance.launch(**PLAN)
    instance.start("worker")
    await instance.until(run_id, lambda run: run.calls > 0)
    await request(instance.database, run_id, "stop")
    await instance.until(run_id, lambda run: run.state == "cancelled")
