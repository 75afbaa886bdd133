"""What a run's page holds of its events."""

import json
from typing import Any

import pytest

from app.commons.config import GameConfig
from app.web import run_events
from app.web.run_events import PageEvents, page_events
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import Site

database_kind = on_both

EPISODE = scripted_config(("fair-share",) * 3, game=GameConfig(months=3))


async def held(site: Site, query: dict[str, str]) -> tuple[PageEvents, list[dict[str, Any]]]:
    [run_id] = await site.play(EPISODE)
    everything = await site.json(f"/api/v1/runs/{run_id}/events?limit=5000")
    found = await page_events(site.database, run_id, EPISODE, everything["events"][-1]["seq"], query)
    return found, everything["events"]


async def test_a_short_run_is_whole_but_for_its_memories(site: Site) -> None:
    found, stored = await held(site, {})
    assert found.whole
    assert [seq for seq, _ in found.rows] == [event["seq"] for event in stored if event["kind"] != "remembered"]
    assert [event.kind for event in found.events] == [json.loads(payload)["kind"] for _, payload in found.rows]


async def test_a_long_run_has_its_numbers_and_the_talk_of_the_month_shown(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_events, "WHOLE_UP_TO", 10)
    found, stored = await held(site, {"m": "2"})
    assert not found.whole
    talk = [event for event in stored if event["kind"] in ("said", "summarised")]
    shown = [event for event in found.events if event.kind in ("said", "summarised")]
    assert {event["month"] for event in talk} == {1, 2, 3}
    assert {event.month for event in shown} == {2}
    assert len(shown) == sum(event["month"] == 2 for event in talk)
    numbers = [event["seq"] for event in stored if event["kind"] not in ("said", "summarised", "remembered")]
    assert set(numbers) < {seq for seq, _ in found.rows}
    assert [seq for seq, _ in found.rows] == sorted(seq for seq, _ in found.rows)


async def test_the_page_of_a_long_run_names_a_message_of_its_month(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "WHOLE_UP_TO", 10)
    [run_id] = await site.play(EPISODE)
    page = await site.page(f"/runs/{run_id}?msg=m2-u2")
    assert page.one(id="m2-u2").all("p")
    assert not page.all(**{"data-notice": ""})
    [data] = page.all(id="run-data")
    assert json.loads(data.text)["whole"] is False
    assert len({event["month"] for event in json.loads(page.one(id="run-events").text)}) == 3


async def test_events_are_asked_for_by_kinds_and_agent(site: Site) -> None:
    [run_id] = await site.play(EPISODE)
    base = f"/api/v1/runs/{run_id}/events"
    talk = (await site.json(f"{base}?kind=said,summarised"))["events"]
    assert {event["kind"] for event in talk} == {"said", "summarised"}
    catches = (await site.json(f"{base}?kind=collected&agent=Kate"))["events"]
    assert [(event["kind"], event["agent"], event["month"]) for event in catches] == [
        ("collected", "Kate", month) for month in (1, 2, 3)
    ]
    assert (await site.json(f"{base}?kind=nonsense"))["events"] == []
