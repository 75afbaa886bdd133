"""The search page and its twin: results open at their place, and nothing that is typed is an error."""

from app.jobs.indexing import index_waiting
from app.store.search_index import unindexed
from tests.databases import on_both
from tests.fakes.villagers import record
from tests.keeping.records import generative
from tests.support import scripted_config
from tests.web.conftest import Site

database_kind = on_both


async def indexed(site: Site) -> list[str]:
    ids = await site.play(scripted_config(seed=1), scripted_config(scenario="pasture", seed=2))
    await index_waiting(site.database)
    return ids


async def test_results_are_grouped_by_run_and_open_at_the_message(site: Site) -> None:
    ids = await indexed(site)
    page = await site.page("/search?q=tons&kind=talk")
    [run] = page.one("ol").classed("found__run")
    assert run.one("h2").one("a").attributes["href"] == f"/runs/{ids[0]}"
    place = run.classed("found__place")[0]
    href = place.attributes["href"]
    assert href.startswith(f"/runs/{ids[0]}?m=") and "&msg=m" in href
    assert {mark.text.lower() for mark in place.all("mark")} == {"tons"}
    opened = await site.page(href)
    assert not [item for item in opened.all("div") if "data-notice" in item.attributes]
    told = await site.json("/api/v1/search?q=tons&kind=talk")
    assert (told["total"], told["runs"][0]["run"], told["runs"][0]["hits"][0]["page"]) == (1, ids[0], href)
    assert told["unindexed"] == 0 and not told["capped"]


async def test_memories_open_in_the_inspector_and_a_run_shows_all_its_places(site: Site) -> None:
    run = await record(site.database, generative(months=2))
    await index_waiting(site.database)
    page = await site.page("/search?q=the&kind=memory&scenario=fishery")
    href = page.classed("found__place")[0].attributes["href"]
    assert "tab=memories" in href and "agent=" in href
    await site.page(href)
    more = next(link.attributes["href"] for link in page.all("a") if link.text.startswith("All "))
    one = await site.page(more)
    assert f"run={run.id}" in more and len(one.classed("found__place")) > len(page.classed("found__place"))


async def test_what_is_not_indexed_yet_is_said(site: Site) -> None:
    assert (await site.page("/search")).classed("empty")[0].text.startswith("There are no runs")
    await site.play()
    page = await site.page("/search?q=tons")
    assert page.classed("notice")[0].text.startswith("1 run is still being indexed")
    assert "as far as they are indexed" in page.classed("empty")[0].text
    assert await unindexed(site.database) == 1


async def test_nothing_that_is_typed_is_an_error(site: Site) -> None:
    await indexed(site)
    for query in (
        "%22",
        "-tons",
        "%00",
        "*",
        "(%27%3B--",
        "%E2%80%AE%E2%80%8B",
        "a" * 300,
        "NEAR(",
        "tons%20AND",
        "%F0%9F",
    ):
        page = await site.page(f"/search?q={query}")
        assert page.one("input", name="q") is not None
        assert (await site.client.get(f"/api/v1/search?q={query}")).status_code in (200, 422)
    page = await site.page("/search?q=tons&kind=nonsense&offset=-1&unknown=1&model=%3Cb%3E")
    assert len(page.classed("notice--warn")) == 2
    assert (await site.client.get("/api/v1/search?kind=nonsense")).status_code == 422


async def test_found_text_is_shown_as_text(site: Site) -> None:
    [run_id] = await site.play()
    await site.client.post(f"/runs/{run_id}/rename", data={"name": "<script>x</script>"})
    await index_waiting(site.database)
    page = await site.page("/search?q=tons")
    assert page.one("h2").text == "<script>x</script>"
    assert not page.one("main").all("script")
