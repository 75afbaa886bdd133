"""The launch form in a browser: the models answer, and the preview shows what they would be sent."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Observatory

SLOW = 20_000

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


async def test_models_are_asked_and_prompts_previewed_beside_the_form(page: Page, observatory: Observatory) -> None:
    await page.goto(f"{observatory.base}/launch")
    await page.locator("select[name=mind]").select_option("generative:lab/villager")
    await page.get_by_text("Choose for each agent").click()
    await page.locator("#mind_2").select_option("scripted:greedy")
    await page.locator("input[name=capacity]").evaluate("field => field.closest('details').open = true")
    await page.locator("input[name=capacity]").fill("77")
    await page.get_by_role("button", name="Do they answer?").click()
    await expect(page.locator("#check-state")).to_have_text("All answered.", timeout=SLOW)
    await expect(page.locator("#check-list li")).to_have_count(1)
    await expect(page.locator("#check-list")).to_contain_text("lab/villager answered in")

    await page.get_by_role("button", name="Prompt preview: Kate, month 1").click()
    sheet = page.get_by_role("dialog", name="Prompt preview")
    await expect(sheet).to_contain_text("You are Kate", timeout=SLOW)
    await expect(sheet).to_contain_text("77 tons of fish")
    await expect(sheet).to_contain_text("Kate is scripted in this launch and is sent nothing")
    await sheet.locator("#agent").select_option("framework")
    await sheet.locator("#purpose").select_option("limit")
    await expect(sheet).to_contain_text("What the framework would be sent", timeout=SLOW)
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    assert await page.locator("#capacity").input_value() == "77"
