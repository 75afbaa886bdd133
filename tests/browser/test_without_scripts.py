"""Where no script runs, every page says what it is about and its forms work."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD
from tests.browser.observatory import SLOW, Observatory
from tests.browser.places import all_places
from tests.browser.town import Town
from tests.fakes.process import FakeModelServer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# What is on the page and leads nowhere without scripts.
DEAD = """() => [...document.querySelectorAll(
    ".js-only, .skeleton, button[type=button], a:not([href], [aria-disabled])")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }))
  .map((element) => element.outerHTML.slice(0, 160))"""


@pytest.fixture
async def plain(browser: Browser) -> AsyncIterator[Page]:
    """A page in which no script runs."""
    context = await browser.new_context(java_script_enabled=False)
    yield await context.new_page()
    await context.close()


async def test_every_page_says_something_and_offers_nothing_dead(
    browser: Browser, town: Town, empty_town: Town
) -> None:
    silent, dead = [], {}
    for empty, where in ((False, town), (True, empty_town)):
        headers = {"Authorization": f"Bearer {PASSWORD}"} if empty else {}
        context = await browser.new_context(java_script_enabled=False, extra_http_headers=headers)
        page = await context.new_page()
        for place in all_places():
            if place.empty != empty or place.steps or not where.has(place.path):
                continue
            await page.goto(where.address(place.path))
            heading = await page.locator("h1").first.inner_text()
            text = await page.locator("main").inner_text()
            if not heading.strip() or len(text) < len(heading) + 40:
                silent.append(place.name)
            if found := await page.evaluate(DEAD):
                dead[place.name] = found
        await context.close()
    assert silent == []
    assert dead == {}


async def test_a_run_is_launched_found_read_shared_and_its_link_revoked(
    plain: Page, observatory: Observatory, server: FakeModelServer
) -> None:
    await plain.goto(f"{observatory.base}/launch")
    await plain.locator("select[name=mind]").select_option("generative:lab/villager")
    await plain.locator("input[name=months]").fill("2")
    await plain.locator("#start").click()
    await expect(plain).to_have_url(re.compile("/runs/"))
    run_id = plain.url.rpartition("/")[2]
    await observatory.instance.until(run_id, lambda run: run.state == "finished")
    await plain.goto(f"{observatory.base}/runs?q=villager")
    await plain.get_by_role("link", name="Fishery").first.click()
    await plain.locator("[data-month='2'] a").click()
    await expect(plain.get_by_role("heading", name="Month 2", exact=True)).to_be_visible(timeout=SLOW)
    await plain.locator(".inspector [data-agent='1']").click()
    await plain.locator(".inspector [data-tab=prompt]").click()
    await expect(plain.locator("[data-inspector]")).to_contain_text("You are Kate")
    await plain.locator("summary", has_text="Share").click()
    await plain.get_by_role("button", name="Make a link").click()
    link = await plain.locator("#issued-link").input_value()
    await plain.goto(f"{observatory.base}/runs/{run_id}")
    await plain.locator("summary", has_text="More").click()
    await plain.get_by_role("button", name="Archive").click()
    await expect(plain.locator(".own-words")).to_contain_text("archived")
    await plain.goto(f"{observatory.base}/shares")
    await plain.get_by_role("button", name="Revoke").click()
    await expect(plain.get_by_text("revoked").first).to_be_visible()
    gone = await plain.goto(link)
    assert gone is not None
    assert gone.status == 410


async def test_a_wrong_form_and_a_wrong_upload_are_answered_on_their_page(
    plain: Page, observatory: Observatory, tmp_path: Path
) -> None:
    await plain.goto(f"{observatory.base}/launch")
    await plain.locator("input[name=seeds]").fill("3, 3")
    await plain.locator("#start").click()
    await expect(plain.get_by_text("A seed is named twice")).to_be_visible()
    assert await plain.locator("input[name=seeds]").input_value() == "3, 3"
    archive = tmp_path / "logs.zip"
    archive.write_bytes(b"no archive")
    await plain.goto(f"{observatory.base}/import")
    form = plain.locator("main form", has=plain.locator("input[accept]")).first
    await form.locator("input[type=file]").set_input_files(archive)
    await form.locator("button").click()
    await expect(plain.get_by_text("Nothing was imported")).to_be_visible()
