"""What fails outside of us, and what becomes of the runs: docs/failures.md, row by row, with real processes."""

import asyncio
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest

from app.store.controls import request, resume
from app.store.queries import list_calls, run_log
from app.store.records import RunRecord
from tests.fakes.process import FakeModelServer
from tests.support import Instance

SHORT = {"minds": ["generative:lab/villager"], "months": 2}


@pytest.fixture
def database_kind() -> str:
    """What endpoints do is the same on both databases."""
    return "sqlite"


async def keys(instance: Instance, run_id: str) -> set[str]:
    return {call.key for call in await list_calls(instance.database, run_id, limit=5000)}


async def log_texts(instance: Instance, run_id: str) -> list[str]:
    return [entry.text for entry in await run_log(instance.database, run_id)]


def waiting(run: RunRecord) -> bool:
    return run.waiting


TROUBLE = {
    "an error": ({"status": 503}, "answered 503"),
    "rate limited beyond patience": ({"status": 429, "retry_after": "0"}, "answered 429"),
    "no credit": ({"status": 402}, "no credit left"),
    "no answer in time": ({"latency_ms": 3000}, "did not answer within 1 s"),
    "a dropped connection": ({"status": 0}, "dropped the connection"),
    "an answer cut off": ({"broken": "half"}, "dropped the connection"),
    "an empty answer": ({"broken": "empty"}, "sent no chat completion"),
    "half a JSON text": ({"broken": "truncated"}, "sent no chat completion"),
}


@pytest.mark.parametrize(("behaviour", "said"), TROUBLE.values(), ids=TROUBLE)
async def test_a_run_waits_for_its_endpoint_and_goes_on_by_itself(
    instance: Instance, server: FakeModelServer, behaviour: dict[str, object], said: str
) -> None:
    instance.folder.joinpath("models.toml").write_text(
        server.models_toml("lab", attempts=2, backoff_s=0.05, timeout_s=1.0)
    )
    server.control(latency_ms=5)
    [run_id] = await instance.launch(**SHORT)
    instance.start("worker")
    await instance.until(run_id, lambda run: run.months_played >= 1)
    server.control(down="latency_ms" not in behaviour, **behaviour)
    paused = await instance.until(run_id, waiting)
    assert (paused.reason_kind, paused.waits_for) == ("endpoint", "endpoint:lab")
    assert "'lab'" in (paused.reason or "") and said in (paused.reason or "")
    kept = await keys(instance, run_id)
    await instance.until(run_id, lambda run: run.retries >= 2)
    assert await keys(instance, run_id) == kept
    server.control(reset=True)
    await instance.until(run_id, lambda run: run.state == "finished")
    counts = server.stats()["calls"][run_id]
    assert {counts[key] for key in kept} == {1}
    assert len(await keys(instance, run_id)) == 2 * 71


