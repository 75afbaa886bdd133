"""The one-file report in a real browser: opened from disk, with the network off."""

from pathlib import Path

from playwright.async_api import Browser, expect

from app.interop.report import report_html
from app.store.connect import Database
from app.store.whole import read_whole
from tests.fakes.villagers import record
from tests.jobs.test_rerun import generative
from tests.support import ROOT


async def test_a_report_replays_from_disk_without_a_network(
    browser: Browser, database: Database, tmp_path: Path
) -> None:
    run = await record(database, generative(months=3))
    place = tmp_path / "report.html"
    place.write_bytes(report_html(await read_whole(database, run.id), ROOT))
    context = await browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    page = await context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(place.as_uri())
    await expect(page.locator(".month:visible")).to_have_count(1)
    await expect(page.get_by_role("heading", name="Month 1", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Next month").click()
    await expect(page.get_by_role("heading", name="Month 2", exact=True)).to_be_visible()
    await expect(page.locator(".month:visible")).to_have_count(1)
    await page.get_by_role("button", name="All months").click()
    await expect(page.locator(".month:visible")).to_have_count(run.months_played)
    await page.goto(f"{place.as_uri()}#m2-u1")
    await expect(page.locator("#m2-u1")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for scheme, shown in (("light", 3), ("dark", 3)):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await expect(page.locator("svg:visible")).to_have_count(shown)
    assert complaints == [] and {url.split("#")[0] for url in asked} == {place.as_uri()}
    await context.close()
