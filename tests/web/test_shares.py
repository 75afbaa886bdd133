import json
from datetime import timedelta

from sqlalchemy import update

from app.store.runs import get_run, now
from app.store.shares import issue_share
from app.store.tables import ShareRow
from app.web.live import stream_run
from app.web.shared import follow_shared
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import BASE, Site
from tests.web.test_api import HOSTILE, store_with_calls
from tests.web.test_live import messages

database_kind = on_both


async def share(site: Site, run: str, **wish: object) -> str:
    """Share a run through the API and return the link's path."""
    response = await site.client.post(f"/api/v1/runs/{run}/shares", json=wish)
    assert response.status_code == 201, response.text
    link: str = response.json()["link"]
    assert link.startswith(f"{BASE}/s/")
    return link.removeprefix(BASE)


async def test_a_link_shows_the_run_and_nothing_else_of_the_instance(locked: Site) -> None:
    [run] = await locked.play()
    locked.client.headers["Authorization"] = "Bearer correct horse"
    path = await share(locked, run)
    del locked.client.headers["Authorization"]
    response = await locked.client.get(path)
    assert response.status_code == 200
    assert response.headers["x-robots-tag"] == "noindex"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    page = await locked.page(f"{path}?m=2")
    assert "read-only" in page.classed("ribbon")[0].text
    assert not page.all("form", method="post") and not page.classed("site-nav")
    reached = {link.attributes.get("href", "#") for link in page.all("a")}
    assert all(href.startswith((path, "#", "?", "https://")) for href in reached), reached
    for address in (f"/runs/{run}", f"/api/v1/runs/{run}", "/runs", "/api/v1/shares"):
        assert (await locked.client.get(address)).status_code in (303, 401)


async def test_the_token_is_shown_once_and_not_stored(site: Site) -> None:
    [run] = await site.play()
    response = await site.client.post(f"/runs/{run}/share", data={"scope": "follow", "prompts": "1", "days": "7"})
    assert response.status_code == 201 and f"{BASE}/s/" in response.text
    token = response.text.split(f"{BASE}/s/")[1].split('"')[0]
    for address in (f"/runs/{run}", "/shares", "/api/v1/shares"):
        assert token not in (await site.client.get(address)).text
    listed = (await site.json("/api/v1/shares"))["shares"][0]
    assert listed["run_id"] == run and listed["last_seq"] is None and listed["expires_at"] is not None


async def test_revoking_acts_on_the_next_request(site: Site) -> None:
    [run] = await site.play()
    path = await share(site, run)
    [issued] = (await site.json("/api/v1/shares"))["shares"]
    response = await site.client.post(f"/shares/{issued['id']}/revoke")
    assert (response.status_code, response.headers["location"]) == (303, "/shares")
    gone = await site.client.get(path)
    assert gone.status_code == 410 and run not in gone.text
    for below in ("/api/events", "/api/stream", "/api/calls", "/api/figures/stock"):
        assert (await site.client.get(path + below)).status_code == 410
    assert "revoked" in (await site.page("/shares")).one("tbody").text
    assert (await site.client.post("/shares/s2222222/revoke")).status_code == 404


async def test_an_expired_link_is_gone(site: Site) -> None:
    [run] = await site.play()
    path = await share(site, run, days=7)
    async with site.database.write() as connection:
        await connection.execute(update(ShareRow).values(expires_at=now() - timedelta(seconds=1)))
    assert (await site.client.get(path)).status_code == 410


async def test_an_unknown_link_is_not_found_and_tells_nothing(site: Site) -> None:
    page = await site.page("/s/" + "x" * 22, 404)
    assert not page.classed("site-nav") and not page.classed("brand")[0].attributes.get("href")


async def test_without_prompts_no_call_can_be_opened(site: Site) -> None:
    run = await store_with_calls(site)
    path = await share(site, run, prompts=False)
    for below in ("/api/calls", "/api/calls/2/harvest/Kate/harvest//1"):
        response = await site.client.get(path + below)
        assert response.status_code == 403 and "How many" not in response.text
    page = await site.client.get(f"{path}?m=2&agent=kate&tab=prompt")
    assert page.status_code == 200 and "How many, Kate?" not in page.text
    open_path = await share(site, run)
    assert (await site.json(f"{open_path}/api/calls/2/harvest/Kate/harvest//1"))["answer"]["text"] == "8 tons"
    assert "How many, Kate?" in (await site.client.get(f"{open_path}?m=2&agent=kate&tab=prompt")).text


