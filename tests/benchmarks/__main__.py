"""`make bench`: each figure measured in this run, with its limit and the ratio to it."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.store.queries import RunFilter, list_calls, list_runs
from tests.fakes.process import FakeModelServer
from tests.support import ROOT, Instance

STANDARD_CALLS = 852
BATCHED_CALLS = 500
CRITICAL_CALLS = 168


@dataclass(frozen=True)
class Figure:
    """One measured figure and its limit, in the same unit."""

    name: str
    measured: float
    limit: float
    unit: str

    def __str__(self) -> str:
        over = "  OVER" if self.measured > self.limit else ""
        return (
            f"{self.name:<62} {self.measured:>9.2f} {self.unit:<3} limit {self.limit:>8.2f}"
            f"  ratio {self.measured / self.limit:>5.2f}{over}"
        )


@contextmanager
def instance(server: FakeModelServer) -> Iterator[Instance]:
    """Give an instance of its own whose endpoint is *server*."""
    with tempfile.TemporaryDirectory() as folder:
        made = Instance(Path(folder), server.models_toml("lab", max_concurrency=25))
        try:
            yield made
        finally:
            asyncio.run(made.close())


def calls_by_purpose(made: Instance, *options: str) -> Counter[str]:
    """Play the standard episode with *options*, print its calls and tokens by purpose, and return the calls."""
    played = made.govsim("run", "--mind", "generative:lab/villager", "--json", *options)
    run_id = json.loads(played.stdout)["id"]
    calls = asyncio.run(list_calls(made.database, run_id))
    counts = Counter(call.purpose for call in calls)
    print(f"\n{' '.join(options) or '--ratings single':<28} {'calls':>7} {'tokens in':>11} {'tokens out':>11}")
    for purpose, count in (*counts.most_common(), ("all", counts.total())):
        own = [call for call in calls if purpose in (call.purpose, "all")]
        tokens = [sum(getattr(call, side) or 0 for call in own) for side in ("prompt_tokens", "completion_tokens")]
        print(f"  {purpose:<26} {count:>7,} {tokens[0]:>11,} {tokens[1]:>11,}")
    return counts


def episode_seconds(made: Instance) -> tuple[dict[str, object], float, float]:
    """Play the standard episode in a process of its own; return the run, its playing time and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run", "--mind", "generative:lab/villager", "--json"],
        cwd=ROOT,
        env=made.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = json.loads(done.stdout)
    assert run["calls"] == STANDARD_CALLS, run
    stored = asyncio.run(_stored(made, run["id"]))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return run, stored, cpu


async def _stored(made: Instance, run_id: str) -> float:
    runs, _ = await list_runs(made.database, RunFilter(q=run_id))
    ended, started = runs[0].ended_at, runs[0].started_at
    assert ended is not None
    assert started is not None
    return (ended - started).total_seconds()


SCRIPTED_RUN = """
import sys
from app.cli import main
sys.argv = ["govsim", "run", "--months", "1", "--json"]
main()
"""


def start_up_cpu(made: Instance) -> float:
    """Return the CPU seconds of the same command with scripted minds and one month: everything but the calls."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", f"import sklearn.feature_extraction.text, genai_prices.data\n{SCRIPTED_RUN}"],
        cwd=ROOT,
        env=made.environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stored_bytes(made: Instance) -> int:
    """Return the size of the database file once everything is in it."""
    subprocess.run(
        [sys.executable, "-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('VACUUM'); c.close()",
         str(made.folder / "test.db")],
        check=True,
    )  # fmt: skip
    return (made.folder / "test.db").stat().st_size


def main() -> None:
    """Measure and print."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}\n")
    figures = []
    for latency, limit in ((0, 3.0), (50, 10.5), (500, CRITICAL_CALLS * 0.5 * 1.25)):
        with FakeModelServer(seed=1, latency_ms=latency) as server, instance(server) as made:
            _, seconds, cpu = episode_seconds(made)
            figures.append(Figure(f"standard episode, {latency} ms latency (critical path alone "
                                  f"{CRITICAL_CALLS * latency / 1000:.1f} s)", seconds, limit, "s"))  # fmt: skip
            if latency == 0:
                per_call = (cpu - start_up_cpu(made)) / STANDARD_CALLS * 1000
                figures.append(Figure("our CPU per call, everything included", per_call, 2.0, "ms"))
                empty = made.folder / "empty"
                empty.mkdir()
                bare = Instance(empty, "")
                run_bytes = stored_bytes(made) - stored_bytes(bare)
                asyncio.run(bare.close())
                figures.append(Figure("a stored 12-month run", run_bytes / 1e6, 1.0, "MB"))
        print(figures[-1] if latency else "\n".join(map(str, figures)), flush=True)
    with FakeModelServer(seed=1) as server, instance(server) as made:
        single = calls_by_purpose(made).total()
        batched = calls_by_purpose(made, "--ratings", "batched").total()
        calls_by_purpose(made, "--embedding", "lab/embedder")
    print()
    print(Figure("calls of the standard episode, single ratings", single, STANDARD_CALLS, ""))
    print(Figure("calls of the standard episode, batched ratings (fewer than)", batched, BATCHED_CALLS, ""))


if __name__ == "__main__":
    start = time.monotonic()
    main()
    print(f"\nmeasured in {time.monotonic() - start:.0f} s")
