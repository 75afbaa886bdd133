"""plotly.js draws and saves under the strict policy of every page, without an allowance."""

import json

import pytest
from playwright.async_api import Browser, Route

from app.analysis.figures import stock_figure
from app.analysis.replay import replay
from app.commons.config import GameConfig
from app.commons.scenario import get_scenario
from app.web.assets import Assets
from app.web.policy import CONTENT_SECURITY_POLICY
from tests.analysis.stories import config, two_months
from tests.support import ROOT

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html class="js"><title>chart</title><link rel="stylesheet" href="/static/css/components.css">
<figure class="chart" data-chart="/figure" data-name="stock"><div class="chart__draw"></div>
<button data-save="png">PNG</button></figure><script type="module" src="/static/js/charts.js"></script>"""


async def test_a_chart_draws_and_saves_without_breaking_the_policy(chromium: Browser) -> None:
    assets = Assets(ROOT / "static")
    figure = stock_figure(replay(two_months(), config()), GameConfig(), get_scenario("fishery").words)
    violations: list[str] = []

    async def serve(route: Route) -> None:
        path = route.request.url.split("/", 3)[3].split("?")[0]
        if path == "":
            await route.fulfill(
                body=PAGE, content_type="text/html", headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY}
            )
        elif path == "figure":
            await route.fulfill(body=json.dumps(figure), content_type="application/json")
        elif asset := assets.get(path.removeprefix("static/")):
            await route.fulfill(body=asset.body, content_type=asset.media_type)
        else:
            await route.fulfill(status=404)

    page = await chromium.new_page(viewport={"width": 900, "height": 700})
    page.on(
        "console", lambda message: violations.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: violations.append(str(error)))
    await page.route("**/*", serve)
    await page.goto("http://charts.test/")
    await page.wait_for_selector('[data-state="drawn"] .scatterlayer path.point', timeout=30_000)
    await page.mouse.move(450, 200)
    async with page.expect_download() as saved:
        await page.click('[data-save="png"]')
    download = await saved.value
    assert download.suggested_filename == "stock.png"
    assert [text for text in violations if "favicon" not in text] == []
