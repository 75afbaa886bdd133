import pytest

from app.store.queries import RunFilter
from app.web.contexts.rows import run_row
from app.web.filters import read_filter
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import Site
from tests.web.page import Element
from tests.web.test_api import HOSTILE, store_with_calls

database_kind = on_both


def titles(page: Element) -> list[str]:
    return [row.one("a").text for row in page.one("tbody").all("th")]


async def three_runs(site: Site) -> list[str]:
    return await site.play(
        scripted_config(("fair-share",) * 5, seed=1),
        scripted_config(("greedy",) * 5, scenario="pasture", seed=2),
        scripted_config(("greedy",) * 4 + ("fair-share",), scenario="pollution", condition="no_communication", seed=3),
    )


async def test_a_new_instance_says_how_to_begin(site: Site) -> None:
    page = await site.page("/runs")
    assert page.classed("empty")[0].text.startswith("No runs yet.")
    assert not page.all("table")


async def test_rows_show_the_metrics_with_units_and_dashes(site: Site) -> None:
    await site.play(scripted_config(("fair-share",) * 5, seed=1))
    await site.queue(scripted_config(seed=2))
    page = await site.page("/runs")
    waiting, done = (row.all("td") for row in page.one("tbody").all("tr"))
    assert [cell.text for cell in done[2:]] == ["survived", "12/12", "120 tons", "100 %", "100 %", "0 %"]
    assert [cell.text for cell in waiting[2:]] == ["queued", "0/12", "–", "–", "–", "–"]
    assert all(cell.attributes["data-label"] for cell in done[1:])
    assert done[1].classed("tag")[0].text == "scripted"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("scenario=pasture", {"Pasture, default, seed 2"}),
        ("condition=no_communication", {"Pollution, no communication, seed 3"}),
        ("outcome=survived", {"Fishery, default, seed 1"}),
        ("outcome=collapsed", {"Pasture, default, seed 2", "Pollution, no communication, seed 3"}),
        ("q=FAIR-share", {"Fishery, default, seed 1", "Pollution, no communication, seed 3"}),
        ("q=%25", set()),
        ("minds=generative", set()),
        ("unreadable=true", set()),
    ],
)
async def test_filters_keep_what_fits(site: Site, query: str, expected: set[str]) -> None:
    await three_runs(site)
    page = await site.page(f"/runs?{query}")
    if expected:
        assert set(titles(page)) == expected
        assert (await site.json(f"/api/v1/runs?{query}"))["total"] == len(expected)
    else:
        assert page.classed("empty")[0].text.startswith("No run fits")


async def test_columns_order_the_list_and_say_how(site: Site) -> None:
    await three_runs(site)
    page = await site.page("/runs?sort=gain&descending=false")
    [ordered] = [cell for cell in page.one("thead").all("th") if "aria-sort" in cell.attributes]
    assert (ordered.text, ordered.attributes["aria-sort"]) == ("Gain ▴", "ascending")
    assert titles(page)[-1] == "Fishery, default, seed 1"
    turned = await site.page(ordered.one("a").attributes["href"])
    assert titles(turned) == titles(page)[::-1]


async def test_what_the_address_gets_wrong_is_left_out_with_a_notice(site: Site) -> None:
    await three_runs(site)
    page = await site.page("/runs?outcome=victory&sort=gossip&offset=-3&limit=100000&scenario=fishery&nonsense=1")
    notices = [item.text for item in page.classed("notice")]
    assert len(notices) == 5
    assert all(any(text in notice for notice in notices) for text in ("victory", "gossip", "-3", "100000", "nonsense"))
    assert titles(page) == ["Fishery, default, seed 1"]


async def test_a_page_beyond_the_end_is_the_first_with_a_notice(site: Site) -> None:
    await three_runs(site)
    page = await site.page("/runs?offset=500")
    assert len(titles(page)) == 3 and "no such page" in page.classed("notice")[0].text


async def test_paging_keeps_the_filter(site: Site) -> None:
    await site.queue(*(scripted_config(seed=seed) for seed in range(7)))
    seen: list[str] = []
    path: str | None = "/runs?limit=3&scenario=fishery"
    while path:
        page = await site.page(path)
        seen += titles(page)
        following = page.all("a", rel="next")
        path = following[0].attributes["href"] if following else None
    assert len(seen) == len(set(seen)) == 7


async def test_hostile_text_stays_text(site: Site) -> None:
    run = await store_with_calls(site, name=HOSTILE)
    for path in ("/", "/runs", f"/runs?q={HOSTILE[:8]}", f"/runs/{run}"):
        text = (await site.client.get(path)).text
        assert "<script>alert" not in text
    page = await site.page("/runs")
    assert titles(page) == [" ".join(HOSTILE.split())]
    assert "imported" in page.one("tbody").text


async def test_imported_runs_open_and_say_what_they_are(site: Site) -> None:
    run = await store_with_calls(site)
    page = await site.page(f"/runs/{run}?m=2&agent=kate&tab=prompt")
    assert "imported" in page.one("main").text
    assert "How many, Kate?" in page.one("main").text


async def test_equal_logs_know_of_each_other_and_a_link_does_not_tell(site: Site) -> None:
    first, second = [await store_with_calls(site, name=name) for name in ("one", "two")]
    page = await site.page(f"/runs/{first}")
    assert page.all("a", href=f"/runs/{second}")
    made = await site.client.post(f"/api/v1/runs/{first}/shares", json={})
    assert second not in (await site.client.get(made.json()["link"])).text


async def test_a_run_page_reads_its_place_from_the_address(site: Site) -> None:
    [run] = await site.play()
    assert "Month 2" in (await site.page(f"/runs/{run}?m=2")).one("main").text
    wrong = await site.page(f"/runs/{run}?m=99&agent=nobody")
    assert "99" in wrong.one("main").text and "nobody" in wrong.one("main").text


async def test_controls_of_the_page_lead_back_to_it(site: Site) -> None:
    [run] = await site.queue()
    for action, state in (("pause", "paused"), ("resume", "queued"), ("stop", "cancelled")):
        response = await site.client.post(f"/runs/{run}/{action}")
        assert (response.status_code, response.headers["location"]) == (303, f"/runs/{run}")
        assert (await site.json(f"/api/v1/runs/{run}"))["state"] == state


def test_a_filter_is_read_field_by_field() -> None:
    wanted, notices = read_filter({"scenario": "pasture", "limit": "x", "descending": "maybe", "q": " "})
    assert wanted == RunFilter(scenario="pasture")
    assert len(notices) == 2


async def test_a_run_with_unreadable_answers_says_so(site: Site) -> None:
    from app.store.runs import get_run

    [run] = await site.play()
    record = (await get_run(site.database, run)).model_copy(update={"unreadable": 3})
    assert "unreadable 3" in run_row(record).tags
