"""From the run's page and the API: the rerun check, the counted answers, and the exports."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import update

from app.commons.config import EpisodeConfig, GenerativeFramework, GenerativeMind
from app.interop.export import export_files
from app.interop.library import import_logs
from app.store.tables import EventRow
from app.store.whole import read_whole
from tests.fakes.villagers import record
from tests.interop.logs import month_of, write_run
from tests.support import scripted_config
from tests.web.conftest import Site


def asking() -> EpisodeConfig:
    config = scripted_config(["greedy"] * 3)
    agents = tuple(a.model_copy(update={"mind": GenerativeMind(model="lab/m")}) for a in config.agents)
    return config.model_copy(update={"agents": agents, "framework": GenerativeFramework(model="lab/m")})


async def unreadable_import(site: Site, folder: Path) -> str:
    rows = month_of(1, 100.0, [10.0] * 5, answers=["Answer: 10 tons", "hm", None, "Answer: 5-7", "Answer: 10"])
    (outcome,) = await import_logs(site.database, [write_run(folder, rows)])
    return str(outcome.run_id)


async def test_the_check_is_a_button_on_the_page_and_shows_its_result_there(site: Site) -> None:
    [run] = await site.play()
    page = await site.page(f"/runs/{run}")
    page.one("form", action=f"/runs/{run}/rerun-check", method="post")
    response = await site.client.post(f"/runs/{run}/rerun-check")
    assert response.status_code == 200
    assert "Rerun check." in response.text and "byte for byte." in response.text
    followed = await site.client.get(f"/runs/{run}/rerun-check?m=2&agent=kate")
    assert (followed.status_code, followed.headers["location"]) == (303, f"/runs/{run}?m=2&agent=kate")


async def test_a_difference_names_its_event_and_fields(site: Site) -> None:
    [run] = await site.play()
    payload = '{"month":1,"kind":"said","text":"<script>alert(1)</script>"}'
    async with site.database.write() as connection:
        where = (EventRow.run_id == run, EventRow.seq == 2)
        await connection.execute(update(EventRow).where(*where).values(payload=payload))
    # The page itself is drawn from the events, so the API is asked.
    response = await site.client.post(f"/api/v1/runs/{run}/rerun-check")
    report = response.json()
    assert response.status_code == 200 and report["equal"] is False
    assert report["difference"]["event"] == 2
    assert "text" in [field["name"] for field in report["difference"]["fields"]]


async def test_the_api_checks_a_run_of_models(site: Site) -> None:
    run = await record(site.database, asking(), rubbish=0.2)
    report = (await site.client.post(f"/api/v1/runs/{run.id}/rerun-check")).json()
    assert report["equal"] is True
    assert (report["events"], report["calls"]) == (run.events, run.calls)


async def test_an_imported_run_cannot_be_checked(site: Site, tmp_path: Path) -> None:
    run = await unreadable_import(site, tmp_path / "log")
    assert not (await site.page(f"/runs/{run}")).all("form", action=f"/runs/{run}/rerun-check")
    response = await site.client.post(f"/api/v1/runs/{run}/rerun-check")
    assert response.status_code == 409 and "was imported" in response.json()["error"]["message"]
    assert (await site.client.post(f"/runs/{run}/rerun-check")).status_code == 409


async def test_answers_are_counted_by_purpose_and_agent(site: Site) -> None:
    run = await record(site.database, asking(), rubbish=0.4)
    found = await site.json(f"/api/v1/runs/{run.id}/answers")
    assert found["total"]["calls"] == run.calls
    assert found["total"]["asked_again"] > 0 and found["total"]["cut_off"] > 0
    assert found["by_purpose"]["harvest"]["unreadable"] == run.unreadable
    for part in ("by_purpose", "by_agent"):
        for name in ("calls", "asked_again", "unreadable", "cut_off", "refused"):
            assert sum(count[name] for count in found[part].values()) == found["total"][name]
    page = await site.page(f"/runs/{run.id}")
    assert f"{found['total']['asked_again']} asked again" in page.text


async def test_a_scripted_run_has_no_answers_to_count(site: Site) -> None:
    [run] = await site.play()
    assert (await site.json(f"/api/v1/runs/{run}/answers"))["lines"] == []
    assert "Answers:" not in (await site.page(f"/runs/{run}")).text


async def test_runs_with_unreadable_harvests_are_marked_and_found_native_or_imported(
    site: Site, tmp_path: Path
) -> None:
    native = await record(site.database, asking(), rubbish=1.0)
    imported = await unreadable_import(site, tmp_path / "log")
    [clean] = await site.play()
    assert native.unreadable > 0
    found = {run["id"] for run in (await site.json("/api/v1/runs?unreadable=true"))["runs"]}
    assert found == {native.id, imported} and clean not in found
    page = await site.page("/runs?unreadable=true")
    assert "unreadable 3" in page.text and f"unreadable {native.unreadable}" in page.text
    assert (await site.json(f"/api/v1/runs/{imported}/answers"))["by_purpose"]["harvest"]["unreadable"] == 3


@pytest.mark.parametrize("kind", ["research", "csv"])
async def test_a_run_is_taken_along_as_an_archive(site: Site, kind: str) -> None:
    [run] = await site.play()
    page = await site.page(f"/runs/{run}")
    page.one("a", href=f"/runs/{run}/export/{kind}")
    response = await site.client.get(f"/runs/{run}/export/{kind}")
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == f'attachment; filename="{run}-{kind}.zip"'
    expected = export_files(await read_whole(site.database, run), kind)  # type: ignore[arg-type]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"{run}/{path}": content for path, content in expected.items()
        }


async def test_an_exported_archive_can_be_uploaded(site: Site) -> None:
    [run] = await site.play()
    archive = (await site.client.get(f"/runs/{run}/export/research")).content
    response = await site.client.post("/import", files={"files": ("run.zip", archive, "application/zip")})
    assert response.status_code == 200
    runs = (await site.json("/api/v1/runs?minds=imported"))["runs"]
    assert [item["name"] for item in runs] == [run]


async def test_json_is_one_object(site: Site) -> None:
    [run] = await site.play()
    response = await site.client.get(f"/runs/{run}/export/json")
    assert response.headers["content-disposition"] == f'attachment; filename="{run}.json"'
    assert set(json.loads(response.content)) >= {"config", "config_hash", "events", "calls", "metrics", "answers"}


async def test_chats_are_offered_where_a_model_was_asked(site: Site) -> None:
    asked, (scripted,) = await record(site.database, asking()), await site.play()
    (await site.page(f"/runs/{asked.id}")).one("a", href=f"/runs/{asked.id}/export/chats")
    response = await site.client.get(f"/runs/{asked.id}/export/chats")
    assert response.headers["content-type"] == "application/jsonl"
    assert response.headers["content-disposition"] == f'attachment; filename="{asked.id}.jsonl"'
    assert json.loads(response.text.splitlines()[0])["messages"][-1]["role"] == "assistant"
    assert f"{scripted}/export/chats" not in (await site.page(f"/runs/{scripted}")).text
    refused = await site.client.get(f"/runs/{scripted}/export/chats")
    assert refused.status_code == 409 and "no answer of a model" in refused.text


async def test_what_cannot_be_exported_says_why(site: Site) -> None:
    [run] = await site.queue()
    response = await site.client.get(f"/runs/{run}/export/research")
    assert response.status_code == 409 and "No harvest of run" in response.text
    assert (await site.client.get(f"/runs/{run}/export/excel")).status_code == 422
    assert (await site.client.get("/runs/r2222222/export/json")).status_code == 404


async def test_the_holder_of_a_link_finds_neither_exports_nor_checks(site: Site) -> None:
    [run] = await site.play()
    link = (await site.client.post(f"/api/v1/runs/{run}/shares", json={})).json()["link"]
    page = await site.page(link.partition("8000")[2])
    assert "Export" not in page.text and "Check rerun" not in page.text
