"""Results of the search over all runs: each opens at exactly the call, memory or message that it tells of."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Locator, Page, expect

from app.jobs.indexing import index_waiting
from tests.browser.conftest import Observatory
from tests.fakes.villagers import record
from tests.keeping.records import generative

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


async def first_place(page: Page, observatory: Observatory, search: str, of: str) -> tuple[Locator, dict[str, str]]:
    """Search, and return the first place of *of*, an agent or the framework, with what its address says."""
    await page.goto(f"{observatory.base}/search?{search}")
    place = page.locator(".found__place", has_text=f"· {of} ·").first
    href = await place.get_attribute("href") or ""
    return place, {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}


async def test_a_result_opens_exactly_what_it_tells_of(page: Page, observatory: Observatory) -> None:
    run = await record(observatory.instance.database, generative(months=2))
    await index_waiting(observatory.instance.database)
    inspector = page.locator("[data-inspector]")
    chosen = inspector.locator("select")
    for search, of, tab in (
        ("q=the&kind=prompt", "John", "prompt"),
        ("q=answer&kind=completion", "John", "completion"),
        ("q=limit&kind=prompt", "framework", "prompt"),
        ("q=answer&kind=completion", "framework", "completion"),
    ):
        place, asked = await first_place(page, observatory, f"{search}&run={run.id}", of)
        await place.click()
        await expect(chosen).to_have_value(asked["call"])
        assert asked["tab"] == tab and f"/{of}/" in asked["call"]
        await expect(page.locator(f"[data-tab={tab}]")).to_have_attribute("aria-current", "true")
        await expect(inspector).to_be_focused()
        await expect(page.locator("[data-notice]")).to_have_count(0)
        if of == "framework":
            await expect(page.locator(f"#m{asked['m']}-end")).to_have_class("line line--end line--current")
        else:
            await expect(page.locator("[data-bind=inspector-title]")).to_have_text(f"{of}, month {asked['m']}")

    place, asked = await first_place(page, observatory, f"q=the&kind=memory&run={run.id}", "John")
    await place.click()
    await expect(page.locator(f"#n{asked['memory']}")).to_be_focused()
    place, asked = await first_place(page, observatory, f"q=tons&kind=talk&run={run.id}", "Mayor")
    await place.click()
    await expect(page.locator(f"#{asked['msg']}")).to_be_focused()
