"""A comparison of 200 runs: what the server takes, at first and again, and when Chromium has drawn all charts."""

import asyncio
import time

import httpx
from playwright.async_api import Browser

from tests.benchmarks.figures import Report, percentile
from tests.benchmarks.pages import COMPARED, fill
from tests.benchmarks.places import instance
from tests.benchmarks.probe import DOWN_BITS, LATENCY_MS, SLOWER, open_page
from tests.chromium import open_chromium
from tests.fakes.process import FakeModelServer
from tests.support import Instance

SERVER_MS, CHARTS_MS = 500.0, 3000.0
TIMES, OPENED = 20, 3
SERVERS = 3
GROUPS = {"three groups": "group=scenario", "a group a run": "group=seed"}

# Scroll to each chart in turn, as a reader would, and tell when the last was drawn, from the start of navigation.
CHARTS = """
async () => {
  const drawn = (target) => new Promise((resolve) => {
    const look = () => (target.dataset.state === "drawn" ? resolve() : requestAnimationFrame(look));
    look();
  });
  const targets = [...document.querySelectorAll("[data-chart] .chart__draw")];
  for (const target of targets) {
    target.scrollIntoView();
    await drawn(target);
  }
  return { charts: targets.length, at: performance.now() };
}
"""


def measure(report: Report) -> None:
    """Store 200 copies of played runs, then compare them."""
    report.heading(f"A comparison of {COMPARED} runs")
    with FakeModelServer(seed=1) as server, instance(server) as made:
        asyncio.run(_measure(report, made))


async def _measure(report: Report, made: Instance) -> None:
    experiment, _ = await fill(made, stored=COMPARED + 3, with_calls=0)
    first: dict[str, list[float]] = {name: [] for name in GROUPS}
    address = ""
    for _ in range(SERVERS):
        for name, group in GROUPS.items():
            address = await _serve(made)
            async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:
                await client.get("/compare")  # Templates and libraries are loaded; no run is known yet.
                first[name].append(await _took(client, f"/compare?experiment={experiment}&{group}"))
    for name, times in first.items():
        report.add(f"page, {name}, the first time in a process, best of {SERVERS}", min(times), SERVER_MS, "ms")
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:
        for name, group in GROUPS.items():
            times = [await _took(client, f"/compare?experiment={experiment}&{group}") for _ in range(TIMES)]
            report.add(f"page, {name}, again, p95 of {TIMES}", percentile(times, 0.95), SERVER_MS, "ms")
            times = [await _took(client, f"/api/v1/compare?experiment={experiment}&{group}") for _ in range(TIMES)]
            report.add(f"JSON, {name}, again, p95 of {TIMES}", percentile(times, 0.95), SERVER_MS, "ms")
    async with open_chromium() as browser:
        page = f"{address}/compare?experiment={experiment}&group=scenario"
        times = [await _charts(browser, page, slow=False) for _ in range(OPENED)]
        report.add(f"all charts in Chromium, three groups, best of {OPENED}", min(times), CHARTS_MS, "ms")
        slow = f"{SLOWER}x slower CPU, {DOWN_BITS // 10**6} Mbit/s, {LATENCY_MS} ms"
        report.add(f"the same, {slow}", await _charts(browser, page, slow=True), None, "ms")


async def _serve(made: Instance) -> str:
    process = made.start("serve", "--port", "0", "--no-worker")
    assert process.stdout is not None
    return (await asyncio.to_thread(process.stdout.readline)).split()[-1]


async def _took(client: httpx.AsyncClient, path: str) -> float:
    before = time.perf_counter()
    answer = await client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:200])
    return (time.perf_counter() - before) * 1000


async def _charts(browser: Browser, address: str, *, slow: bool) -> float:
    page = await open_page(browser, slow)
    await page.goto(address, wait_until="load")
    told = await page.evaluate(CHARTS)
    assert told["charts"] >= 4, told
    await page.context.close()
    return float(told["at"])
