"""What a hostile log brings in stays text on every page and in every answer."""

from pathlib import Path

from app.interop.library import import_logs
from tests.databases import on_both
from tests.interop.hostile import ALARM, LONG, MESSAGES, NAMES, SCRIPT, write_hostile
from tests.web.conftest import Site
from tests.web.page import Element

database_kind = on_both


async def bring_in(site: Site, folder: Path) -> str:
    [outcome] = await import_logs(site.database, [write_hostile(folder)])
    assert outcome.run_id, outcome.reason
    return outcome.run_id


def harmless(page: Element) -> None:
    """No element on the page is the log's: no script with a body of its own, no handler, no address that runs."""
    for script in page.all("script"):
        data = script.attributes.get("type") == "application/json"
        assert data or (script.attributes.get("src", "").startswith("/static/") and not script.text)
    for element in page.all():
        assert [name for name in element.attributes if name.startswith("on") or name == "style"] == []
        addresses = [element.attributes.get(name, "") for name in ("href", "src", "action", "formaction")]
        assert [address for address in addresses if address.lower().startswith(("javascript:", "data:"))] == []
    assert page.all("img") == []


async def test_no_page_runs_what_a_log_says(site: Site, tmp_path: Path) -> None:
    run = f"/runs/{await bring_in(site, tmp_path)}"
    for path in ("/", "/runs", "/operations", f"{run}?m=1&agent=w&tab=prompt", f"{run}?m=3"):
        harmless(await site.page(path))


async def test_the_run_page_shows_hostile_texts_as_they_are(site: Site, tmp_path: Path) -> None:
    page = await site.page(f"/runs/{await bring_in(site, tmp_path)}?m=1")
    shown = [item.text for item in page.classed("line__text")]
    assert SCRIPT in shown
    assert " ".join(MESSAGES[1].split()) in shown
    assert NAMES[1] in [item.text for item in page.classed("line__head")[2].all("b")]

    # A very long one shows its beginning, and the rest on request.
    [long, unbroken] = page.classed("long-text")
    assert f"All {len(LONG):,} characters" in long.one("summary").text
    assert len(long.one("summary").text) < 1000
    assert long.one("p").text == " ".join(LONG.split())
    assert "open" not in unbroken.attributes


async def test_the_api_gives_hostile_texts_as_json_and_nothing_else(site: Site, tmp_path: Path) -> None:
    run_id = await bring_in(site, tmp_path)
    for path in (f"/api/v1/runs/{run_id}", f"/api/v1/runs/{run_id}/events?limit=1000", "/api/v1/runs"):
        response = await site.client.get(path)
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert ALARM in response.text


async def test_a_hostile_run_goes_out_and_comes_back_unchanged(site: Site, tmp_path: Path) -> None:
    run_id = await bring_in(site, tmp_path)
    packed = (await site.client.get(f"/runs/{run_id}/export/research")).content
    response = await site.client.post("/api/v1/import", files={"files": ("back.zip", packed, "application/zip")})
    [back] = [run["id"] for run in (await site.json("/api/v1/runs"))["runs"] if run["id"] != run_id]
    assert back in response.text
    before, after = [await site.json(f"/api/v1/runs/{run}/events?limit=1000") for run in (run_id, back)]
    assert after["events"] == before["events"]
