"""What a researcher does first: launch, watch, replay, inspect, share, revoke."""

import re
import signal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Observatory
from tests.fakes.process import FakeModelServer
from tests.support import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SLOW = 20_000


async def launch(page: Page, observatory: Observatory, months: int = 4) -> str:
    """Launch a pasture of generative agents through the form, and return the run's address."""
    await page.goto(f"{observatory.base}/launch")
    await page.locator("input[name=scenario][value=pasture]").check()
    await page.locator("input[name=condition][value=universalization]").check()
    await page.locator("select[name=mind]").select_option("generative:lab/villager")
    await page.locator("input[name=seeds]").fill("7")
    await page.locator("input[name=months]").fill(str(months))
    await page.get_by_role("button", name="Start 1 run").click()
    await page.wait_for_url(re.compile("/(runs|experiments)/"))
    if "/experiments/" in page.url:
        await page.locator("table a[href^='/runs/']").first.click()
        await page.wait_for_url(re.compile("/runs/"))
    return page.url.partition("?")[0]


async def test_launch_live_replay_share_revoke(
    page: Page, browser: Browser, observatory: Observatory, server: FakeModelServer
) -> None:
    server.control(latency_ms=120)
    address = await launch(page, observatory)

    # Live: the talk grows without a reload, until the outcome stands.
    await expect(page.locator("[data-bind=connection]")).to_contain_text("Live", timeout=SLOW)
    await expect(page.get_by_role("heading", name="Month 2", exact=True)).to_be_visible(timeout=SLOW)
    await expect(page.locator("[data-bind=outcome]")).to_have_text("Survived 4/4", timeout=SLOW)

    # Replay: the address is the state, month by month.
    await page.keyboard.press("Home")
    await expect(page.get_by_role("heading", name="Month 1", exact=True)).to_be_visible()
    await page.keyboard.press("Shift+ArrowRight")
    await expect(page.get_by_role("heading", name="Talk of month 2")).to_be_visible()
    assert "m=2" in page.url

    # Inspect: a decision opens the prompt and the completion behind it.
    await page.locator(".inspector [data-agent='1']").click()
    await page.locator(".inspector [data-tab=prompt]").click()
    await expect(page.locator("[data-inspector]")).to_contain_text("You are Kate", timeout=SLOW)
    await page.locator(".inspector [data-tab=completion]").click()
    await expect(page.locator("[data-inspector]")).to_contain_text("Answer:")

    # Share: the link opens without cookies, read-only, at the same place; revoked, it answers 410.
    await page.locator("summary", has_text="Share").click()
    await page.get_by_role("button", name="Make a link").click()
    link = await page.locator("#issued-link").input_value()
    stranger = await (await browser.new_context()).new_page()
    opened = await stranger.goto(f"{link}?m=2&agent=kate&tab=completion")
    assert opened is not None
    assert opened.status == 200
    await expect(stranger.get_by_text("read-only")).to_be_visible()
    await expect(stranger.locator("[data-inspector]")).to_contain_text("Answer:", timeout=SLOW)
    assert await stranger.locator("form[method=post]").count() == 0
    assert await stranger.locator(f"a[href^='{address.removeprefix(observatory.base)}']").count() == 0
    await page.goto(f"{observatory.base}/shares")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text("revoked").first).to_be_visible()
    gone = await stranger.reload()
    assert gone is not None
    assert gone.status == 410


async def test_sample_villages_survive_a_kill_of_everything(page: Page, observatory: Observatory) -> None:
    await page.goto(observatory.base)
    await page.get_by_role("button", name="Start three sample runs").first.click()
    await page.wait_for_url(re.compile("/experiments/"))
    runs = [link.rpartition("/")[2] for link in await page.locator("table a[href^='/runs/']").evaluate_all(
        "links => [...new Set(links.map(link => link.getAttribute('href').split('?')[0]))]"
    )]  # fmt: skip
    assert len(runs) == 3
    for run_id in runs:
        await observatory.instance.until(run_id, lambda run: run.months_played >= 1)
    unfinished = [run_id for run_id in runs if (await observatory.instance.until(run_id, lambda run: True)).live]
    assert unfinished, "the samples were over before they could be watched"
    before = {run_id: await observatory.instance.events(run_id) for run_id in runs}
    await page.goto("about:blank")
    observatory.process.send_signal(signal.SIGKILL)
    observatory.process.wait()
    observatory.start()
    for run_id in unfinished:
        count = len(before[run_id])
        run = await observatory.instance.until(run_id, lambda run, count=count: run.events > count + 5)
        assert run.state in ("playing", "finished")
    for run_id in runs:
        assert (await observatory.instance.events(run_id))[: len(before[run_id])] == before[run_id]
    await page.goto(f"{observatory.base}/runs")
    await expect(page.locator("table").get_by_text("scripted", exact=True).first).to_be_visible()


