"""Pages of an instance that stores 10,000 runs: list, run page, an experiment of 200 runs."""

import asyncio
import time

import httpx
from sqlalchemy import insert, literal, select, update

from app.store.ids import new_id
from app.store.runs import now
from app.store.tables import CallRow, EventRow, ExperimentRow, RunRow, SegmentRow
from tests.benchmarks.figures import Report, percentile
from tests.benchmarks.places import instance
from tests.fakes.process import FakeModelServer
from tests.support import Instance

STORED = 10_000
COMPARED = 200
WITH_CALLS = 100
TOGETHER = 50
"""Runs of each other experiment."""
TIMES = 40


def measure(report: Report) -> None:
    """Store many copies of played runs, then ask a web process of its own for pages."""
    report.heading(f"Pages at {STORED:,} stored runs, server time by a client on the same machine, p95 of {TIMES}")
    with FakeModelServer(seed=1) as server, instance(server) as made:
        asyncio.run(_pages(report, made))


async def _pages(report: Report, made: Instance) -> None:
    started = time.monotonic()
    experiment, run_id = await fill(made)
    report.note(
        f"made in {time.monotonic() - started:.0f} s: {(made.folder / 'test.db').stat().st_size / 2**30:.2f} GiB"
    )
    process = made.start("serve", "--port", "0", "--no-worker")
    assert process.stdout is not None
    address = (await asyncio.to_thread(process.stdout.readline)).split()[-1]
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as browser:
        for name, path, limit in (
            ("home", "/", 100.0),
            ("list of runs", "/runs", 100.0),
            ("list of runs, filtered and sorted", "/runs?scenario=fishery&sort=gain&outcome=survived", 100.0),
            ("list of runs, last page", f"/runs?offset={STORED - 50}", 100.0),
            ("list of runs, searched", "/runs?q=villager", 100.0),
            ("list of runs as JSON", "/api/v1/runs", 100.0),
            ("run page", f"/runs/{run_id}", 100.0),
            ("run page, month 6", f"/runs/{run_id}?month=6", 100.0),
            (f"experiment of {COMPARED} runs", f"/experiments/{experiment}", 500.0),
            ("list of experiments", "/experiments", 100.0),
            ("list of experiments, those that failed", "/experiments?state=failed", 100.0),
            ("its stock figure", f"/api/v1/experiments/{experiment}/figures/stock", 500.0),
        ):
            times = []
            for turn in range(TIMES + 1):
                before = time.perf_counter()
                answer = await browser.get(path)
                assert answer.status_code == 200, (path, answer.status_code, answer.text[:200])
                if turn:  # The first answer compiles its template.
                    times.append((time.perf_counter() - before) * 1000)
            report.add(name, percentile(times, 0.95), limit, "ms")


async def fill(made: Instance, stored: int = STORED, with_calls: int = WITH_CALLS) -> tuple[str, str]:
    """Copy three played runs until there are *stored*; return an experiment of COMPARED of them, and a run."""
    ids = []
    for scenario in ("fishery", "pasture", "pollution"):
        done = await asyncio.to_thread(made.govsim, "run", "--scenario", scenario, "--mind", "generative:lab/villager")
        assert done.returncode == 0, done.stderr
    async with made.database.write() as connection:
        ids = [row.id for row in await connection.execute(select(RunRow.id))]
        experiment = new_id("x")
        await connection.execute(insert(ExperimentRow).values(id=experiment, name="Many runs", created_at=now()))
        copies = [(new_id("r"), ids[number % len(ids)]) for number in range(stored - len(ids))]
        for table, number in (
            (RunRow, len(copies)),
            (EventRow, len(copies)),
            (SegmentRow, with_calls),
            (CallRow, with_calls),
        ):
            own = "id" if table is RunRow else "run_id"
            names = [column.name for column in table.__table__.columns]
            for copy, origin in copies[:number]:
                values = [literal(copy) if name == own else getattr(table, name) for name in names]
                if table is RunRow:
                    values[names.index("created_at")] = literal(now())
                    values[names.index("seed")] = literal(int(copy.encode().hex()[-6:], 16))
                rows = select(*values).where(getattr(table, own) == origin)
                await connection.execute(insert(table).from_select(names, rows))
        chosen = [copy for copy, _ in copies[:COMPARED]]
        await connection.execute(update(RunRow).where(RunRow.id.in_(chosen)).values(experiment_id=experiment))
        rest = [copy for copy, _ in copies[COMPARED:]]
        for start in range(0, len(rest), TOGETHER):
            other = new_id("x")
            await connection.execute(insert(ExperimentRow).values(id=other, name=f"Grid {start}", created_at=now()))
            mine = RunRow.id.in_(rest[start : start + TOGETHER])
            await connection.execute(update(RunRow).where(mine).values(experiment_id=other))
    return experiment, copies[0][0]
