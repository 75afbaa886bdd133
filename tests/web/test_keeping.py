"""What owners do with runs on pages and in the API: names, notes, tags, the archive, deletion and its undoing."""

from urllib.parse import parse_qs, urlsplit

import httpx

from app.store.annotations import add_tags
from app.store.leases import claim_next
from app.store.runs import get_run
from app.store.shares import issue_share
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import Site
from tests.web.page import parse

database_kind = on_both
HOSTILE = '<script>alert("x")</script>\u202e\u200b'


async def post(site: Site, path: str, status: int = 303, **fields: object) -> httpx.Response:
    answer = await site.client.post(path, data=fields)
    assert answer.status_code == status, answer.text[:500]
    return answer


async def test_the_run_page_shows_its_owners_words_as_text(site: Site) -> None:
    [run_id] = await site.play()
    await post(site, f"/runs/{run_id}/rename", name=f"  My {HOSTILE} ")
    await post(site, f"/runs/{run_id}/note", note=f"First line\n{HOSTILE}")
    await post(site, f"/runs/{run_id}/tags", tag="Pilot, to discuss")
    page = await site.page(f"/runs/{run_id}")
    assert "First line <script>" in page.classed("own-note")[0].text
    assert [form.one("a").text for form in page.classed("tag") if form.all("a")] == ["pilot", "to-discuss"]
    listed = await site.page("/runs")
    assert listed.one("tbody").one("th").all("a")[0].text.startswith("My <script>")
    await post(site, f"/runs/{run_id}/tags", remove="pilot")
    told = await site.json(f"/api/v1/runs/{run_id}")
    assert (told["tags"], told["note"]) == (["to-discuss"], f"First line\n{HOSTILE}")
    assert told["note_at"] is not None


async def test_a_share_does_not_show_them(site: Site) -> None:
    [run_id] = await site.play()
    await post(site, f"/runs/{run_id}/note", note="for me alone")
    await post(site, f"/runs/{run_id}/tags", tag="private")
    _, token = await issue_share(site.database, run_id, last_seq=None)
    answer = await site.client.get(f"/s/{token}")
    assert answer.status_code == 200
    assert "for me alone" not in answer.text and "private" not in answer.text


async def test_a_deletion_is_told_and_undone_with_one_button(site: Site) -> None:
    run_id, other = await site.play(scripted_config(seed=1), scripted_config(seed=2))
    _, token = await issue_share(site.database, run_id, last_seq=None)
    answer = await post(site, f"/runs/{run_id}/delete")
    page = await site.page(answer.headers["location"])
    notice = page.classed("notice--ok")[0]
    assert notice.text == "1 run deleted. Undo"
    assert [row.one("a").attributes["href"] for row in page.one("tbody").all("th")] == [f"/runs/{other}"]
    gone = await site.client.get(f"/runs/{run_id}")
    assert gone.status_code == 410 and f"Run {run_id} was deleted on" in gone.text
    for path in ("", "/events", "/calls", "/stream"):
        error = (await site.json(f"/api/v1/runs/{run_id}{path}", 410))["error"]
        assert error["code"] == "deleted" and "brought back" in error["message"]
    assert [run["id"] for run in (await site.json("/api/v1/runs"))["runs"]] == [other]
    shared = await site.client.get(f"/s/{token}")
    assert shared.status_code == 410 and run_id not in shared.text
    moment = notice.one("input").attributes["value"]
    assert (await post(site, "/runs/undelete", moment=moment)).headers["location"] == f"/runs/{run_id}"
    await site.page(f"/runs/{run_id}")
    await site.page(f"/s/{token}")
    assert not (await site.page(answer.headers["location"])).classed("notice--ok")
    await post(site, "/runs/undelete", 410, moment=moment)


