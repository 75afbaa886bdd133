"""What a page tells about its own speed, on a machine and a line that can be made slow."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page, Request

SLOWER = 4
DOWN_BITS, LATENCY_MS = 10_000_000, 40
WINDOW = {"width": 1440, "height": 900}

# Runs before the page's own scripts. `afterPaint` is called once the next frame is on the screen: a message that is
# sent in a frame's callback arrives when the frame has been drawn.
SCRIPT = """
(() => {
  const probe = { shift: 0, tasks: [], painted: null, talk: null, lines: {} };
  window.probe = probe;
  probe.afterPaint = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(performance.now());
    port2.postMessage(null);
  });
  const watch = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  watch("layout-shift", (entry) => { if (!entry.hadRecentInput) probe.shift += entry.value; });
  watch("longtask", (entry) => probe.tasks.push(entry.duration));
  watch("largest-contentful-paint", (entry) => { probe.painted = entry.startTime; });
  const note = (line) => {
    if (line.id in probe.lines) return;
    probe.lines[line.id] = null;
    probe.afterPaint((at) => { probe.lines[line.id] = performance.timeOrigin + at; });
  };
  const wait = () => {
    if (!document.querySelector("[data-lines] li[id]")) return requestAnimationFrame(wait);
    probe.afterPaint((at) => { probe.talk = at; });
  };
  requestAnimationFrame(wait);
  document.addEventListener("DOMContentLoaded", () => {
    const list = document.querySelector("[data-lines]");
    if (!list) return;
    const take = () => list.querySelectorAll("li[id]").forEach(note);
    new MutationObserver(take).observe(list, { childList: true, subtree: true });
    take();
  });
})();
"""


@dataclass(frozen=True)
class Load:
    """One opening of a page, in milliseconds and bytes.

    Attributes:
        first: first contentful paint.
        largest: largest contentful paint.
        talk: when the first message stood on the screen.
        shift: the sum of all layout shifts, which no window of them exceeds.
        longest: the longest task; 0 where none took 50 ms.
        sent: bytes of bodies as they were sent, by address.
    """

    first: float
    largest: float
    talk: float
    shift: float
    longest: float
    sent: dict[str, int]


async def open_page(browser: Browser, slow: bool) -> Page:
    """Return a page with a cache of its own that measures itself, as on a mid laptop if it is *slow*."""
    context = await browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.add_init_script(SCRIPT)
    if slow:
        devtools = await context.new_cdp_session(page)
        await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        line = {"latency": LATENCY_MS, "downloadThroughput": DOWN_BITS / 8, "uploadThroughput": DOWN_BITS / 8}
        await devtools.send("Network.emulateNetworkConditions", {"offline": False, **line})
    return page


async def load(page: Page, address: str) -> Load:
    """Open *address*, a run's page, and wait until its scripts are ready."""
    await page.goto(address)
    await page.wait_for_selector("#run[data-ready=true]", timeout=60_000)
    await page.wait_for_function("probe.talk !== null && probe.painted !== null", timeout=60_000)
    told = await page.evaluate(
        """() => ({
          ...probe,
          first: performance.getEntriesByName("first-contentful-paint")[0].startTime,
          sent: Object.fromEntries(
            [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(
              (entry) => [entry.name, entry.encodedBodySize])),
        })"""
    )
    return Load(
        told["first"], told["painted"], told["talk"], told["shift"], max(told["tasks"], default=0.0), told["sent"]
    )


async def press(page: Page, key: str) -> tuple[float, list[str]]:
    """Press *key*; return how long it took until the page that came of it was drawn, in ms, and what it asked for."""
    asked: list[str] = []

    def note(request: Request) -> None:
        # Chromium looks for the icon again, in its cache, whenever the address changes.
        if "favicon" not in request.url:
            asked.append(request.url)

    page.on("request", note)
    await page.evaluate(
        """() => {
          probe.pressed = new Promise((resolve) => {
            const drawn = (event) => {
              if (event.key === "Shift") return; // Held for the key that counts.
              removeEventListener("keydown", drawn, true);
              probe.afterPaint((at) => resolve(at - event.timeStamp));
            };
            addEventListener("keydown", drawn, true);
          });
        }"""
    )
    await page.keyboard.press(key)
    took: float = await page.evaluate("probe.pressed")
    page.remove_listener("request", note)
    return took, asked


async def clock(page: Page) -> Callable[[], Awaitable[float]]:
    """Return what tells the CPU time, in ms, that the page's thread has used; slowing it down adds to it."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    async def worked() -> float:
        told = await devtools.send("Performance.getMetrics")
        return float(next(one["value"] for one in told["metrics"] if one["name"] == "TaskDuration") * 1000)

    return worked


async def longest_task(page: Page) -> float:
    """Return the longest task since the page was opened, in ms; 0 where none took 50."""
    tasks: list[Any] = await page.evaluate("probe.tasks")
    return max(tasks, default=0.0)