async def test_a_snapshot_ends_at_the_event_it_was_made_at(site: Site) -> None:
    [run] = await site.play()
    complete = await get_run(site.database, run)
    events = (await site.json(f"/api/v1/runs/{run}/events?limit=5000"))["events"]
    cut = next(event["seq"] for event in events if event["kind"] == "month_ended" and event["month"] == 3)
    _, token = await issue_share(site.database, run, last_seq=cut)
    path = f"/s/{token}"
    shown = (await site.json(f"{path}/api/events?limit=5000"))["events"]
    assert shown == events[:cut]
    streamed = messages((await site.client.get(f"{path}/api/stream")).text)
    assert [int(item["id"]) for item in streamed if "id" in item] == list(range(1, cut + 1))
    told = json.loads(streamed[-1]["data"])
    assert told["over"] and told["months_played"] == 3 and told["events"] == cut
    page = await site.page(path)
    assert "Month 3 of 12 (snapshot)" in page.text
    assert "interrupted" not in [item.text for item in page.classed("badge")]
    assert "Survived" not in page.text and "Collapsed" not in page.text
    later = events[cut]["date"]
    assert later not in (await site.client.get(path)).text
    figure = await site.json(f"{path}/api/figures/stock")
    assert max(x for trace in figure["data"] for x in trace["x"] if x is not None) <= 3
    assert complete.months_played > 3


async def test_calls_beyond_a_snapshot_are_hidden(site: Site) -> None:
    run = await store_with_calls(site)
    events = (await site.json(f"/api/v1/runs/{run}/events?limit=5000"))["events"]
    cut = next(event["seq"] for event in events if event["kind"] == "month_ended" and event["month"] == 1)
    _, token = await issue_share(site.database, run, last_seq=cut)
    calls = (await site.json(f"/s/{token}/api/calls"))["calls"]
    assert {call["month"] for call in calls} == {1}
    await site.json(f"/s/{token}/api/calls/2/harvest/Kate/harvest//1", 404)


async def test_a_followed_run_is_shown_as_it_goes_on(site: Site) -> None:
    [run] = await site.queue(scripted_config(("fair-share",) * 5))
    path = await share(site, run, scope="follow")
    assert (await site.json(f"{path}/api/events"))["events"] == []
    snapshot = await share(site, run)
    from app.jobs.player import Player
    from app.models.hub import ModelHub
    from app.store.leases import claim_next

    claim = await claim_next(site.database, "test")
    assert claim is not None
    await Player(site.database, ModelHub([]), claim).run()
    assert (await site.json(f"{path}/api/events"))["events"]
    assert (await site.json(f"{snapshot}/api/events"))["events"] == []
    assert (await site.client.get(snapshot)).status_code == 200


async def test_revoking_closes_an_open_stream(site: Site) -> None:
    import asyncio

    [run] = await site.queue()
    path = await share(site, run, scope="follow")
    token = path.removeprefix("/s/")
    started = asyncio.Event()

    async def read() -> None:
        async for _ in stream_run(site.services, run, lambda: follow_shared(site.database, token)):
            started.set()

    reader = asyncio.create_task(read())
    await started.wait()
    [issued] = (await site.json("/api/v1/shares"))["shares"]
    await site.client.post(f"/api/v1/shares/{issued['id']}/revoke")
    async with asyncio.timeout(5):
        await reader


async def test_a_link_that_cannot_be_made_is_refused(site: Site) -> None:
    [run] = await site.queue()
    for wish in ({"scope": "all"}, {"days": 3}, {"label": "x" * 300}, {"token": "mine"}):
        assert (await site.client.post(f"/api/v1/runs/{run}/shares", json=wish)).status_code == 422
    for wish in ({"scope": "all"}, {"days": "3"}, {"days": "x"}):
        assert (await site.client.post(f"/runs/{run}/share", data=wish)).status_code == 422
    assert (await site.client.post("/api/v1/runs/r2222222/shares", json={})).status_code == 404
    assert (await site.json("/api/v1/shares"))["shares"] == []


async def test_the_list_of_links_escapes_what_people_wrote(site: Site) -> None:
    [run] = await site.queue()
    await share(site, run, label=HOSTILE)
    assert "<script>alert" not in (await site.client.get("/shares")).text
