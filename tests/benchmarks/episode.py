"""One standard episode (12 months, 5 agents, 852 calls): wall time, CPU per call, bytes stored, calls by purpose."""

import asyncio
import json
import resource
import subprocess
import sys
from collections import Counter

from app.store.queries import list_calls
from app.store.runs import get_run
from tests.benchmarks.figures import Report
from tests.benchmarks.places import database_bytes, instance
from tests.fakes.process import FakeModelServer
from tests.support import ROOT, Instance

STANDARD_CALLS = 852
BATCHED_CALLS = 500
CRITICAL_CALLS = 168
SLACK = 1.25
TRIES = 3  # the least of them counts: whatever else the machine does only adds

# The same command with scripted minds and one month, the same libraries imported: everything but the calls.
START_UP = """
import sys
import genai_prices.data, sklearn.feature_extraction.text
from app.cli import main
sys.argv = ["govsim", "run", "--months", "1", "--json"]
main()
"""


def measure(report: Report) -> None:
    """Measure the standard episode at three latencies, and what it stores and asks."""
    report.heading(f"The standard episode: 12 months, 5 agents, {STANDARD_CALLS} calls")
    for latency_ms, limit in ((0, None), (50, 10.5), (500, CRITICAL_CALLS * 0.5 * SLACK)):
        with FakeModelServer(seed=1, latency_ms=latency_ms) as server, instance(server) as made:
            played = [play(made) for _ in range(TRIES if latency_ms < 100 else 1)]
            seconds, cpu = min(one[1] for one in played), min(one[2] for one in played)
            critical = CRITICAL_CALLS * latency_ms / 1000
            report.add(
                f"wall time at {latency_ms} ms latency (critical path alone {critical:.1f} s)", seconds, limit, "s"
            )
            if latency_ms == 0:
                per_call = (cpu - min(start_up_cpu(made) for _ in range(TRIES))) / STANDARD_CALLS * 1000
                report.add("our CPU per call, everything included", per_call, 2.0, "ms")
                stored_size(report, made, len(played))
    report.heading("Calls of the standard episode")
    with FakeModelServer(seed=1) as server, instance(server) as made:
        report.add("with single ratings", by_purpose(report, made).total(), STANDARD_CALLS)
        report.add("with batched ratings", by_purpose(report, made, "--ratings", "batched").total(), BATCHED_CALLS)


def play(made: Instance, *options: str) -> tuple[str, float, float]:
    """Play the standard episode in a process of its own; return its id, playing time and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "app.cli", "run", "--mind", "generative:lab/villager", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, env=made.environment, capture_output=True, text=True, check=True)
    cpu = _cpu_since(before)
    run_id: str = json.loads(done.stdout)["id"]
    run = asyncio.run(get_run(made.database, run_id))
    assert run.ended_at is not None
    assert run.started_at is not None
    return run_id, (run.ended_at - run.started_at).total_seconds(), cpu


def start_up_cpu(made: Instance) -> float:
    """Return the CPU seconds of starting the command and playing next to nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", START_UP]
    subprocess.run(command, cwd=ROOT, env=made.environment, stdout=subprocess.DEVNULL, check=True)
    return _cpu_since(before)


def stored_size(report: Report, made: Instance, runs: int) -> None:
    """Report how much the database grew by each of so many *runs*, and which tables hold it."""
    sizes = database_bytes(made)
    search = sum(size for name, size in sizes.items() if "search" in name)
    with_run = sum(sizes.values()) - search
    with instance(None) as bare:
        empty = sum(database_bytes(bare).values())
    report.add("a stored 12-month run, without the search index", (with_run - empty) / runs / 1e6, 1.0, "MB")
    if search:
        report.add("its search index", search / runs / 1e6, None, "MB")
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:4]
    report.note("of it: " + ", ".join(f"{name} {size / runs / 1e3:,.0f} kB" for name, size in largest))


def by_purpose(report: Report, made: Instance, *options: str) -> Counter[str]:
    """Play the standard episode with *options*, tell its calls and tokens by purpose, and return the calls."""
    run_id, _, _ = play(made, *options)
    calls = asyncio.run(list_calls(made.database, run_id))
    counts = Counter(call.purpose for call in calls)
    report.note(f"{' '.join(options) or '--ratings single':<26} {'calls':>7} {'tokens in':>11} {'tokens out':>11}")
    for purpose, count in (*counts.most_common(), ("all", counts.total())):
        own = [call for call in calls if purpose in (call.purpose, "all")]
        tokens = [sum(getattr(call, side) or 0 for call in own) for side in ("prompt_tokens", "completion_tokens")]
        report.note(f"  {purpose:<24} {count:>7,} {tokens[0]:>11,} {tokens[1]:>11,}")
    return counts


def _cpu_since(before: resource.struct_rusage) -> float:
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
