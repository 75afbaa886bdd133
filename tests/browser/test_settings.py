"""What a browser keeps for itself: colours and keys."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Observatory

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


async def test_colours_and_keys_are_kept(page: Page, observatory: Observatory) -> None:
    await page.goto(f"{observatory.base}/settings")
    root = page.locator("html")
    await expect(page.get_by_label("As the system")).to_be_checked()
    await page.get_by_label("Dark", exact=True).check()
    await page.get_by_label("Keys on a run's page").uncheck()
    await page.reload()
    await expect(root).to_have_attribute("data-theme", "dark")
    await expect(page.get_by_label("Dark", exact=True)).to_be_checked()
    await expect(page.get_by_label("Keys on a run's page")).not_to_be_checked()
    # The switch in the header and the choice here are one.
    await page.get_by_role("button", name="Switch to the light theme").click()
    await expect(page.get_by_label("Light", exact=True)).to_be_checked()
    await page.get_by_label("As the system").check()
    await page.reload()
    assert await root.get_attribute("data-theme") is None
