from typing import Any

import pytest

from app.analysis.ask import ComparisonAsk
from app.store.corrections import CorrectionIn, add_correction
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import Site
from tests.web.test_api import HOSTILE, store_with_calls

database_kind = on_both

FAIR, GREEDY = ("fair-share",) * 5, ("greedy",) * 5
VILLAGE = ("fair-share", "reciprocal", "forgetful", "reciprocal", "greedy")


async def six_runs(site: Site) -> list[str]:
    return await site.play(
        *(scripted_config(FAIR, seed=seed) for seed in (1, 2, 3)),
        *(scripted_config(VILLAGE, seed=seed) for seed in (1, 2, 3)),
        experiment="two villages",
    )


async def test_nothing_chosen_shows_how_to_choose(site: Site) -> None:
    await site.play(scripted_config(FAIR))
    page = await site.page("/compare")
    assert "What to compare" in page.one("main").text
    assert not page.all("table")
    found = await site.page("/compare?find=fair")
    assert [box.attributes["name"] for box in found.all("input", type="checkbox")] == ["run"]


async def test_groups_show_rates_means_and_the_runs_behind_them(site: Site) -> None:
    ids = await six_runs(site)
    page = await site.page("/compare?" + "&".join(f"run={run}" for run in ids))
    rows = page.all("tbody")[0].all("tr")
    assert len(rows) == 2
    texts = [row.text for row in rows]
    survivors = next(text for text in texts if "×" not in text)
    assert "3 of 3" in survivors and "no variation, n = 3" in survivors and "120.0" in survivors
    assert all(page.all("a", href=f"/runs/{run}?m=12") for run in ids[:3])
    assert len(page.all("figure")) >= 4


async def test_the_api_says_the_same_under_the_canonical_address(site: Site) -> None:
    ids = await six_runs(site)
    found = await site.json(f"/api/v1/compare?group=model&run={ids[1]}&run={ids[0]}&run={ids[0]}&run={ids[3]}")
    assert found["query"] == "&".join(f"run={run}" for run in sorted([ids[0], ids[1], ids[3]])) + "&group=model"
    assert sorted(len(group["runs"]) for group in found["comparison"]["groups"]) == [1, 2]
    again = await site.json("/api/v1/compare?" + found["query"])
    assert again == found
    rates = [group["figures"]["survival_rate"]["value"] for group in found["comparison"]["groups"]]
    assert sorted(rates)[-1] == 1.0


async def test_an_experiment_can_be_narrowed_by_the_filters_of_the_list(site: Site) -> None:
    await six_runs(site)
    [experiment] = [one["id"] for one in (await site.json("/api/v1/experiments"))["experiments"]]
    whole = await site.json(f"/api/v1/compare?experiment={experiment}&group=condition")
    part = await site.json(f"/api/v1/compare?experiment={experiment}&outcome=survived&group=condition")
    count = [sum(len(group["runs"]) for group in one["comparison"]["groups"]) for one in (whole, part)]
    assert count[0] > count[1] == 3


async def test_the_same_scripted_episode_twice_counts_once(site: Site) -> None:
    await site.play(*[scripted_config(VILLAGE, seed=1)] * 3, scripted_config(VILLAGE, seed=2))
    found = (await site.json("/api/v1/compare?scenario=fishery"))["comparison"]
    [group] = found["groups"]
    assert (len(group["runs"]), len(group["twins"])) == (2, 2)
    assert any("effective n = 2 of 4" in note for note in found["notes"])


async def test_runs_that_have_not_begun_are_left_out_and_said(site: Site) -> None:
    await site.play(scripted_config(FAIR))
    [waiting] = await site.queue(scripted_config(FAIR, seed=9))
    page = await site.page("/compare?scenario=fishery")
    assert "Left out: 1 run" in page.one("main").text
    assert page.all("a", href=f"/runs/{waiting}")


async def test_two_runs_are_laid_side_by_side_month_by_month(site: Site) -> None:
    ids = await six_runs(site)
    page = await site.page(f"/compare?run={ids[0]}&run={ids[3]}&diff={ids[0]}&diff={ids[3]}")
    [table] = page.classed("sides")
    assert len(table.one("tbody").all("tr")) == 12
    assert table.all("a", href=f"/runs/{ids[3]}?m=2")
    # A run that is not compared is not shown.
    other = await site.page(f"/compare?run={ids[0]}&run={ids[3]}&diff={ids[0]}&diff={ids[5]}")
    assert not other.classed("sides")


@pytest.mark.parametrize("name", ["survival", "stock", "gini", "gain", "promises"])
async def test_every_chart_is_there_in_both_themes(site: Site, name: str) -> None:
    await six_runs(site)
    light, dark = [
        await site.json(f"/api/v1/compare/figures/{name}?scenario=fishery&theme={theme}") for theme in ("light", "dark")
    ]
    assert light["data"] and light["layout"]["paper_bgcolor"] != dark["layout"]["paper_bgcolor"]


async def test_rubbish_in_the_address_is_left_out_with_notices(site: Site) -> None:
    ids = await six_runs(site)
    page = await site.page(
        f"/compare?run={ids[0]}&run=%3Cscript%3E&group=gossip&answers=maybe&intervals=9&outcome=victory&x=1&diff=a%2Fb"
    )
    notices = " ".join(item.text for item in page.classed("notice--warn"))
    assert all(word in notices for word in ("gossip", "victory", "<script>", "“x”", "Answers", "Intervals"))
    assert (await site.client.get("/api/v1/compare/figures/nonsense?scenario=fishery")).status_code == 422


async def test_hostile_names_stay_text(site: Site) -> None:
    await store_with_calls(site, name=HOSTILE)
    answer = await site.client.get("/compare?scenario=fishery")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def test_an_ask_has_one_form_whatever_its_order() -> None:
    one = ComparisonAsk(runs=("r2", "r1", "r2"), filters=(("scenario", "fishery"), ("q", "a&b")))
    other = ComparisonAsk(runs=("r1", "r2"), filters=(("q", "a&b"), ("scenario", "fishery")))
    assert one == other
    assert one.query == "run=r1&run=r2&q=a%26b&scenario=fishery"


async def test_said_against_did_follows_corrections_of_what_was_agreed(site: Site) -> None:
    [run] = await site.play(scripted_config(VILLAGE, seed=1))
    events = (await site.json(f"/api/v1/runs/{run}/events?kind=agreed"))["events"]
    month = next(event["month"] for event in events if event["limit"] is not None)

    async def promises() -> dict[str, Any]:
        [group] = (await site.json(f"/api/v1/compare?run={run}"))["comparison"]["groups"]
        found: dict[str, Any] = group["promises"]
        return found

    before = await promises()
    assert before["corrected"] == 0 and before["limits"] == len(events)
    wish = CorrectionIn(month=month, limit=0, author="a reader", version=0)
    await add_correction(site.database, run, wish)
    after = await promises()
    assert after["corrected"] == 1
    assert after["total"]["broken"] > before["total"]["broken"]
