"""Everything is done with keys alone: focus goes everywhere, is always seen, is never caught, and comes back."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.observatory import SLOW, Observatory
from tests.browser.town import Town
from tests.fakes.process import FakeModelServer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WALKED = {1280: ("/", "/launch", "/runs/{finished}?m=2"), 320: ("/runs", "/runs/{finished}?m=2&agent=kate&tab=prompt")}

# What has the focus: how it is named, whether its ring is drawn, and whether something lies over it.
FOCUS = """async () => {
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const ringed = element.closest("label.choice") ?? element;
  const style = getComputedStyle(ringed);
  const box = ringed.getBoundingClientRect();
  const over = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, innerHeight) / 2);
  const all = [...document.querySelectorAll("*")];
  return {
    id: all.indexOf(element),
    what: element.outerHTML.slice(0, 120),
    ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    covered: !over || !(ringed.contains(over) || over.contains(ringed)),
  };
}"""


async def step(page: Page, key: str = "Tab") -> dict[str, object] | None:
    """Press Tab; what has the focus then must be ringed and in sight. None: the focus has left the page."""
    await page.keyboard.press(key)
    focus: dict[str, object] | None = await page.evaluate(FOCUS)
    if focus is not None:
        assert float(str(focus["ring"])) >= 2, f"no focus ring on {focus['what']}"
        assert not focus["covered"], f"something lies over {focus['what']}"
    return focus


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what *selector* finds has the focus."""
    target = page.locator(selector).first
    await target.wait_for(timeout=SLOW)
    for _ in range(150):
        if await target.evaluate("element => element === document.activeElement"):
            return
        await step(page)
    raise AssertionError(f"{selector} cannot be reached by Tab")


async def test_a_run_is_launched_inspected_searched_and_linked_without_a_mouse(
    page: Page, observatory: Observatory, server: FakeModelServer
) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(observatory.base)
    await tab_to(page, "main a[href='/launch']")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile("/launch$"))

    # The form: radio buttons by arrows, a choice by its first letters, numbers by typing.
    await tab_to(page, "input[name=scenario]:checked")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("input[name=scenario][value=pasture]")).to_be_checked()
    await tab_to(page, "select[name=mind]")
    await page.keyboard.type("lab/villager")
    await expect(page.locator("select[name=mind]")).to_have_value("generative:lab/villager")
    await tab_to(page, "input[name=months]")
    await page.keyboard.type("3")
    await tab_to(page, "#start")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile("/runs/"))
    await expect(page.locator("[data-bind=outcome]")).to_contain_text("Survived 3/3", timeout=SLOW)

    # The run: its months, an agent's prompt, the places where something was said, the link to one of them.
    await page.keyboard.press("Home")
    await expect(page.get_by_role("heading", name="Month 1", exact=True)).to_be_visible()
    await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("2")
    await page.keyboard.press("]")
    await expect(page.locator("[data-inspector]")).to_contain_text("You are Kate", timeout=SLOW)
    await page.keyboard.press("/")
    await page.keyboard.type("hectares")
    await tab_to(page, "[data-hits] li button")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"msg=m\d+-u\d+"))
    await page.locator("body").press("c")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url


async def test_escape_closes_what_was_opened_and_gives_the_focus_back(browser: Browser, town: Town) -> None:
    page = await browser.new_page(viewport={"width": 1000, "height": 800})
    await page.goto(town.address("/runs/{finished}?m=2"))
    await expect(page.locator("#run")).to_have_attribute("data-ready", "true", timeout=SLOW)
    # The inspector, which lies over the page at this width.
    await tab_to(page, ".decisions [data-agent='1']")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-inspector]")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#inspector")).to_be_hidden()
    await expect(page.locator(".decisions [data-agent='1']")).to_be_focused()
    # The list of keys.
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator(".decisions [data-agent='1']")).to_be_focused()
    # A menu.
    await page.locator("summary", has_text="Share").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Make a link")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Make a link")).to_be_hidden()
    await expect(page.locator("summary", has_text="Share")).to_be_focused()


async def test_a_menu_within_the_menu_of_a_run_closes_first(browser: Browser, town: Town) -> None:
    page = await browser.new_page()
    await page.goto(town.address("/runs/{paused}"))
    await page.wait_for_selector("#run[data-ready=true]")
    outer, inner = page.locator(".more > summary"), page.locator(".more .menu > summary", has_text="Priority")
    await outer.focus()
    await page.keyboard.press("Enter")
    await inner.focus()
    await page.keyboard.press("Enter")
    field = page.locator("input[name=priority]")
    await field.focus()
    await page.keyboard.press("Escape")
    await expect(field).to_be_hidden()
    await expect(inner).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(inner).to_be_hidden()
    await expect(outer).to_be_focused()


@pytest.mark.parametrize("width", WALKED)
async def test_the_focus_passes_through_every_page_and_is_never_caught(
    browser: Browser, town: Town, width: int
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 640}, reduced_motion="reduce")
    for path in WALKED[width]:
        await page.goto(town.address(path))
        await page.wait_for_load_state("load")
        seen = []
        while (focus := await step(page)) is not None:
            assert focus["id"] not in seen[-3:], f"the focus does not get past {focus['what']} on {path}"
            seen.append(focus["id"])
            if len(seen) > 1 and focus["id"] == seen[0]:
                break
            assert len(seen) < 400, f"the focus goes round and round on {path}"
        assert len(seen) > 8


async def test_the_first_tab_leads_past_the_navigation(browser: Browser, town: Town) -> None:
    page = await browser.new_page()
    await page.goto(town.address("/runs"))
    await step(page)
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