async def test_deleted_runs_are_listed_and_removed_for_good(site: Site) -> None:
    run_id, other = await site.play(scripted_config(seed=1), scripted_config(seed=2))
    assert (await site.page("/runs/deleted")).classed("empty")[0].text.startswith("No run is deleted.")
    await post(site, "/runs/selected", do="delete", run=[run_id, other])
    assert (await site.page("/runs")).classed("empty")
    page = await site.page("/runs/deleted")
    assert {row.one("th").classed("mono")[0].text for row in page.one("tbody").all("tr")} == {run_id, other}
    assert {run["id"] for run in await site.json("/api/v1/deleted")} == {run_id, other}
    await post(site, f"/runs/{run_id}/undelete")
    await post(site, f"/runs/{other}/purge")
    await site.page(f"/runs/{other}", 404)
    await post(site, f"/runs/{run_id}/purge", 409)
    await site.page(f"/runs/{run_id}")


async def test_selected_runs_are_tagged_and_archived_together(site: Site) -> None:
    ids = await site.play(*(scripted_config(seed=seed) for seed in (1, 2, 3)))
    back = "scenario=fishery&sort=gain"
    answer = await post(site, "/runs/selected", do="tag", tag="Pilot", run=ids[:2], back=back)
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"scenario": ["fishery"], "sort": ["gain"]}
    page = await site.page("/runs?tag=pilot")
    assert len(page.one("tbody").all("tr")) == 2
    await post(site, "/runs/selected", do="archive", run=ids[:1])
    assert len((await site.page("/runs?tag=pilot")).one("tbody").all("tr")) == 1
    assert len((await site.page("/runs?archived=only")).one("tbody").all("tr")) == 1
    assert len((await site.page("/runs?archived=all")).one("tbody").all("tr")) == 3
    await post(site, "/runs/selected", do="unarchive", run=ids[:1])
    await post(site, "/runs/selected", do="untag", tag="pilot", run=ids)
    assert "No run fits" in (await site.page("/runs?tag=pilot")).text


async def test_what_cannot_be_done_with_a_selection_is_said_and_changes_nothing(site: Site) -> None:
    [run_id] = await site.play()
    for fields in (
        {"do": "tag", "tag": "x"},
        {"do": "explode", "run": run_id},
        {"do": "tag", "run": run_id, "tag": "<b>"},
        {"do": "tag", "run": run_id, "tag": ""},
        {"run": run_id},
    ):
        answer = await site.client.post("/runs/selected", data=fields)
        assert answer.status_code == 422
        assert parse(answer.text).one("h1").text == "Not valid"
    told = await site.json(f"/api/v1/runs/{run_id}")
    assert (told["tags"], told["archived_at"]) == ([], None)


async def test_selected_runs_are_compared(site: Site) -> None:
    ids = await site.play(scripted_config(seed=1), scripted_config(seed=2))
    location = (await post(site, "/runs/selected", do="compare", run=ids)).headers["location"]
    assert location == f"/compare?run={ids[0]}&run={ids[1]}"
    await site.page(location)


async def test_a_selection_with_an_unknown_run_is_refused_whole(site: Site) -> None:
    [run_id] = await site.play()
    await post(site, "/runs/selected", 404, do="delete", run=[run_id, "r0000000"])
    await site.page(f"/runs/{run_id}")


async def test_a_selection_leads_back_to_the_list_and_nowhere_else(site: Site) -> None:
    [run_id] = await site.play()
    answer = await post(site, "/runs/selected", do="archive", run=[run_id], back="https://elsewhere.example/?x=1")
    assert answer.headers["location"].startswith("/runs")


async def test_columns_are_part_of_the_address(site: Site) -> None:
    [run_id] = await site.play()
    usual = (await site.page("/runs")).one("thead").text
    assert "Efficiency" in usual and "Seed" not in usual
    for query in ("columns=seed,cost", "columns=seed&columns=cost"):
        page = await site.page(f"/runs?{query}&sort=gain")
        assert page.one("thead").text == "Select Run ▾ Seed Cost".replace(" ▾", "")
        assert "columns=seed%2Ccost" in page.one("thead").all("a")[0].attributes["href"]
    assert (await site.page("/runs?columns=nonsense")).one("thead").text == usual
    assert run_id in (await site.page("/runs?columns=")).text


