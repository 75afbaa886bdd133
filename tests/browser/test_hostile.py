"""A hostile log in a real browser: nothing of it runs, nothing of it breaks the layout or the order of our words."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from app.interop.library import import_logs
from tests.browser.conftest import Observatory
from tests.interop.hostile import ALARM, LONG, NEEDLE, write_hostile

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


async def bring_in(observatory: Observatory, folder: Path) -> str:
    [outcome] = await import_logs(observatory.instance.database, [write_hostile(folder)])
    assert outcome.run_id, outcome.reason
    return outcome.run_id


async def test_nothing_hostile_runs_or_widens_a_page(page: Page, observatory: Observatory, tmp_path: Path) -> None:
    run = f"/runs/{await bring_in(observatory, tmp_path / 'logs')}"
    places = ("?m=1&view=chat", "?m=1&view=charts", "?m=2&view=agents", "?m=1&view=stage", "?m=3&agent=w&tab=prompt")
    for width in (390, 1440):
        await page.set_viewport_size({"width": width, "height": 844})
        for path in ("/", "/runs", *(run + place for place in places)):
            await page.goto(observatory.base + path)
            await expect(page.locator("main")).to_be_visible()
            # Tables below charts, notes and the configuration are folded away, and must fit too.
            await page.evaluate("for (const more of document.querySelectorAll('main details')) more.open = true")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert (path, wide) == (path, width)
            assert await page.evaluate(f"window.{ALARM}") is None


async def test_a_long_message_opens_in_place_and_an_override_turns_nothing_around_it(
    page: Page, observatory: Observatory, tmp_path: Path
) -> None:
    run_id = await bring_in(observatory, tmp_path / "logs")
    await page.goto(f"{observatory.base}/runs/{run_id}?m=1")
    message = page.locator("#m1-u4")
    await expect(message).not_to_contain_text(NEEDLE, use_inner_text=True)
    await message.get_by_text(f"All {len(LONG):,} characters").click()
    await expect(message).to_contain_text(NEEDLE, use_inner_text=True)

    await page.goto(f"{observatory.base}/runs")
    # The folder's name ends in an override that nothing closes: what follows in the row still reads from the left.
    row = page.locator("tr", has=page.locator(f"a[href='/runs/{run_id}']"))
    name, rest = await row.locator("a").first.bounding_box(), await row.get_by_text("collapsed").bounding_box()
    assert name is not None
    assert rest is not None
    assert name["x"] < rest["x"]
    inline = await page.evaluate(
        """[...document.querySelectorAll('main *')].filter(element =>
            [...element.childNodes].some(node => node.nodeType === 3 && node.data.includes('\\u202e'))
            && !getComputedStyle(element).unicodeBidi.includes('isolate')
            && getComputedStyle(element).display === 'inline').map(element => element.outerHTML)"""
    )
    assert inline == []
