"""A village of five local agents, started in a browser on a machine whose network is not used (Shows 5).

It needs the extra [local] and the demonstration model of `make local-model`; without either it is skipped.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from app.commons.events import Decided, parse_event
from app.models.local_folder import missing_extra
from app.store.queries import list_calls
from tests.browser.observatory import Observatory
from tests.local.demo import DEMO, needs_demo
from tests.local.tiny import make_tiny
from tests.support import Instance

# Whatever asks another machine than this one is refused.
NO_NETWORK = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
}
AGENTS = 5
MONTHS = 12

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(missing_extra() is not None, reason=f"the package {missing_extra()} of the extra is missing"),
]


@pytest.fixture
async def instance(tmp_path: Path) -> AsyncIterator[Instance]:
    opened = Instance(tmp_path, "")
    opened.settings = {**NO_NETWORK, "GOVSIM_LOCAL_MODELS": str(tmp_path / "local")}
    (tmp_path / "local").mkdir()
    yield opened
    await opened.close()


@pytest.fixture
async def own_page(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    yield page
    await page.close()


async def mean_asked(instance: Instance, stock: int) -> float:
    """Return what five agents ask for on average in a month that begins with *stock*."""
    (run_id,) = await instance.launch(
        minds=["generative:local/demo"], condition="no_communication", initial_stock=stock, months=1, seeds=[1]
    )
    await instance.until(run_id, lambda run: run.state == "finished", 300)
    events = [parse_event(text) for text in await instance.events(run_id)]
    asked = [event.asked for event in events if isinstance(event, Decided) and event.asked is not None]
    assert len(asked) == AGENTS
    return sum(asked) / len(asked)


async def launched(page: Page, base: str, name: str, months: int, condition: str = "default") -> str:
    """Choose the model for all agents, start one run and return its id."""

    async def refuse_others(route: Route) -> None:
        await (route.continue_() if route.request.url.startswith(base) else route.abort())

    await page.route("**/*", refuse_others)
    await page.goto(f"{base}/launch")
    await page.locator("#mind").select_option(f"generative:local/{name}")
    await page.locator(f"input[name=condition][value={condition}]").check()
    await page.locator("#months").fill(str(months))
    await expect(page.locator("#estimate-lines")).to_contain_text("no cost")
    await page.locator("#start").click()
    await page.wait_for_url("**/runs/*")
    return page.url.partition("/runs/")[2].partition("?")[0]


async def test_a_village_of_local_agents_plays_and_what_cannot_be_read_is_data(
    own_page: Page, instance: Instance
) -> None:
    page = own_page
    make_tiny(instance.folder / "local" / "random", label="random weights")
    observatory = Observatory(instance)
    run_id = await launched(page, observatory.base, "random", 1, condition="no_communication")
    run = await instance.until(run_id, lambda run: run.state not in ("queued", "playing"), 180)
    assert run.state == "finished", run.reason
    assert (run.cost, run.unpriced_calls) == (0, 0)
    calls = await list_calls(instance.database, run_id)
    assert {call.model for call in calls} == {"local/random"}
    assert all(call.decoding is not None and call.cost == 0 for call in calls)
    assert {str(call.model_revision)[:7] for call in calls} == {"random@"}
    await page.goto(f"{observatory.base}/runs/{run_id}?m=1&agent=John&tab=usage")
    await expect(page.get_by_text("Exit layer E, draft length K")).to_be_visible()
    await expect(page.get_by_text("no cost").first).to_be_visible()
    await page.goto(f"{observatory.base}/settings")
    section = page.locator("section[aria-labelledby=local-title]")
    await expect(section).to_contain_text("random weights")
    await expect(section).to_contain_text("ready")
    observatory.stop()


@pytest.mark.long
@needs_demo
async def test_five_local_agents_play_twelve_months(own_page: Page, instance: Instance) -> None:
    page = own_page
    (instance.folder / "local" / "demo").symlink_to(DEMO)
    observatory = Observatory(instance)
    run_id = await launched(page, observatory.base, "demo", MONTHS)
    run = await instance.until(run_id, lambda run: run.state not in ("queued", "playing"), 900)
    assert run.state == "finished", run.reason
    harvests = AGENTS * run.months_played
    readable = 1 - run.unreadable / harvests
    print(f"{run.months_played} months, {readable:.1%} of {harvests} harvests readable, {run.calls} calls")
    assert readable >= 0.95
    assert (run.cost, run.unpriced_calls) == (0, 0)
    low, high = await mean_asked(instance, 20), await mean_asked(instance, 100)
    print(f"mean catch asked: {low:.1f} at stock 20, {high:.1f} at stock 100")
    assert low < 0.6 * high

    await page.goto(f"{observatory.base}/runs/{run_id}?m=1&agent=John&tab=usage")
    await expect(page.get_by_text("Tokens per verification")).to_be_visible()
    await page.goto(f"{observatory.base}/settings")
    await expect(page.get_by_text(re.compile("research model")).first).to_be_visible()
    await expect(page.locator("section[aria-labelledby=local-title]")).to_contain_text("ready")
    observatory.stop()
