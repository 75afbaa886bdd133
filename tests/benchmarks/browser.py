"""A run's page in a real Chromium, slowed down to a mid laptop: the budget of its speed and of its bytes."""

import asyncio
import gzip
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx
from playwright.async_api import Browser, Page

from app.store.queries import RunFilter, list_runs
from tests.benchmarks.figures import Report, percentile
from tests.benchmarks.places import instance
from tests.benchmarks.probe import DOWN_BITS, LATENCY_MS, SLOWER, Load, clock, load, longest_task, open_page, press
from tests.chromium import open_chromium
from tests.fakes.process import FakeModelServer
from tests.support import ROOT, Instance

LOG = ROOT.parent / "shared" / "data" / "govsim-logs" / "runs" / "brisk-pine-11"
LARGE = {"months": 15, "agents": 8}
LARGE_NAMES = ("John", "Kate", "Jack", "Emma", "Luke", "Mia", "Noah", "Olga")
OPENED, SWITCHED = 5, 10
LIVE_LATENCY_MS, LIVE_MONTHS = 250.0, 4
KB = 1000


def measure(report: Report) -> None:
    """Import a log and play a large run, then open their pages at full speed and slowed down."""
    with FakeModelServer(seed=1) as server, instance(server) as made:
        asyncio.run(_measure(report, made, server))


async def _measure(report: Report, made: Instance, server: FakeModelServer) -> None:
    runs = {}
    if LOG.is_dir():
        runs[f"12-month imported run ({LOG.name})"] = await imported(made)
    else:
        report.note(f"The imported run is not measured: there is no log at {LOG}.")
    [large] = await made.launch(
        minds=["generative:lab/villager"], months=LARGE["months"], agents=LARGE_NAMES, capacity=200
    )
    process = made.start("serve", "--port", "0")
    assert process.stdout is not None
    address = (await asyncio.to_thread(process.stdout.readline)).split()[-1]
    await made.until(large, lambda run: run.state == "finished", seconds=300)
    runs["{months}-month run with {agents} agents".format(**LARGE)] = large
    async with open_chromium() as browser, httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:
        for name, run_id in runs.items():
            slow = f"{SLOWER}x slower CPU, {DOWN_BITS // 10**6} Mbit/s, {LATENCY_MS} ms"
            report.heading(f"The page of a {name}, {slow}; the least of {OPENED} visits with an empty cache")
            others = [other for other in runs.values() if other != run_id]
            label = name.partition(" ")[0]
            await _speed(report, browser, address, run_id, label, others)
            await _bytes(report, browser, client, run_id, label)
        report.heading("A live run")
        server.control(latency_ms=LIVE_LATENCY_MS)
        for slow in (False, True):
            await _live(report, made, browser, client, slow)


async def imported(made: Instance) -> str:
    """Import the log and return the run's id."""
    done = await asyncio.to_thread(made.govsim, "import", str(LOG))
    assert done.returncode == 0, done.stderr
    [run], _ = await list_runs(made.database, RunFilter())
    return run.id


@dataclass(frozen=True)
class Visit:
    """One opening of a run's page with an empty cache, and moving about in it.

    Attributes:
        load: the opening.
        months: each of `SWITCHED` switches from one month to the next, from the key to the drawn page, in ms.
        cpu: what the page's thread worked for a switch, all that comes after its frame included, in ms of CPU.
        asked: how many requests they made.
        busy: the longest task meanwhile, in ms.
        runs: the slower of going to another run and back, until its talk is visible, in ms.
    """

    load: Load
    months: Sequence[float]
    cpu: float
    asked: int
    busy: float
    runs: float


async def visit(browser: Browser, base: str, run_id: str, others: Sequence[str], slow: bool) -> Visit:
    """Open the page of *run_id*, switch months by key, go to the *others* and back."""
    page = await open_page(browser, slow)
    opened = await load(page, f"{base}/runs/{run_id}?m=1")
    await page.evaluate("probe.tasks.length = 0")
    worked = await clock(page)
    before = await worked()
    moves = [await press(page, "Shift+ArrowRight") for _ in range(SWITCHED)]
    cpu = (await worked() - before) / SWITCHED
    busy = await longest_task(page)
    talks = [(await load(page, f"{base}/runs/{other}")).talk for other in (*others, run_id)]
    await page.context.close()
    return Visit(opened, [took for took, _ in moves], cpu, sum(len(asked) for _, asked in moves), busy, max(talks))


async def _speed(report: Report, browser: Browser, base: str, run_id: str, label: str, others: Sequence[str]) -> None:
    """Report the least of several visits at each speed: whatever else the machine does only adds."""
    await visit(browser, base, run_id, others, slow=False)  # The first answer compiles its template.
    found = {slow: [await visit(browser, base, run_id, others, slow) for _ in range(OPENED)] for slow in (False, True)}
    for name, take, limit, unit in FIGURES:
        fast, slowed = (min(map(take, found[slow])) for slow in (False, True))
        report.add(f"{label}: {name} (at full speed {fast:,.2f})", slowed, limit, unit)
    cpu = min(one.cpu for one in found[False])
    report.add(f"{label}: CPU time of a month switch at full speed, measuring included", cpu, None, "ms")
    report.add(f"{label}: requests for {SWITCHED} month switches", max(one.asked for one in found[True]), 0)
    sent = found[True][-1].load.sent
    for kind, limit in ((".js", 60.0), (".css", 15.0)):
        size = sum(bytes_ for url, bytes_ in sent.items() if url.endswith(kind) and not url.endswith("plotly.min.js"))
        report.add(f"{label}: {kind[1:].upper()} as sent, without plotly.js", size / KB, limit, "kB")
    report.add(f"{label}: the page itself as sent", sent[f"{base}/runs/{run_id}?m=1"] / KB, None, "kB")


