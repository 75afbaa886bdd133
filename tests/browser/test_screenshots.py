"""Pictures of every page in every state, to be looked at: `make screenshots`.

They go to build/screenshots, or to the folder named by GOVSIM_SCREENSHOTS: PLACE-WIDTH-THEME.png.
"""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.browser.conftest import PASSWORD
from tests.browser.places import all_places, arrive
from tests.browser.town import Town
from tests.support import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.xdist_group("browser")]

WIDTHS = {1440: 900, 390: 844}


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the pictures go."""
    chosen = Path(os.environ.get("GOVSIM_SCREENSHOTS") or ROOT / "build" / "screenshots")
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


async def draw_charts(page: Page) -> None:
    """Bring every chart into view, and wait until it is drawn."""
    for chart in await page.locator("[data-chart]:visible").all():
        await chart.scroll_into_view_if_needed()
        drawing = chart.locator("[data-state=drawn], [data-state=failed]")
        await drawing.wait_for(timeout=20_000)
    await page.evaluate("scrollTo(0, 0)")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_every_place_is_pictured(
    browser: Browser, town: Town, empty_town: Town, folder: Path, width: int, theme: str
) -> None:
    taken = {}
    for empty, where in ((False, town), (True, empty_town)):
        context = await browser.new_context(
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme=theme,  # type: ignore[arg-type]
            has_touch=width < 400,
            extra_http_headers={"Authorization": f"Bearer {PASSWORD}"} if empty else {},
        )
        page = await context.new_page()
        for place in all_places():
            if place.empty == empty and where.has(place.path):
                await arrive(page, where.address(place.path), place)
                if place.loaded:
                    await draw_charts(page)
                file = folder / f"{place.name}-{width}-{theme}.png"
                await page.screenshot(path=file, full_page=True, animations="disabled")
                taken[place.name] = file.stat().st_size
        await context.close()
    assert set(taken) == {place.name for place in all_places() if (empty_town if place.empty else town).has(place.path)}
    assert min(taken.values()) > 3_000