async def test_retrying_a_stopped_run_leads_to_the_new_one(site: Site) -> None:
    [run_id] = await site.queue()
    await post(site, f"/runs/{run_id}/stop")
    page = await site.page(f"/runs/{run_id}")
    form = page.one("form", action=f"/runs/{run_id}/retry")
    assert "hidden" not in form.attributes
    location = (await post(site, f"/runs/{run_id}/retry")).headers["location"]
    assert location != f"/runs/{run_id}"
    assert f"Tries {run_id} again" in (await site.page(location)).text
    assert location.removeprefix("/runs/") in (await site.page(f"/runs/{run_id}")).classed("own-words")[0].text
    assert (await site.json(f"/api/v1{location}"))["retry_of"] == run_id
    await post(site, f"{location}/retry", 409)


async def test_a_run_that_is_played_can_be_stopped_after_its_month(site: Site) -> None:
    [run_id] = await site.queue()
    await post(site, f"/runs/{run_id}/end", 409)
    await claim_next(site.database, "test")
    answer = await site.client.post(f"/api/v1/runs/{run_id}/end")
    assert answer.json() == {"id": run_id, "state": "playing"}
    assert "stopping at the end of the month" in (await site.page(f"/runs/{run_id}")).text


async def test_the_api_changes_what_is_named_and_nothing_else(site: Site) -> None:
    [run_id] = await site.play()
    path = f"/api/v1/runs/{run_id}"
    changed = (await site.client.patch(path, json={"name": "A", "note": "n", "archived": True})).json()
    assert (changed["name"], changed["note"]) == ("A", "n") and changed["archived_at"] is not None
    kept = (await site.client.patch(path, json={"note": None})).json()
    assert (kept["name"], kept["note"]) == ("A", None) and kept["archived_at"] is not None
    assert (await site.client.put(f"{path}/tags/One%20two")).json()["tags"] == ["one-two"]
    assert (await site.client.delete(f"{path}/tags/one-two")).json()["tags"] == []
    assert (await site.client.put(f"{path}/tags/%3Cb%3E")).status_code == 422
    for body in ({"nonsense": 1}, {"name": "x" * 300}, {"archived": "perhaps"}, []):
        assert (await site.client.patch(path, json=body)).status_code == 422
    assert (await get_run(site.database, run_id)).name == "A"
    gone = (await site.client.delete(path)).json()
    assert gone["deleted_at"] < gone["purged_at"]
    assert (await site.client.delete(path)).status_code == 410
    assert (await site.client.post(f"{path}/undelete")).json()["id"] == run_id


async def test_an_experiment_is_renamed_archived_and_deleted(site: Site) -> None:
    ids = await site.play(scripted_config(seed=1), scripted_config(seed=2), experiment="Old")
    experiment = (await get_run(site.database, ids[0])).experiment_id
    await add_tags(site.database, ids, ["x"])
    await post(site, f"/experiments/{experiment}/rename", name="New")
    assert (await site.page(f"/experiments/{experiment}")).one("h1").text == "New"
    await post(site, f"/experiments/{experiment}/rename", 422, name=" ")
    await post(site, f"/experiments/{experiment}/archive")
    assert (await site.json("/api/v1/experiments"))["experiments"] == []
    assert len((await site.json(f"/api/v1/experiments/{experiment}"))["runs"]) == 2
    await post(site, f"/experiments/{experiment}/unarchive")
    answer = await post(site, f"/experiments/{experiment}/delete")
    await site.page(f"/experiments/{experiment}", 404)
    notice = (await site.page(answer.headers["location"])).classed("notice--ok")[0]
    assert notice.text == "2 runs deleted. Undo"
    await post(site, "/runs/undelete", moment=notice.one("input").attributes["value"])
    await site.page(f"/experiments/{experiment}")
    assert (await site.client.patch(f"/api/v1/experiments/{experiment}", json={"name": "N"})).status_code == 204
    assert (await site.client.delete(f"/api/v1/experiments/{experiment}")).status_code == 200
