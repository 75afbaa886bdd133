"""Every page in every state: nothing for axe-core to complain about, and nothing wider than the window."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts
from playwright.async_api import Browser, Page, ViewportSize
from playwright.async_api import Error as PlaywrightError

from app.main import create_app
from app.settings import Settings
from tests.browser.axe import violations
from tests.browser.conftest import PASSWORD
from tests.browser.places import NO_PAGES, PLACES, Place, all_places, arrive
from tests.browser.town import LOGS, Town
from tests.chromium import open_chromium

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WINDOW: ViewportSize = {"width": 1280, "height": 900}
NARROW = 320  # what 400 % zoom leaves of 1280 px


@dataclass(frozen=True)
class Seen:
    """What was found at a place."""

    complaints: list[str]
    violations: list[str] = field(default_factory=list)
    narrow_width: int = 0
    failed: str = ""


async def look(town: Town, empty_town: Town, places: Iterable[Place]) -> dict[str, Seen]:
    """Go to each place once and look at it in every way."""
    found = {}
    async with open_chromium() as browser:
        pages = {empty: await new_page(browser, empty) for empty in (False, True)}
        complaints: list[str] = []
        for page in pages.values():
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
        for place in places:
            where, page = empty_town if place.empty else town, pages[place.empty]
            if where.has(place.path):
                complaints.clear()
                try:
                    await arrive(page, where.address(place.path), place)
                    wrong = await violations(page)
                    found[place.name] = Seen(list(complaints), wrong, await narrow_width(page))
                except (AssertionError, PlaywrightError) as error:
                    found[place.name] = Seen(list(complaints), failed=str(error)[:300])
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(town: Town, empty_town: Town) -> Mapping[str, Seen]:
    return await look(town, empty_town, [place for place in all_places() if not place.long])


async def new_page(browser: Browser, empty: bool) -> Page:
    headers = {"Authorization": f"Bearer {PASSWORD}"} if empty else {}
    page = await browser.new_page(viewport=WINDOW, extra_http_headers=headers)
    page.set_default_timeout(15_000)
    return page


async def narrow_width(page: Page) -> int:
    await page.set_viewport_size({"width": NARROW, "height": WINDOW["height"]})
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    await page.set_viewport_size(WINDOW)
    return width


def test_every_page_has_its_places() -> None:
    app = create_app(Settings(password=None))
    read = {route.path for route in iter_route_contexts(app.routes) if "GET" in (route.methods or ())}
    pages = {path for path in read if "api" not in path.split("/")}
    assert pages == set(PLACES) | NO_PAGES


def test_places_have_names_of_their_own() -> None:
    names = [place.name for place in all_places()]
    assert len(names) == len(set(names))


def test_only_imports_may_be_missing(town: Town) -> None:
    missing = {place.name for place in all_places() if not place.empty and not town.has(place.path)}
    assert missing == (set() if LOGS.is_dir() else {"run-imported", "run-tables"})


def test_every_place_can_be_reached(seen: Mapping[str, Seen]) -> None:
    assert {name: at.failed for name, at in seen.items() if at.failed} == {}


def test_axe_finds_nothing_in_either_theme(seen: Mapping[str, Seen]) -> None:
    assert {name: at.violations for name, at in seen.items() if at.violations} == {}


def test_no_page_scrolls_sideways_at_320_px(seen: Mapping[str, Seen]) -> None:
    assert {name: at.narrow_width for name, at in seen.items() if at.narrow_width > NARROW} == {}


def test_no_page_makes_the_browser_complain(seen: Mapping[str, Seen]) -> None:
    # The browser reports like an error what is refused or not there, and what a place itself blocks.
    wanted = ("status of 4", "net::ERR_FAILED")
    wrong = {name: [text for text in at.complaints if not any(w in text for w in wanted)] for name, at in seen.items()}
    assert {name: texts for name, texts in wrong.items() if texts} == {}


@pytest.mark.long
async def test_the_other_places_are_as_good(town: Town, empty_town: Town) -> None:
    found = await look(town, empty_town, [place for place in all_places() if place.long])
    test_every_place_can_be_reached(found)
    test_axe_finds_nothing_in_either_theme(found)
    test_no_page_scrolls_sideways_at_320_px(found)
    test_no_page_makes_the_browser_complain(found)


# What a reader who wants no motion would see move.
MOVING = """() => [...document.querySelectorAll("*")].filter((element) => {
  const { transitionDuration, animationDuration } = getComputedStyle(element);
  return `${transitionDuration}, ${animationDuration}`.split(", ").some((time) => parseFloat(time) > 0.001);
}).map((element) => element.outerHTML.slice(0, 120))"""

# Controls that are too low for a finger. Links within text may be, and a slider is as high as the months it lies over.
LOW = """() => [...document.querySelectorAll(
    "button, .button, .tab, .sort, .site-nav a, select, input:not([type=hidden], [type=range]), summary")]
  .map((element) => element.closest("label") ?? element)
  .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .map((element) => [element.getBoundingClientRect().height, element.outerHTML.slice(0, 120)])
  .filter(([height]) => height > 1 && height < 43.5)
  .map(([height, text]) => `${Math.round(height)} px: ${text}`)"""


async def test_nothing_moves_for_readers_who_want_no_motion(town: Town) -> None:
    async with open_chromium() as browser:
        page = await browser.new_page(reduced_motion="reduce")
        for path in ("/", "/runs", "/runs/{live}", "/runs/{finished}"):
            await page.goto(town.address(path))
            assert await page.evaluate(MOVING) == []


async def test_what_is_touched_is_44_px_high(town: Town) -> None:
    low = {}
    async with open_chromium() as browser:
        context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        page = await context.new_page()
        for path in (
            "/",
            "/launch",
            "/runs",
            "/runs/{finished}?m=2",
            "/runs/{live}?agent=kate",
            "/shares",
            "/settings",
        ):
            await page.goto(town.address(path))
            low[path] = await page.evaluate(LOW)
    assert {path: found for path, found in low.items() if found} == {}
