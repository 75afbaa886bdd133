"""A real Chromium for the tests of what runs in the browser."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """An installed Chromium, else Playwright's own."""
    path = next((found for name in INSTALLED if (found := shutil.which(name))), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()