async def test_one_run_asks_whether_the_endpoint_is_back_and_the_others_follow(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(down=True)
    ids = [(await instance.launch(**SHORT, seeds=[seed]))[0] for seed in range(6)]
    instance.start("worker")
    for run_id in ids:
        await instance.until(run_id, waiting)
    await instance.until(ids[0], lambda run: run.retries >= 3)
    server.control(down=False)
    for run_id in ids:
        await instance.until(run_id, lambda run: run.state == "finished")
    texts = {run_id: await log_texts(instance, run_id) for run_id in ids}
    scouts = [run_id for run_id in ids for text in texts[run_id] if text.startswith("Queued again to see")]
    assert 3 <= len(scouts) <= 5
    assert sum("Endpoint 'lab' answers; queued again." in text for text in texts.values()) == 5


@pytest.mark.parametrize(
    ("behaviour", "advice"), [({"status": 401}, "Check the key"), ({"status": 404}, "has the model")]
)
async def test_what_a_person_has_to_mend_waits_for_a_person(
    instance: Instance, server: FakeModelServer, behaviour: dict[str, object], advice: str
) -> None:
    toml = server.models_toml("lab", attempts=2, backoff_s=0.05) + 'api_key_env = "LAB_TEST_KEY"\n'
    instance.folder.joinpath("models.toml").write_text(toml)
    server.control(down=True, **behaviour)
    [run_id] = await instance.launch(**SHORT)
    instance.start("worker", LAB_TEST_KEY="sk-wrong-and-secret")
    paused = await instance.until(run_id, lambda run: run.state == "paused")
    assert (paused.waiting, paused.waits_for, paused.retry_at) == (False, None, None)
    assert advice in (paused.reason or "")
    assert "does not mend itself" in (paused.reason or "")
    assert "sk-wrong" not in str(await log_texts(instance, run_id))
    server.control(down=False)
    await resume(instance.database, run_id)
    await instance.until(run_id, lambda run: run.state == "finished")


async def test_a_missing_key_is_waited_for_until_a_worker_has_it(instance: Instance, server: FakeModelServer) -> None:
    toml = server.models_toml("lab") + 'api_key_env = "LAB_TEST_KEY"\n'
    instance.folder.joinpath("models.toml").write_text(toml)
    [run_id] = await instance.launch(**SHORT)
    without = instance.start("worker")
    paused = await instance.until(run_id, lambda run: run.state == "paused")
    assert (paused.waiting, paused.waits_for) == (False, "model:lab/villager")
    assert "LAB_TEST_KEY" in (paused.reason or "")
    without.terminate()
    without.wait(30)
    instance.start("worker", LAB_TEST_KEY="sk-right")
    await instance.until(run_id, lambda run: run.state == "finished")


async def test_a_user_may_keep_a_waiting_run_paused(instance: Instance, server: FakeModelServer) -> None:
    server.control(down=True)
    kept, other = [(await instance.launch(**SHORT, seeds=[seed]))[0] for seed in (1, 2)]
    instance.start("worker")
    for run_id in (kept, other):
        await instance.until(run_id, waiting)
    # It may just be tried again: then the wish is granted when it comes back.
    while (await request(instance.database, kept, "pause")) != "paused":
        await instance.until(kept, lambda run: run.state == "paused")
    server.control(down=False)
    await instance.until(other, lambda run: run.state == "finished")
    left = await instance.until(kept, lambda run: run.state == "paused")
    assert (left.reason_kind, left.waiting) == ("user", False)


def freeze(instance: Instance, process: "subprocess.Popen[str]") -> None:
    """Stop a process, though not within a write to SQLite: its lock would stay with it, and nobody could go on."""
    while True:
        process.send_signal(signal.SIGSTOP)
        if not instance.url.startswith("sqlite"):
            return
        with closing(sqlite3.connect(instance.url.removeprefix("sqlite:///"), timeout=1)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
                return
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)


async def test_a_frozen_worker_that_comes_back_writes_nothing_and_goes_on_with_other_runs(
    instance: Instance, server: FakeModelServer
) -> None:
    server.control(latency_ms=60)
    [undisturbed, taken] = [(await instance.launch(minds=SHORT["minds"], months=4))[0] for _ in range(2)]
    frozen = instance.start("worker")
    await instance.until(taken, lambda run: run.months_played >= 1)
    owner = (await instance.until(taken, lambda run: run.owner is not None)).owner
    freeze(instance, frozen)
    before = await keys(instance, taken)
    instance.start("worker")
    await instance.until(taken, lambda run: run.owner not in (None, owner))
    frozen.send_signal(signal.SIGCONT)
    for run_id in (taken, undisturbed):
        await instance.until(run_id, lambda run: run.state == "finished")
    assert await instance.events(taken) == await instance.events(undisturbed)
    counts = server.stats()["calls"][taken]
    assert {counts[key] for key in before} == {1}
    # What was on its way when it froze comes at most once more.
    assert set(counts) == await keys(instance, taken)
    assert max(counts.values()) <= 2 and sum(count == 2 for count in counts.values()) <= 25
    for process in instance.processes:
        if process is not frozen:
            process.terminate()
            process.wait(30)
    [late] = await instance.launch(**SHORT)
    done = await instance.until(late, lambda run: run.owner is not None or run.state == "finished")
    assert done.state == "finished" or done.owner == owner
    await instance.until(late, lambda run: run.state == "finished")


@pytest.mark.long
async def test_a_run_that_kills_its_workers_fails_alone(instance: Instance, server: FakeModelServer) -> None:
    server.control(latency_ms=400)
    ids = [(await instance.launch(**SHORT, seeds=[seed]))[0] for seed in range(8)]
    poison = ids[3]
    module = "tests.fakes.poisoned"
    worker = instance.start("worker", module=module, POISONED_RUN=poison)
    async with asyncio.timeout(240):
        while (await instance.until(poison, lambda run: True)).state != "failed":
            if worker.poll() is not None:
                worker = instance.start("worker", module=module, POISONED_RUN=poison)
            await asyncio.sleep(0.1)
    failed = await instance.until(poison, lambda run: run.state == "failed")
    assert failed.reason_kind == "worker"
    assert "died 8 times" in (failed.reason or "")
    for run_id in set(ids) - {poison}:
        await instance.until(run_id, lambda run: run.state == "finished")
