"""A real Chromium for the tests of what runs in the browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.chromium import open_chromium


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with open_chromium() as browser:
        yield browser
