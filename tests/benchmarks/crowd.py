"""Many runs at once in one worker process at 5 s model latency: speed, memory, lost events, pages meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import psutil
from sqlalchemy import func, select

from app.store.queries import count_states
from app.store.tables import CallRow, EventRow
from tests.benchmarks.figures import Report, percentile
from tests.benchmarks.places import instance
from tests.fakes.process import FakeModelServer
from tests.support import Instance

LATENCY_S = 5.0
MONTHS = 1
CALLS_OF_A_MONTH, CRITICAL_OF_A_MONTH = 71, 14
LIMITS_MS = 200.0


@dataclass
class Observed:
    """What was seen while runs were being played."""

    pages: dict[str, list[float]] = field(default_factory=dict)
    worker_bytes: int = 0
    web_bytes: int = 0
    refused: int = 0


def measure(report: Report, crowds: Sequence[int] = (1, 50, 200)) -> None:
    """Play that many runs of one month at once, one crowd after the other."""
    for size in crowds:
        report.heading(f"{size} runs at once in one worker process, {LATENCY_S:g} s model latency, {MONTHS} month each")
        with (
            FakeModelServer(seed=1, latency_ms=LATENCY_S * 1000) as server,
            instance(server, max_concurrency=2000, timeout_s=120) as made,
        ):
            asyncio.run(_crowd(report, made, server, size))


async def _crowd(report: Report, made: Instance, server: FakeModelServer, size: int) -> None:
    process = made.start("serve", "--port", "0")
    assert process.stdout is not None
    address = (await asyncio.to_thread(process.stdout.readline)).split()[-1]
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as browser:
        await _warm_up(made)
        started = time.monotonic()
        ids = await made.launch(minds=["generative:lab/villager"], months=MONTHS, seeds=list(range(1, size + 1)))
        seen = await _watch(made, browser, ids[0], psutil.Process(process.pid))
        seconds = time.monotonic() - started
    critical = MONTHS * CRITICAL_OF_A_MONTH * LATENCY_S
    report.add(f"wall time, launch to end (critical path alone {critical:.0f} s)", seconds, None, "s")
    asked = server.stats()
    report.add("calls per second", asked["answered"] / seconds, None, "1/s")
    report.add("most calls in flight", asked["max_in_flight"])
    report.add("calls asked more than once", asked["requests"] - size * MONTHS * CALLS_OF_A_MONTH, 0)
    report.add("events or calls lost", await _lost(made, ids), 0)
    report.add("memory of the worker, peak", seen.worker_bytes / 2**20, None, "MiB")
    report.add("memory of the web process, peak", seen.web_bytes / 2**20, None, "MiB")
    for name, times in seen.pages.items():
        report.add(f"{name} meanwhile, p95 of {len(times)}", percentile(times, 0.95), LIMITS_MS, "ms")
    report.add("requests refused meanwhile", seen.refused, 0)


async def _warm_up(made: Instance) -> None:
    """Let the worker play something small: what is measured is playing, not starting."""
    [run_id] = await made.launch(minds=["scripted:fair-share"], months=1)
    await made.until(run_id, lambda run: run.state == "finished")


async def _watch(made: Instance, browser: httpx.AsyncClient, run_id: str, web: psutil.Process) -> Observed:
    seen = Observed()
    pages = {
        "home": "/",
        "list of runs": "/runs",
        "run page": f"/runs/{run_id}",
        "events": f"/api/v1/runs/{run_id}/events",
    }
    for name, path in pages.items():
        await browser.get(path)  # The first answer compiles its template.
        seen.pages[name] = []
    while True:
        for name, path in pages.items():
            before = time.perf_counter()
            answer = await browser.get(path)
            seen.pages[name].append((time.perf_counter() - before) * 1000)
            seen.refused += answer.status_code != 200
        seen.web_bytes = max(seen.web_bytes, web.memory_info().rss)
        seen.worker_bytes = max(
            [seen.worker_bytes, *(child.memory_info().rss for child in web.children(recursive=True))]
        )
        states = await count_states(made.database)
        if not states.get("queued") and not states.get("playing"):
            unfinished = {state: number for state, number in states.items() if state != "finished"}
            assert not unfinished, f"runs ended otherwise than finished: {unfinished}"
            return seen
        await asyncio.sleep(0.2)


async def _lost(made: Instance, ids: Sequence[str]) -> int:
    """Return how many events and calls are missing: all runs are alike, so each must hold what the fullest holds."""
    lost = 0
    async with made.database.read() as connection:
        for table in (EventRow, CallRow):
            rows = await connection.execute(select(table.run_id, func.count()).group_by(table.run_id))
            counts = {row[0]: row[1] for row in rows}
            full = max(counts[run_id] for run_id in ids)
            lost += sum(full - counts.get(run_id, 0) for run_id in ids)
    return lost
