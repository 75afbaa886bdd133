"""Runs that are played through a storm end as if nothing had happened, and nothing recorded is paid twice."""

import asyncio
import itertools
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.queries import list_calls
from tests.databases import PostgresServer, start_server
from tests.fakes.process import FakeModelServer
from tests.support import Instance
from tests.torture.storm import Storm

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("torture")]

SCENARIOS = ("fishery", "pasture", "pollution")
MONTHS = 12


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that may be restarted, and that keeps what it has committed."""
    server = start_server(synchronous_commit="on")
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


def undisturbed(folder: Path, models: FakeModelServer, seeds: range) -> dict[tuple[str, int], list[str]]:
    """Return the events of each scenario and seed, played in peace."""
    calm = Instance(folder, models.models_toml("lab", max_concurrency=25))
    found = {}
    for scenario, seed in itertools.product(SCENARIOS, seeds):
        options = ("--scenario", scenario, "--seed", str(seed), "--mind", "generative:lab/villager", "--json")
        done = calm.govsim("run", *options)
        assert done.returncode == 0, done.stderr
        found[scenario, seed] = asyncio.run(calm.events(json.loads(done.stdout)["id"]))
    asyncio.run(calm.close())
    return found


async def weather(instance: Instance, models: FakeModelServer, storm: Storm, copies: int, seeds: range, seconds: float):
    """Launch the runs, let the storm rage, wait for the end, and return the runs' ids by scenario and seed."""
    ids: dict[tuple[str, int], list[str]] = {}
    for scenario, seed in itertools.product(SCENARIOS, seeds):
        plan = {"scenario": scenario, "minds": ["generative:lab/villager"], "months": MONTHS, "seeds": [seed]}
        ids[scenario, seed] = [(await instance.launch(**plan))[0] for _ in range(copies)]
    await storm.rage(seconds)
    await asyncio.to_thread(models.control, latency_ms=20)
    for run_id in (run_id for group in ids.values() for run_id in group):
        run = await instance.until(run_id, lambda run: run.state not in ("queued", "playing", "paused"), seconds=400)
        assert run.state == "finished", (run_id, run.state, run.reason)
    return ids


async def check(
    instance: Instance,
    models: FakeModelServer,
    storm: Storm,
    ids: dict[tuple[str, int], list[str]],
    expected: dict[tuple[str, int], list[str]],
) -> None:
    """Hold the runs against undisturbed ones, and the model server's counts against the record."""
    print(f"troubles: {dict(Counter(storm.done))}; calls not recorded then: {storm.unrecorded}")
    for which, group in ids.items():
        for run_id in group:
            assert await instance.events(run_id) == expected[which], run_id
    asked: dict[str, dict[str, int]] = models.stats()["calls"]
    again = {
        (run_id, key): (before, asked[run_id][key])
        for (run_id, key), before in storm.seen.items()
        if asked[run_id][key] != before
    }
    assert not again, f"{len(again)} recorded calls were asked again: {list(again.items())[:5]}"
    for run_id in (run_id for group in ids.values() for run_id in group):
        keys = {call.key for call in await list_calls(instance.database, run_id, limit=5000)}
        assert keys == set(asked[run_id])
    extra = sum(count - 1 for keys in asked.values() for count in keys.values())
    print(f"calls: {sum(map(len, asked.values()))}, asked again: {extra}")
    assert extra <= storm.unrecorded


async def test_thirty_runs_on_three_workers_over_postgresql(tmp_path: Path, own_postgres: PostgresServer) -> None:
    seeds, copies = range(1, 3), 5
    with FakeModelServer(seed=1) as models:
        (tmp_path / "calm").mkdir()
        expected = await asyncio.to_thread(undisturbed, tmp_path / "calm", models, seeds)
        models.reset()
        models.control(latency_ms=700)
        toml = models.models_toml("lab", max_concurrency=200, timeout_s=30)
        instance = Instance(tmp_path, toml, own_postgres.url(own_postgres.new_database()))
        storm = Storm(instance, models, own_postgres.restart, seed=1)
        try:
            ids = await weather(instance, models, storm, copies, seeds, seconds=180)
            await check(instance, models, storm, ids, expected)
        finally:
            await instance.close()


async def test_six_runs_on_three_workers_over_sqlite(tmp_path: Path) -> None:
    seeds, copies = range(1, 2), 2
    with FakeModelServer(seed=1) as models:
        (tmp_path / "calm").mkdir()
        expected = await asyncio.to_thread(undisturbed, tmp_path / "calm", models, seeds)
        models.reset()
        models.control(latency_ms=300)
        instance = Instance(tmp_path, models.models_toml("lab", max_concurrency=100, timeout_s=30))
        storm = Storm(instance, models, None, seed=2)
        try:
            ids = await weather(instance, models, storm, copies, seeds, seconds=45)
            await check(instance, models, storm, ids, expected)
        finally:
            await instance.close()
