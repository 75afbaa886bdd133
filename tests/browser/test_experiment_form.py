"""An experiment in a browser: the form with and without scripts, and the grid while it is played."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from app.jobs.definition_text import read_definition
from tests.browser.observatory import SLOW, Observatory

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TOML = """
name = "Pasted"
scenarios = ["fishery", "pasture"]
conditions = ["default"]
seeds = "1-2"
models = ["scripted:greedy", "scripted:fair-share"]
settings = { months = 2 }
"""


async def test_the_sum_follows_the_form_and_the_grid_follows_the_runs(page: Page, observatory: Observatory) -> None:
    await page.goto(f"{observatory.base}/launch")
    await page.get_by_role("link", name="new experiment").click()
    await expect(page.locator("#grid-size")).to_have_text("1 model × 1 scenario × 1 condition × 5 seeds")
    await page.get_by_label("greedy: takes much more").check()
    await page.get_by_label("Pasture").check()
    await page.locator("#seeds").fill("1-4")
    await page.locator("#months").fill("2")
    await expect(page.locator("#start")).to_have_text("Start 16 runs", timeout=SLOW)
    await expect(page.locator("#shows")).to_contain_text("with 4 against 4 runs no two-sided p below 0.029 exists")
    await page.locator("#seeds").fill("4-1")
    await page.locator("#seeds").blur()
    await expect(page.locator("#error-seeds")).to_have_text("The range 4-1 runs backwards. Write 1-4.", timeout=SLOW)
    await expect(page.locator("#start")).to_have_text("Start")
    await page.locator("#seeds").fill("1-4")
    await expect(page.locator("#start")).to_have_text("Start 16 runs", timeout=SLOW)
    await page.locator("#start").click()
    await page.wait_for_url(re.compile("/experiments/x"))
    # The page follows by itself: it is not loaded again.
    await page.evaluate("window.stayed = true")
    await expect(page.locator(".seed--survived, .seed--collapsed").nth(15)).to_be_attached(timeout=SLOW)
    await expect(page.get_by_text("4 of 4 finished")).to_have_count(4, timeout=SLOW)
    await page.locator("#main").get_by_role("link", name="Compare", exact=True).click()
    await expect(page).to_have_url(re.compile("group=model&group=scenario"))


async def test_without_scripts_a_file_fills_the_form_and_the_form_writes_a_file(
    browser: Browser, observatory: Observatory, tmp_path: Path
) -> None:
    context = await browser.new_context(java_script_enabled=False, accept_downloads=True)
    page = await context.new_page()
    await page.goto(f"{observatory.base}/experiments/new")
    await page.get_by_text("Start from a table of the paper").click()
    await page.locator("#toml").fill("name = ")
    await page.get_by_role("button", name="Fill in the form").click()
    await expect(page.get_by_role("alert").first).to_contain_text("The form was not filled in.")
    await page.locator("#file").set_input_files({"name": "a.toml", "mimeType": "", "buffer": TOML.encode()})
    await page.get_by_role("button", name="Fill in the form").click()
    await expect(page.locator("#start")).to_have_text("Start 8 runs")
    await page.locator("#name").fill("Mine")
    await page.locator("#name").press("Enter")
    await expect(page.locator("#name")).to_have_value("Mine")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download as TOML").click()
    file = tmp_path / "mine.toml"
    await (await downloading.value).save_as(file)
    found = read_definition(file.read_bytes())
    assert (found.name, found.runs, found.settings.months) == ("Mine", 8, 2)
    await page.locator("#start").click()
    await expect(page.locator("h1")).to_have_text("Mine")
    await expect(page.locator(".cell")).to_have_count(4)
    await context.close()