FIGURES: tuple[tuple[str, Callable[[Visit], float], float, str], ...] = (
    ("first contentful paint", lambda one: one.load.first, 800.0, "ms"),
    ("largest contentful paint", lambda one: one.load.largest, 1500.0, "ms"),
    ("first conversation visible", lambda one: one.load.talk, 1200.0, "ms"),
    ("longest task while it opens", lambda one: one.load.longest, 100.0, "ms"),
    ("layout shift, all of it", lambda one: one.load.shift, 0.05, ""),
    (f"month switch, median of {SWITCHED}", lambda one: median(one.months), 50.0, "ms"),
    (f"month switch, p95 of {SWITCHED}", lambda one: percentile(list(one.months), 0.95), 50.0, "ms"),
    ("longest task meanwhile", lambda one: one.busy, 100.0, "ms"),
    ("run switch, until its talk is visible", lambda one: one.runs, 300.0, "ms"),
)


async def _bytes(report: Report, browser: Browser, client: httpx.AsyncClient, run_id: str, label: str) -> None:
    """Tell how much of a run is sent: to replay it, to inspect one decision, all of it."""
    text = (await client.get(f"/runs/{run_id}")).text
    core = "".join(re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL))
    report.add(f"{label}: what the replay needs, gzip", len(gzip.compress(core.encode(), 6)) / KB, 25.0, "kB")
    step = f"{client.base_url}/runs/{run_id}?m=6&agent=kate&tab="
    for tab in ("prompt", "memories"):
        opened = await open_page(browser, slow=False)
        await load(opened, step + tab)
        await opened.wait_for_selector(f".inspector .{'prompt' if tab == 'prompt' else 'memory'}", timeout=60_000)
        sent = await sent_by_api(opened)
        report.add(f"{label}: asked for to show the {tab} of one step", sent / KB, 10.0, "kB")
        await opened.context.close()
    opened = await open_page(browser, slow=False)
    await load(opened, step + "prompt")
    await opened.locator("[data-difference] summary").click()
    await opened.wait_for_selector("[data-difference] [data-read]", timeout=60_000)
    report.add(f"{label}: the same with what changed since last month", await sent_by_api(opened) / KB, 10.0, "kB")
    await opened.context.close()
    page = await client.get(f"/runs/{run_id}/export/html")
    report.add(f"{label}: as one HTML page", len(page.content) / KB, 400.0, "kB")
    report.add(f"{label}: the whole run with prompts and memories", await _whole(client, run_id) / KB, 400.0, "kB")


async def sent_by_api(page: Page) -> int:
    """Return the bytes of bodies that a page was sent by the API, charts aside."""
    sent: int = await page.evaluate(
        """() => performance.getEntriesByType("resource")
          .filter(({ name }) => name.includes("/api/") && !name.includes("/figures/"))
          .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
    )
    return sent


async def _whole(client: httpx.AsyncClient, run_id: str) -> int:
    """Read all of a run that there is to read, and return the bytes as sent."""
    api, sent, after = f"/api/v1/runs/{run_id}", 0, 0
    while after is not None:
        size, page = await _sent(client, f"{api}/events?after={after}&limit=1000")
        sent, after = sent + size, page["next"]
    following: dict[str, int] | None = {"after": 0, "texts": 0}
    while following is not None:
        size, page = await _sent(client, f"{api}/record?{urlencode(following)}")
        sent, following = sent + size, page.get("next")
    return sent


async def _sent(client: httpx.AsyncClient, path: str) -> tuple[int, Any]:
    async with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    packed = answer.headers.get("content-encoding") == "gzip"
    return len(raw), json.loads(gzip.decompress(raw) if packed else raw)


async def _live(report: Report, made: Instance, browser: Browser, client: httpx.AsyncClient, slow: bool) -> None:
    """Watch a run, and beside it read the same stream without a browser: what lies between is the way to the screen."""
    [run_id] = await made.launch(minds=["generative:lab/villager"], months=LIVE_MONTHS, seeds=[2 if slow else 1])
    page = await open_page(browser, slow)
    await page.goto(f"{client.base_url}/runs/{run_id}")
    await page.wait_for_selector("#run[data-ready=true]", timeout=60_000)
    at = {}
    async with client.stream("GET", f"/api/v1/runs/{run_id}/stream", timeout=120) as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data:"):
                continue
            event = json.loads(line.removeprefix("data:"))
            if event.get("kind") == "said":
                at[f"m{event['month']}-u{event['turn']}"] = time.time() * 1000
            if event.get("over"):
                break
    await page.wait_for_selector("[data-bind=outcome]:has-text('Survived')", timeout=60_000)
    lines = await page.evaluate("probe.lines")
    late = [lines[name] - sent for name, sent in at.items() if lines.get(name)]
    speed = "" if slow else ", at full speed"
    report.add(f"message to pixels{speed}, p95 of {len(late)}", percentile(late, 0.95), 250.0 if slow else None, "ms")
    report.add(f"messages that were over before they were drawn{speed}", len(at) - len(late))
    await page.context.close()
