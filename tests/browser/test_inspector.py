"""From who first broke the agreed limit to the prompt behind it, and a link that opens exactly there."""

import pytest
from playwright.async_api import Browser, Page, expect

from app.store.corrections import CorrectionIn, add_correction
from tests.browser.conftest import Observatory
from tests.fakes.villagers import record
from tests.keeping.records import generative

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


async def test_a_breach_leads_to_its_prompt_and_a_link_opens_exactly_there(
    page: Page, browser: Browser, observatory: Observatory
) -> None:
    database = observatory.instance.database
    run = await record(database, generative(months=3))
    # Nothing was allowed: whoever took anything in month 2 broke the agreement.
    await add_correction(database, run.id, CorrectionIn(month=1, limit=0, author="Ada", version=0))
    await page.goto(f"{observatory.base}/runs/{run.id}")
    await page.locator("[data-breach] a").click()
    await expect(page.get_by_role("heading", name="Month 2", exact=True)).to_be_visible()
    await expect(page.locator("[data-inspector]")).to_contain_text("corrected by Ada")
    await page.keyboard.press("Escape")
    # After the last broken agreement comes the first again.
    await page.keyboard.press("End")
    await page.keyboard.press("n")
    await expect(page.locator("[data-toast]")).to_have_text("The first broken agreement: month 2")
    await expect(page.get_by_role("heading", name="Month 2", exact=True)).to_be_visible()
    await page.locator("tr[data-decision]", has_text="!").first.get_by_text("!").click()
    inspector = page.locator("[data-inspector]")
    await expect(inspector).to_contain_text("corrected by Ada")
    await page.locator("[data-tab=prompt]").click()
    await expect(inspector.locator("pre .seg--task")).to_be_visible()
    await inspector.locator("[data-difference] summary").click()
    await expect(inspector.locator("ins").first).to_be_visible()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await inspector.get_by_role("button", name="Copy link").click()
    link = await page.evaluate("navigator.clipboard.readText()")
    shown = await inspector.locator("pre.prompt").last.inner_text()

    other = await browser.new_page()
    await other.goto(link)
    opened = other.locator("[data-inspector]")
    await expect(opened.locator("pre.prompt").last).to_have_text(shown, use_inner_text=True)
    assert "call=2%2Fharvest" in other.url and "tab=prompt" in other.url
    await expect(opened).to_be_focused()


async def test_the_search_opens_what_it_finds(page: Page, observatory: Observatory) -> None:
    run = await record(observatory.instance.database, generative(months=2))
    await page.goto(f"{observatory.base}/runs/{run.id}?q=planning")
    hits = page.locator("[data-hits]")
    await expect(hits).to_contain_text("found")
    await page.locator("[data-search]").press("Enter")
    await expect(hits.locator("[aria-current=true]")).to_have_count(1)
    await hits.get_by_role("button", name="Next").click()
    await expect(hits.get_by_role("status")).to_contain_text("2 of")
    await hits.get_by_role("listitem").filter(has_text="keeps").last.get_by_role("button").click()
    assert "q=planning" in page.url
    await expect(page.locator("[data-inspector]")).to_contain_text("planning")
