"""A real Chromium in front of a real `govsim serve`, whose models are the fake server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.browser.observatory import Observatory
from tests.browser.town import Town, open_empty_town, open_town
from tests.chromium import open_chromium
from tests.fakes.process import FakeModelServer
from tests.support import Instance

__all__ = ["Observatory"]

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def server() -> Iterator[FakeModelServer]:
    with FakeModelServer(seed=1) as running:
        yield running


@pytest.fixture
async def observatory(tmp_path: Path, server: FakeModelServer) -> AsyncIterator[Observatory]:
    server.reset()
    instance = Instance(tmp_path, server.models_toml("lab", max_concurrency=25, attempts=2, backoff_s=0.05))
    running = Observatory(instance)
    yield running
    running.stop()
    await instance.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with open_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A populated instance that tests only look at."""
    with open_town(tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest.fixture(scope="session")
def empty_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """An instance in which nothing has happened yet, behind `PASSWORD`."""
    with open_empty_town(tmp_path_factory.mktemp("empty"), PASSWORD) as opened:
        yield opened


@pytest.fixture
async def page(browser: Browser, observatory: Observatory) -> AsyncIterator[Page]:
    """A page that fails the test for anything the browser complains about; closed before its server is."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await page.close()
    # A refused form is an answer the test asked for; the browser reports it like a missing file.
    assert [text for text in complaints if "422 (Unprocessable" not in text] == []
