"""Limits of an endpoint over several worker processes, as the server sees them: on both databases."""

import asyncio
import signal
from collections.abc import Callable

import pytest

from app.store.permits import endpoint_uses
from tests.fakes.process import FakeModelServer
from tests.support import Instance

Configure = Callable[..., None]


@pytest.fixture
def configure(instance: Instance, server: FakeModelServer, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Limits for the endpoint, and workers that play few runs each, so that all of them have one."""

    def write(runs_per_worker: int = 1, **limits: object) -> None:
        monkeypatch.setenv("GOVSIM_RUNS_PER_WORKER", str(runs_per_worker))
        instance.folder.joinpath("models.toml").write_text(server.models_toml("lab", backoff_s=0.05, **limits))

    return write


async def queue(instance: Instance, runs: int, months: int = 1) -> list[str]:
    return await instance.launch(minds=["generative:lab/villager"], months=months, seeds=list(range(runs)))


async def all_finished(instance: Instance, ids: list[str], seconds: float = 120) -> None:
    for run_id in ids:
        await instance.until(run_id, lambda run: run.state == "finished", seconds)


@pytest.mark.parametrize(("limit", "workers"), [(10, 2), (3, 3), (1, 2)])
async def test_workers_together_keep_the_limit_of_requests_at_once(
    instance: Instance, server: FakeModelServer, configure: Configure, limit: int, workers: int
) -> None:
    configure(max_concurrency=limit)
    server.control(latency_ms=30 if limit > 1 else 5)
    ids = await queue(instance, workers)
    for _ in range(workers):
        instance.start("worker")
    await all_finished(instance, ids)
    assert server.stats()["max_in_flight"] == limit
    assert server.stats()["requests"] == 71 * len(ids)


async def test_workers_that_are_killed_and_started_again_keep_it(
    instance: Instance, server: FakeModelServer, configure: Configure
) -> None:
    configure(runs_per_worker=2, max_concurrency=5)
    server.control(latency_ms=100)
    ids = await queue(instance, 4, months=2)
    workers = [instance.start("worker") for _ in range(2)]
    for count in (20, 120):
        while server.stats()["requests"] < count:  # noqa: ASYNC110 - the server is another process
            await asyncio.sleep(0.05)
        worker = workers.pop(0)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        workers.append(instance.start("worker"))
    await all_finished(instance, ids)
    assert server.stats()["max_in_flight"] == 5


async def test_workers_and_the_command_line_keep_the_rate_in_every_window(
    instance: Instance, server: FakeModelServer, configure: Configure
) -> None:
    configure(max_concurrency=30, requests_per_minute=1800, rate_window_s=2)
    server.control(latency_ms=10, window_s=2)
    ids = await queue(instance, 2)
    for _ in range(2):
        instance.start("worker")
    done = await asyncio.to_thread(
        instance.govsim, "run", "--mind", "generative:lab/villager", "--months", "1", "--json"
    )
    await all_finished(instance, ids)
    stats = server.stats()
    assert done.returncode == 0 and stats["requests"] == 3 * 71
    assert 30 <= stats["max_in_window"] <= 60
    (use,) = await endpoint_uses(instance.database)
    assert use.name == "lab" and 0 < use.requests_last_minute <= 3 * 71


async def test_a_rate_of_tokens_is_kept(instance: Instance, server: FakeModelServer, configure: Configure) -> None:
    configure(max_concurrency=30, tokens_per_minute=900_000, rate_window_s=2)
    server.control(latency_ms=10, window_s=2)
    ids = await queue(instance, 2)
    for _ in range(2):
        instance.start("worker")
    await all_finished(instance, ids)
    assert 0 < server.stats()["max_tokens_in_window"] <= 30_000


async def test_retry_after_holds_all_workers_back(
    instance: Instance, server: FakeModelServer, configure: Configure
) -> None:
    configure(max_concurrency=10)
    server.control(latency_ms=20)
    ids = await queue(instance, 2)
    for _ in range(2):
        instance.start("worker")
    while server.stats()["requests"] < 20:  # noqa: ASYNC110 - the server is another process
        await asyncio.sleep(0.05)
    server.control(fail_next=2, status=429, retry_after="3")
    while server.stats()["by_status"].get("429", 0) < 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.sleep(1.3)  # every worker has exchanged by then
    before = server.stats()["requests"]
    await asyncio.sleep(1)
    assert server.stats()["requests"] == before
    (use,) = await endpoint_uses(instance.database)
    assert use.quiet_s > 0
    await all_finished(instance, ids)


@pytest.mark.long
async def test_ten_at_once_and_six_hundred_a_minute(
    instance: Instance, server: FakeModelServer, configure: Configure
) -> None:
    configure(runs_per_worker=4, max_concurrency=10, requests_per_minute=600)
    server.control(latency_ms=20)
    ids = await queue(instance, 8, months=2)
    workers = [instance.start("worker") for _ in range(2)]
    while server.stats()["requests"] < 300:  # noqa: ASYNC110 - the server is another process
        await asyncio.sleep(0.1)
    workers[0].send_signal(signal.SIGKILL)
    instance.start("worker")
    await all_finished(instance, ids, seconds=300)
    stats = server.stats()
    assert stats["max_in_flight"] <= 10 and 500 <= stats["max_in_window"] <= 600
    assert stats["answered"] >= 8 * 142
