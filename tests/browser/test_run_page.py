"""The run page as its reader uses it: places, playback, the drawing, the transcript, links, panes, very long runs."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.observatory import SLOW
from tests.browser.town import Town
from tests.chromium import open_chromium

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="module")]

NOON, LATER = "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"


class Reader:
    """Somebody at the run page."""

    def __init__(self, page: Page, town: Town) -> None:
        self.page = page
        self.town = town

    async def open(self, path: str) -> None:
        await self.page.goto(self.town.address(path))
        await expect(self.page.locator("#run[data-ready]")).to_be_visible(timeout=SLOW)

    async def spoken(self) -> str | None:
        return await self.page.locator("[data-range]").get_attribute("aria-valuetext")

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def number(self, selector: str, attribute: str) -> float:
        text = await self.page.locator(selector).first.get_attribute(attribute)
        return float(re.sub(r"[^\d.]", "", text or ""))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_chromium() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def reader(chromium: Browser, town: Town) -> AsyncIterator[Reader]:
    page = await chromium.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield Reader(page, town)
    await page.close()
    assert complaints == []


async def test_steps_lead_through_harvest_talk_and_home(reader: Reader) -> None:
    await reader.open("/runs/{broken}?m=2")
    assert await reader.spoken() == "Month 2, harvest"
    await reader.press("ArrowRight", "ArrowRight")
    assert (await reader.spoken() or "").startswith("Month 2, talk, message 2 of ")
    assert "msg=m2-u2" in reader.page.url
    await reader.page.get_by_role("button", name="Home", exact=True).click()
    assert await reader.spoken() == "Month 2, home"
    await reader.press("ArrowLeft")
    assert await reader.spoken() == "Month 2, talk, agreement"
    await reader.press("ArrowRight", "ArrowRight")
    assert await reader.spoken() == "Month 3, harvest"
    await reader.page.go_back()
    assert await reader.spoken() == "Month 2, home"


async def test_the_slider_is_dragged_and_moved_by_keys(reader: Reader) -> None:
    await reader.open("/runs/{broken}?m=1")
    slider = reader.page.get_by_role("slider", name="Place in the run")
    await slider.fill("2.5")
    assert (await reader.spoken() or "").startswith("Month 3, talk, message ")
    await slider.focus()
    await reader.press("ArrowLeft", "Shift+ArrowLeft")
    assert await reader.spoken() == "Month 2, harvest"


async def test_the_stock_shrinks_in_the_harvest_and_grows_at_home(reader: Reader) -> None:
    await reader.open("/runs/{broken}?m=1")
    before = await reader.number("[data-stock-before]", "transform")
    after = await reader.number("[data-stock]", "transform")
    alive = reader.page.locator("[data-life]:not([data-gone])")
    living = await alive.count()
    await reader.page.get_by_role("button", name="Home", exact=True).click()
    grown = await reader.number("[data-stock]", "transform")
    assert after < grown <= before
    assert await alive.count() > living


async def test_a_collapse_looks_like_one(reader: Reader) -> None:
    await reader.open("/runs/{collapsed}?m=1")
    await reader.press("End", "Shift+ArrowLeft", "Shift+ArrowRight")
    scene = reader.page.locator("[data-scene]")
    await expect(scene).to_have_attribute("data-health", "collapsed")
    assert await reader.page.locator("[data-life]:not([data-gone])").count() == 0
    await expect(reader.page.locator(".stage__sentence")).to_contain_text("Collapse: too little is left.")
    assert await reader.page.locator(".scrub__month--later").count() > 0


async def test_the_speaker_has_a_ring_and_a_bubble(reader: Reader) -> None:
    await reader.open("/runs/{crowd}?m=2&msg=m2-u3")
    speaks = reader.page.locator(".seat--speaks .seat__name")
    await expect(speaks).to_have_count(1)
    bubble = reader.page.locator("[data-bubble]")
    await expect(bubble).to_contain_text(f"{await speaks.text_content()}: ")
    assert len(await bubble.text_content() or "") <= 160


async def test_playing_holds_each_step_and_stops_at_the_end_of_the_month(reader: Reader) -> None:
    await reader.page.clock.install(time=NOON)
    await reader.open("/runs/{broken}?m=2")
    await reader.page.clock.pause_at(LATER)
    assert await reader.spoken() == "Month 2, harvest"
    await reader.page.locator("[data-speed]").select_option("4")
    await reader.page.get_by_label("Stop at month's end").check()
    await reader.page.get_by_role("button", name="Play", exact=True).click()
    # Two seconds for a harvest, a quarter of that at this speed.
    await reader.page.clock.run_for(450)
    assert await reader.spoken() == "Month 2, harvest"
    await reader.page.clock.run_for(100)
    assert (await reader.spoken() or "").startswith("Month 2, talk, message 1 of ")
    await expect(reader.page.locator("#m2-u2")).to_be_hidden()
    await reader.page.clock.run_for(60_000)
    assert await reader.spoken() == "Month 3, harvest"
    await expect(reader.page.get_by_role("button", name="Play", exact=True)).to_be_visible()


async def test_reduced_motion_cuts_straight_to_what_the_harvest_left(chromium: Browser, town: Town) -> None:
    page = await chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    calm = Reader(page, town)
    await page.clock.install(time=NOON)
    await calm.open("/runs/{broken}?m=2")
    await page.clock.pause_at(LATER)
    left = await calm.number("[data-stock]", "transform")
    await calm.press(" ")
    assert await calm.number("[data-stock]", "transform") == left


async def test_the_transcript_is_filtered_raw_and_of_all_months(reader: Reader) -> None:
    await reader.open("/runs/{broken}?m=2")
    page = reader.page
    await page.get_by_label("Show messages of").select_option("Kate")
    heads = page.locator("[data-lines] .line[id*='-u'] b")
    assert set(await heads.all_text_contents()) == {"Kate"}
    await page.locator(".chat summary", has_text="View").click()
    await page.get_by_label("All months").check()
    await expect(page.get_by_role("heading", name="Talk of all months")).to_be_visible()
    assert await page.locator("#m1-end").count() == await page.locator("#m2-end").count() == 1
    assert set(await heads.all_text_contents()) == {"Kate"}
    await page.get_by_label("Raw text").check()
    assert await page.locator(".line__raw").count() > 1


async def test_a_copied_link_opens_at_its_message(reader: Reader) -> None:
    await reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await reader.open("/runs/{broken}?m=2")
    await reader.page.locator("#m2-u3").get_by_role("link", name="Copy a link to this message").click()
    await expect(reader.page.locator("[data-toast]")).to_have_text("Link copied")
    link = await reader.page.evaluate("navigator.clipboard.readText()")
    await reader.page.goto(link)
    await expect(reader.page.locator("#m2-u3")).to_have_attribute("aria-current", "true")
    await expect(reader.page.locator("#m2-u3")).to_be_in_viewport()
    await reader.page.get_by_role("link", name="Copy a link to this month").click()
    month = await reader.page.evaluate("navigator.clipboard.readText()")
    assert "?m=2" in month
    assert "msg" not in month


async def test_a_mark_opens_the_decision_behind_it(reader: Reader) -> None:
    await reader.open("/runs/{broken}?m=2")
    mark = reader.page.locator("[data-lines] a.said--broken").first
    assert re.match(r"Agreed \d+ ha in month 1; ", await mark.get_attribute("aria-label") or "")
    await mark.click()
    await expect(reader.page.locator("[data-inspector]")).to_contain_text("Agreed limit")


async def test_panes_are_resized_by_keys_and_stay_so(reader: Reader) -> None:
    await reader.open("/runs/{broken}?m=2")
    stage = reader.page.locator(".run-panes__left")
    line = reader.page.get_by_role("separator", name="Width of the stage")
    before = (await stage.bounding_box() or {})["width"]
    await line.focus()
    await reader.press("ArrowRight", "ArrowRight", "ArrowRight")
    await expect(line).to_have_attribute("aria-valuenow", "42")
    assert (await stage.bounding_box() or {})["width"] > before + 40
    assert await reader.spoken() == "Month 2, harvest"
    await reader.page.reload()
    await expect(line).to_have_attribute("aria-valuenow", "42")
    await line.focus()
    await reader.press("Enter")
    await expect(line).to_have_attribute("aria-valuenow", "36")


async def test_a_very_long_run_shows_a_year_and_all_of_its_talk(reader: Reader) -> None:
    await reader.open("/runs/{long}?msg=m70-u4")
    page = reader.page
    await expect(page.locator("#m70-u4")).to_have_attribute("aria-current", "true")
    assert await page.locator(".scrub__number").all_text_contents() == [str(number) for number in range(61, 73)]
    await page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await reader.press("Home")
    await expect(page.locator("#m1-u2")).to_be_visible()
    await reader.press("End", "Shift+ArrowLeft")
    await expect(page.locator("#m119-u2")).to_be_visible()
    assert (await page.locator(".scrub__number").all_text_contents())[-1] == "120"
    assert [url for url in asked if "/api/" in url] == []


async def test_of_a_long_transcript_only_what_is_near_is_on_the_page(reader: Reader) -> None:
    await reader.open("/runs/{long}?m=70")
    page = reader.page
    await page.wait_for_load_state("networkidle")
    await page.locator(".chat summary", has_text="View").click()
    await page.get_by_label("All months").check()
    await expect(page.locator("#m70-u2")).to_be_in_viewport()
    assert await page.locator("[data-chat-month]").count() == 120
    assert await page.locator("[data-lines] .line").count() < 300
    await page.locator("[data-chat-month='3']").scroll_into_view_if_needed()
    await expect(page.locator("#m3-u2")).to_be_visible()
    await expect(page.locator("#m100-u2")).to_have_count(0)


async def test_all_rows_of_a_month_come_however_fast_months_are_switched(reader: Reader) -> None:
    await reader.open("/runs/{crowd}?m=1")
    page = reader.page
    asked = await page.request.get(f"{reader.town.address('/api/v1/runs/{crowd}/events')}?kind=said&limit=5000")
    said = [f"m{event['month']}-u{event['turn']}" for event in (await asked.json())["events"]]
    await reader.press(*["Shift+ArrowRight"] * 4)
    own = [name for name in said if name.startswith("m5-")]
    rows = page.locator("[data-lines] .line[id]")
    await expect(rows).to_have_count(len(own) + 2)
    assert await rows.evaluate_all("rows => rows.map((row) => row.id)") == [*own, "m5-end", "m5-home"]
    # Who names the last message sees it at once, also where the month was only just opened.
    await reader.press("Shift+ArrowRight")
    await page.locator("[data-phase=home]").click()
    await expect(page.locator("#m6-home")).to_have_attribute("aria-current", "true")
    await expect(page.locator("#m6-home")).to_be_in_viewport()
    await expect(page.locator(".stage")).to_have_attribute("data-cut", "")
    await reader.press("ArrowLeft")
    await expect(page.locator(".stage")).not_to_have_attribute("data-cut", "")
