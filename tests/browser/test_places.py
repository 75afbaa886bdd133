"""Every page in every state: nothing for axe-core to complain about, and nothing wider than the window."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts
from playwright.async_api import Browser, Page, ViewportSize

from app.main import create_app
from app.settings import Settings
from tests.browser.axe import violations
from tests.browser.conftest import PASSWORD
from tests.browser.places import NO_PAGES, PLACES, all_places, arrive
from tests.browser.town import LOGS, Town
from tests.chromium import open_chromium

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WINDOW: ViewportSize = {"width": 1280, "height": 900}
NARROW = 320  # what 400 % zoom leaves of 1280 px


@dataclass(frozen=True)
class Seen:
    """What was found at a place."""

    violations: list[str]
    narrow_width: int
    complaints: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(town: Town, empty_town: Town) -> Mapping[str, Seen]:
    """Go to every place once and look at it in every way."""
    found = {}
    async with open_chromium() as browser:
        pages = {empty: await new_page(browser, empty) for empty in (False, True)}
        complaints: list[str] = []
        for page in pages.values():
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
        for place in all_places():
            where, page = empty_town if place.empty else town, pages[place.empty]
            if where.has(place.path):
                complaints.clear()
                await arrive(page, where.address(place.path), place)
                wrong = await violations(page)
                found[place.name] = Seen(wrong, await narrow_width(page), list(complaints))
    return found


async def new_page(browser: Browser, empty: bool) -> Page:
    headers = {"Authorization": f"Bearer {PASSWORD}"} if empty else {}
    return await browser.new_page(viewport=WINDOW, extra_http_headers=headers)


async def narrow_width(page: Page) -> int:
    await page.set_viewport_size({"width": NARROW, "height": WINDOW["height"]})
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    await page.set_viewport_size(WINDOW)
    return width


def test_every_page_has_its_places() -> None:
    app = create_app(Settings(password=None))
    read = {route.path for route in iter_route_contexts(app.routes) if "GET" in (route.methods or ())}
    pages = {path for path in read if not path.startswith(("/api/", "/s/{token}/api/"))}
    assert pages == set(PLACES) | NO_PAGES


def test_places_have_names_of_their_own() -> None:
    names = [place.name for place in all_places()]
    assert len(names) == len(set(names))


def test_only_imports_may_be_missing(town: Town) -> None:
    missing = {place.name for place in all_places() if not place.empty and not town.has(place.path)}
    assert missing == (set() if LOGS.is_dir() else {"run-imported"})


def test_axe_finds_nothing_in_either_theme(seen: Mapping[str, Seen]) -> None:
    assert {name: at.violations for name, at in seen.items() if at.violations} == {}


def test_no_page_scrolls_sideways_at_320_px(seen: Mapping[str, Seen]) -> None:
    assert {name: at.narrow_width for name, at in seen.items() if at.narrow_width > NARROW} == {}


def test_no_page_makes_the_browser_complain(seen: Mapping[str, Seen]) -> None:
    expected = ("status of 4",)
    wrong = {
        name: [text for text in at.complaints if not any(e in text for e in expected)] for name, at in seen.items()
    }
    assert {name: texts for name, texts in wrong.items() if texts} == {}
