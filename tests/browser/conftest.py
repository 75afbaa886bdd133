"""A real Chromium in front of a real `govsim serve`, whose models are the fake server."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.fakes.process import FakeModelServer
from tests.support import Instance

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def server() -> Iterator[FakeModelServer]:
    with FakeModelServer(seed=1) as running:
        yield running


class Observatory:
    """A served instance: its base address, and the instance behind it."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.start()

    def start(self) -> None:
        """Start `govsim serve`, web process and worker, and learn its address."""
        self.process = self.instance.start("serve", "--port", "0")
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"no address was printed: {line!r}"
        self.base = found[0]


@pytest.fixture
async def observatory(tmp_path: Path, server: FakeModelServer) -> AsyncIterator[Observatory]:
    server.reset()
    instance = Instance(tmp_path, server.models_toml("lab", max_concurrency=25, attempts=2, backoff_s=0.05))
    running = Observatory(instance)
    yield running
    running.process.terminate()
    running.process.wait(20)
    await instance.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        await chromium.close()


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