async def test_an_endpoint_that_is_down_is_told_and_resumed_from_the_page(
    page: Page, observatory: Observatory, server: FakeModelServer
) -> None:
    server.control(down=True)
    address = await launch(page, observatory, months=2)
    await expect(page.get_by_text("Paused (endpoint)")).to_be_visible(timeout=SLOW)
    server.control(down=False)
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator("[data-bind=outcome]")).to_have_text("Survived 2/2", timeout=SLOW)
    assert page.url.startswith(address)


async def test_a_wrong_form_keeps_what_was_typed_and_says_what_is_wrong(page: Page, observatory: Observatory) -> None:
    await page.goto(f"{observatory.base}/launch")
    await page.locator("input[name=scenario][value=pollution]").check()
    await page.locator("input[name=seeds]").fill("3, 3")
    await page.evaluate("document.querySelector('form[action=\"/launch\"]').noValidate = true")
    await page.locator("button[type=submit], form[action='/launch'] button.button--primary").first.click()
    await expect(page.get_by_text("A seed is named twice")).to_be_visible()
    assert await page.locator("input[name=seeds]").input_value() == "3, 3"
    assert await page.locator("input[name=scenario][value=pollution]").is_checked()


async def test_logs_are_imported_and_their_real_talk_is_replayed(page: Page, observatory: Observatory) -> None:
    log = ROOT.parent / "shared" / "data" / "govsim-logs" / "runs" / "sleek-music-168"
    if not log.is_dir():
        pytest.skip(f"the real logs are not at {log}")
    await page.goto(f"{observatory.base}/runs")
    await page.get_by_role("link", name="import logs").first.click()
    await page.locator("input[webkitdirectory]").set_input_files(log)
    await page.locator("form", has=page.locator("input[webkitdirectory]")).locator("button").click()
    await page.get_by_role("link", name="sleek-music-168").click()
    await page.goto(page.url.partition("?")[0] + "?m=5")
    await expect(page.locator("#run")).to_contain_text("getting a bit too aggressive with our fishing")
    await expect(page.locator("#run")).to_contain_text("73 of 100 t left")
    await page.locator(".inspector [data-agent='4']").click()
    await page.locator(".inspector [data-tab=completion]").click()
    await expect(page.locator("[data-inspector]")).to_contain_text("Answer:", timeout=SLOW)
    await page.locator(".inspector [data-tab=prompt]").click()
    await expect(page.locator("[data-inspector]")).to_contain_text("You are Luke, a fisherman")


async def test_the_page_says_something_without_scripts(browser: Browser, observatory: Observatory) -> None:
    [run_id] = await observatory.instance.launch(minds=["scripted:fair-share"], months=3)
    await observatory.instance.until(run_id, lambda run: run.state == "finished")
    page = await (await browser.new_context(java_script_enabled=False)).new_page()
    await page.goto(f"{observatory.base}/runs/{run_id}?m=2&agent=kate")
    await expect(page.get_by_role("heading", name="Month 2", exact=True)).to_be_visible()
    await expect(page.locator("#run")).to_contain_text("Mayor")
    await expect(page.locator("#run")).to_contain_text("scripted")


@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_no_page_scrolls_sideways(page: Page, observatory: Observatory, width: int) -> None:
    # Five different minds make the longest line of a run's header.
    minds = [f"scripted:{name}" for name in ("forgetful", "greedy", "random", "fair-share", "reciprocal")]
    [first, _] = await observatory.instance.launch(minds=minds, months=2, seeds=[1, 2])
    run = await observatory.instance.until(first, lambda run: run.state == "finished")
    await page.set_viewport_size({"width": width, "height": 800})
    plain = ("/", "/launch", "/runs", "/import", "/subskills", "/prompts", "/shares", "/methods", "/settings")
    widths = {}
    for path in (*plain, f"/runs/{run.id}", f"/experiments/{run.experiment_id}"):
        await page.goto(observatory.base + path)
        widths[path] = await page.evaluate("document.documentElement.scrollWidth")
    assert {path: found for path, found in widths.items() if found > width} == {}
