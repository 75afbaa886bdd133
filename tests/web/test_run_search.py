"""The search in a run: in the API, on its page without scripts, and through a link."""

from tests.fakes.villagers import record
from tests.keeping.records import generative
from tests.web.conftest import Site


async def test_hits_lead_to_their_places(site: Site) -> None:
    run = (await record(site.database, generative(months=2))).id
    found = await site.json(f"/api/v1/runs/{run}/search?q=kate")
    assert found["total"] == sum(found["counts"].values()) > 0
    for hit in {hit["kind"]: hit for hit in found["hits"]}.values():
        assert hit["href"].startswith(f"/runs/{run}?m={hit['month']}&")
        page = await site.page(hit["href"].partition("#")[0])
        assert not page.all(data_notice=""), hit["href"]
        assert hit["match"].lower() == "kate"


async def test_the_page_lists_hits_without_scripts(site: Site) -> None:
    run = (await record(site.database, generative(months=1))).id
    page = await site.page(f"/runs/{run}?q=tons+of+fish")
    found = await site.json(f"/api/v1/runs/{run}/search?q=tons+of+fish")
    hits = page.one(data_hits="")
    assert f"{found['total']} found" in hits.text
    assert [link.attributes["href"] for link in hits.all("a")] == [hit["href"] for hit in found["hits"]]
    nothing = (await site.page(f"/runs/{run}?q=%00xyzzy")).one(data_hits="")
    assert "Nothing in this run holds that." in nothing.text


async def test_a_link_finds_only_what_it_shows(site: Site) -> None:
    run = (await record(site.database, generative(months=1))).id
    made = await site.client.post(f"/api/v1/runs/{run}/shares", json={"prompts": False})
    path = made.json()["link"].partition("8000")[2]
    found = await site.json(f"{path}/api/search?q=e")
    assert found["total"] and not {"prompt", "reasoning", "completion", "thinking"} & found["counts"].keys()
    assert all(hit["href"].startswith(f"{path}?") for hit in found["hits"])


async def test_what_cannot_be_looked_for_is_refused(site: Site) -> None:
    [run] = await site.play()
    assert (await site.client.get(f"/api/v1/runs/{run}/search")).status_code == 422
    assert (await site.client.get(f"/api/v1/runs/{run}/search?q={'x' * 300}")).status_code == 422
    assert (await site.json(f"/api/v1/runs/{run}/search?q=%20"))["total"] == 0
