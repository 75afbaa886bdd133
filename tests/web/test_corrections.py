"""Correcting an agreed limit: on the run's page, in the API, and what the holder of a link sees of it."""

import json
from typing import Any

from app.commons.events import Agreed, parse_event
from app.interop.export import export_files
from app.store.queries import events_after
from app.store.whole import read_whole
from tests.fakes.villagers import record
from tests.keeping.records import generative
from tests.web.conftest import Site


async def corrected_run(site: Site, limit: int | None = 0, **more: object) -> tuple[str, int | None]:
    """Store a run whose first limit is corrected; return its id and what was read."""
    run = (await record(site.database, generative(months=2))).id
    events = [parse_event(payload) for _, payload in await events_after(site.database, run)]
    read = next(event.limit for event in events if isinstance(event, Agreed))
    made = await post(site, run, limit=limit, **more)
    assert made.status_code == 201, made.text
    return run, read


async def post(site: Site, run: str, **more: object) -> Any:
    wish = {"month": 1, "limit": 0, "author": "Ada", "version": 0, **more}
    return await site.client.post(f"/api/v1/runs/{run}/corrections", json=wish)


async def test_the_api_tells_what_stands_and_how_it_came_about(site: Site) -> None:
    run, read = await corrected_run(site, note="nobody may fish")
    second = (await post(site, run, limit=3, version=1)).json()
    found = await site.json(f"/api/v1/runs/{run}/corrections")
    assert found["in_force"] == [second]
    assert [(one["version"], one["read"], one["before"], one["limit"]) for one in found["history"]] == [
        (1, read, read, 0),
        (2, read, 0, 3),
    ]
    back = await post(site, run, limit=None, withdraw=True, version=2)
    assert back.status_code == 201
    assert (await site.json(f"/api/v1/runs/{run}/corrections"))["in_force"] == []


async def test_what_cannot_be_is_refused_and_changes_nothing(site: Site) -> None:
    run, _ = await corrected_run(site)
    assert (await post(site, run, version=0, limit=4)).status_code == 409
    for wrong in ({"limit": -1}, {"limit": "many"}, {"author": "  "}, {"month": 7}, {"limit": 0}, {"limit": 10**12}):
        response = await post(site, run, **{"version": 1, "limit": 4, **wrong})
        assert response.status_code == 422, wrong
        assert response.json()["error"]["fields"].keys() == wrong.keys() - {"version"}
    assert len((await site.json(f"/api/v1/runs/{run}/corrections"))["history"]) == 1


async def test_the_page_judges_by_the_correction_and_says_so(site: Site) -> None:
    run, read = await corrected_run(site, limit=0)
    note = f"corrected by Ada, was {'none' if read is None else read}"
    assert note in (await site.page(f"/runs/{run}?m=1")).classed("line--end")[0].text
    page = await site.page(f"/runs/{run}?m=2&agent=john")
    assert "Agreed 0 t in month 1; caught" in page.text
    assert f"({note})" in page.one(id="inspector").text
    page.one("a", href="?m=1&agent=framework")
    reading = (await site.page(f"/runs/{run}?m=1&agent=framework")).one(id="inspector")
    assert "Said against did is judged by the correction." in reading.text
    assert reading.all("form", action=f"/runs/{run}/corrections")


async def test_the_form_saves_a_version_and_leads_back_to_it(site: Site) -> None:
    run, _ = await corrected_run(site)
    form = {"month": "1", "version": "1", "limit": "5", "author": "Grace", "note": "<b>Kate</b>"}
    saved = await site.client.post(f"/runs/{run}/corrections", data=form)
    assert (saved.status_code, saved.headers["location"]) == (303, f"/runs/{run}?m=1&agent=framework")
    page = await site.page(saved.headers["location"])
    assert "by Grace" in page.one(id="inspector").text
    assert "<b>Kate</b>" in page.one(id="inspector").text, "a note is text"
    late = await site.client.post(f"/runs/{run}/corrections", data=form | {"limit": "9"})
    assert late.status_code == 409
    assert "corrected meanwhile" in late.text and 'value="9"' in late.text
    for wrong in ({"limit": "five"}, {"author": ""}, {"month": "nine"}):
        refused = await site.client.post(f"/runs/{run}/corrections", data=form | {"version": "2", "limit": "9"} | wrong)
        assert refused.status_code == 422, wrong
        assert 'role="alert"' in refused.text
    assert len((await site.json(f"/api/v1/runs/{run}/corrections"))["history"]) == 2


async def test_a_link_shows_marks_by_the_correction_and_no_name(site: Site) -> None:
    run, read = await corrected_run(site, limit=0, note="as Kate said")
    for scope in ("follow", "snapshot"):
        made = await site.client.post(f"/api/v1/runs/{run}/shares", json={"scope": scope})
        path = made.json()["link"].partition("8000")[2]
        await post(site, run, limit=5, version=1 if scope == "snapshot" else 99)
        found = await site.json(f"{path}/api/corrections")
        assert [one["author"] for one in found["history"]] == [None]
        assert [one["limit"] for one in found["in_force"]] == [0], "a snapshot stays as it was made"
        page = await site.page(f"{path}?m=2&agent=john")
        assert f"(corrected, was {'none' if read is None else read})" in page.text
        assert "Ada" not in (await site.client.get(f"{path}?m=1&agent=framework")).text
        assert not page.all("form", action=f"/runs/{run}/corrections")


async def test_exports_hold_corrections_apart_from_events(site: Site) -> None:
    run, _ = await corrected_run(site)
    whole = await read_whole(site.database, run)
    files = export_files(whole, "json")
    exported = json.loads(files[f"{run}.json"])
    assert [one["limit"] for one in exported["corrections"]] == [0]
    assert exported["events"] == [json.loads(text) for text in whole.events]
