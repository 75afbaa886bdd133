"""The browser's reducer tells what Python's does."""

import json
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Route

from app.analysis.corrections import corrected
from app.analysis.replay import replay
from app.commons.config import EpisodeConfig
from app.commons.corrections import LimitCorrection
from app.commons.events import Event
from tests.analysis.stories import config, two_months
from tests.support import ROOT, played, scripted_config

pytestmark = pytest.mark.browser
REDUCER = (ROOT / "static" / "js" / "reducer.js").read_text()


Story = tuple[EpisodeConfig, list[Event], list[LimitCorrection]]


def _said(month: int, limit: int | None) -> LimitCorrection:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return LimitCorrection(month=month, version=2, at=at, author="Ada", read=10, before=10, limit=limit, note="why")


async def _stories() -> list[Story]:
    events = two_months()
    found: list[Story] = [(config(), events[:length], []) for length in range(len(events) + 1)]
    for said in ([_said(1, 9)], [_said(1, 90), _said(2, 3)], [_said(1, None)], [_said(7, 1)]):
        found += [(config(), events[:length], said) for length in (8, 12, len(events))]
    for scenario, condition in (
        ("fishery", "universalization"),
        ("pasture", "default"),
        ("fishery", "no_communication"),
    ):
        episode = scripted_config(scenario=scenario, condition=condition)
        events = await played(episode)
        found += [(episode, events, [_said(2, 7)]), (episode, events[: len(events) // 2], [])]
    return found


async def _serve(route: Route) -> None:
    if route.request.url.endswith("/reducer.js"):
        await route.fulfill(body=REDUCER, content_type="text/javascript")
    else:
        await route.fulfill(body="<!doctype html><title>reducer</title>", content_type="text/html")


async def test_both_reducers_tell_the_same(chromium: Browser) -> None:
    stories = await _stories()
    page = await chromium.new_page()
    await page.route("**/*", _serve)
    await page.goto("http://reducer.test/")
    told = await page.evaluate(
        """async (stories) => {
            const { replay } = await import("/reducer.js");
            return stories.map(([config, events]) => replay(events, config));
        }""",
        [
            [
                {
                    "names": list(episode.names),
                    "months_total": episode.game.months,
                    "corrections": [one.model_dump(mode="json") for one in said],
                },
                [event.model_dump(mode="json") for event in events],
            ]
            for episode, events, said in stories
        ],
    )
    for (episode, events, said), found in zip(stories, told, strict=True):
        expected = json.loads(corrected(replay(events, episode), said).model_dump_json())
        assert found == expected


async def test_talk_that_comes_later_and_telling_in_between_change_nothing(chromium: Browser) -> None:
    episode = scripted_config()
    events = [event.model_dump(mode="json") for event in await played(episode)]
    page = await chromium.new_page()
    await page.route("**/*", _serve)
    await page.goto("http://reducer.test/")
    found = await page.evaluate(
        """async ([config, events]) => {
            const { Telling } = await import("/reducer.js");
            const talk = new Set(["said", "summarised"]);
            const telling = new Telling(config);
            for (const event of events) if (!talk.has(event.kind)) telling.take(event);
            const numbers = telling.told();
            for (const event of events.toReversed()) if (talk.has(event.kind)) telling.take(event);
            return [numbers.months.map((month) => month.lines.length), telling.told()];
        }""",
        [{"names": list(episode.names), "months_total": episode.game.months}, events],
    )
    assert set(found[0]) == {0}
    assert found[1] == json.loads(replay(await played(episode), episode).model_dump_json())
