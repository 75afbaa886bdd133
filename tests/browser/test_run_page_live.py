"""A run watched by many while its server is restarted: nothing is lost or doubled, and the page says what happens."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.observatory import SLOW, Observatory
from tests.support import Instance

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

CONNECTION = "[data-bind=connection]"
TALK = """() => {
    const press = (key, shiftKey = false) =>
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
    const said = [];
    press("Home");
    for (let before = null; before !== location.search; press("ArrowRight", true)) {
        before = location.search;
        for (const row of document.querySelectorAll('[data-lines] .line[id*="-u"]')) {
            said.push([row.id, row.querySelector(".line__text").textContent]);
        }
    }
    return said;
}"""
"""Goes from month to month by the keys and returns what stands there: the id and the text of every message."""


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Observatory]:
    """A web process without worker, and a worker that goes on when it is away."""
    instance = Instance(tmp_path, "")
    running = Observatory(instance, "--no-worker")
    instance.start("worker")
    yield running
    running.stop()
    await instance.close()


async def open_tabs(context: BrowserContext, address: str, count: int) -> list[Page]:
    tabs = []
    for _ in range(count):
        tab = await context.new_page()
        await tab.goto(address)
        await expect(tab.locator(CONNECTION)).to_contain_text("Live", timeout=SLOW)
        tabs.append(tab)
    return tabs


async def watch_through_a_restart(browser: Browser, web: Observatory, sharing: int, alone: int) -> None:
    """Open *sharing* tabs that share a connection and *alone* ones; restart the server; compare at the end."""
    [run_id] = await web.instance.launch(minds=["scripted:fair-share"], months=100, pace_ms=300)
    await web.instance.until(run_id, lambda run: run.events > 5)
    address = f"{web.base}/runs/{run_id}"
    tabs = await open_tabs(await browser.new_context(), address, sharing)
    older = await browser.new_context()
    await older.add_init_script("delete window.SharedWorker")
    tabs += await open_tabs(older, address, alone)

    web.kill()
    for tab in (tabs[0], tabs[-1]):
        await expect(tab.locator(CONNECTION)).to_contain_text("last update", timeout=SLOW)
    before = (await web.instance.until(run_id, lambda run: True)).events
    await web.instance.until(run_id, lambda run: run.events > before + 10)
    web.start_again()
    for tab in (tabs[0], tabs[-1]):
        await expect(tab.locator(CONNECTION)).to_have_text("Live", timeout=SLOW)

    stopped = await tabs[0].request.post(f"{web.base}/api/v1/runs/{run_id}/stop")
    assert stopped.ok
    await web.instance.until(run_id, lambda run: run.state == "cancelled")
    events = [json.loads(text) for text in await web.instance.events(run_id)]
    said = [[f"m{one['month']}-u{one['turn']}", one["text"]] for one in events if one["kind"] == "said"]
    assert len(said) > len(tabs)
    for tab in tabs:
        await expect(tab.locator("[data-bind=state]")).to_have_text("cancelled", timeout=SLOW)
        await expect(tab.locator(CONNECTION)).to_be_hidden()
        assert await tab.evaluate(TALK) == said


async def test_tabs_miss_and_double_nothing_when_the_server_restarts(browser: Browser, web: Observatory) -> None:
    await watch_through_a_restart(browser, web, sharing=2, alone=1)


@pytest.mark.long
async def test_twenty_tabs_miss_and_double_nothing_when_the_server_restarts(browser: Browser, web: Observatory) -> None:
    await watch_through_a_restart(browser, web, sharing=16, alone=4)


async def test_looking_back_counts_what_comes_and_live_goes_to_it(browser: Browser, web: Observatory) -> None:
    [run_id] = await web.instance.launch(minds=["scripted:fair-share"], months=100, pace_ms=150)
    await web.instance.until(run_id, lambda run: run.months_played > 0)
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(f"{web.base}/runs/{run_id}")
    button = page.locator("[data-do=live]")
    await expect(page.locator("#run[data-ready]")).to_be_visible(timeout=SLOW)
    await page.keyboard.press("Home")
    await expect(button).to_contain_text(" new", timeout=SLOW)
    await expect(page.get_by_role("heading", name="Month 1", exact=True)).to_be_visible()
    await page.keyboard.press("l")
    await expect(button).to_have_text("Live")
    await expect(page.get_by_role("heading", name="Month 1", exact=True)).to_be_hidden()


async def test_the_stage_shows_whom_the_run_waits_for(browser: Browser, web: Observatory) -> None:
    [run_id] = await web.instance.launch(minds=["scripted:fair-share"], months=100, pace_ms=600)
    await web.instance.until(run_id, lambda run: run.events > 0)
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(f"{web.base}/runs/{run_id}")
    awaited = page.locator(".seat--awaited")
    await expect(awaited).to_have_count(5, timeout=SLOW)
    # Then the speaker who was named next.
    await expect(awaited).to_have_count(1, timeout=SLOW)
