"""The import page and its twin: what became of each log, how far it is, and what cannot be taken."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from app.store.shelf import delete_runs
from tests.databases import on_both
from tests.interop.logs import config, two_months, write_run
from tests.web.conftest import Site
from tests.web.page import parse

database_kind = on_both


def packed(folder: Path, *, names: tuple[str, ...] = ("first-run-1",), broken: tuple[str, ...] = ()) -> bytes:
    """A zip file with good and broken runs, and a picture."""
    for name in names:
        write_run(folder / name, two_months(), settings=config())
    for name in broken:
        write_run(folder / name, [{"action": "harvesting"}], nodes=False)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.rglob("*.*")):
            made.write(path, path.relative_to(folder))
        made.writestr("plot.png", b"x")
    return archive.getvalue()


def upload(content: bytes, name: str = "logs.zip") -> dict[str, Any]:
    return {"files": {"files": (name, content, "application/zip")}}


def messages(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def test_a_folder_comes_file_by_file(site: Site, tmp_path: Path) -> None:
    for name in ("first-run-1", "second-run-2"):
        write_run(tmp_path / "logs" / name, two_months(), settings=config())
    files = [
        ("files", (str(path.relative_to(tmp_path)), path.read_bytes(), "application/octet-stream"))
        for path in sorted((tmp_path / "logs").rglob("*.*"))
    ]
    page = parse((await site.client.post("/import", files=files)).text)
    assert page.one("h2", id="done-title").text == "2 runs imported"
    assert all(row.one("td").text.startswith("imported") for row in page.one("tbody").all("tr"))


async def test_the_page_says_what_became_of_each_log(site: Site, tmp_path: Path) -> None:
    content = packed(tmp_path / "logs", names=("first-run-1", "same-run-2"), broken=("broken-run-3",))
    page = parse((await site.client.post("/import", **upload(content))).text)
    rows = {row.one("th").text: row.one("td") for row in page.one("tbody").all("tr")}
    assert list(rows) == ["broken-run-3", "first-run-1", "same-run-2"]
    assert rows["broken-run-3"].text.startswith("not imported record 1 of log_env.json: ")
    assert rows["first-run-1"].text == "imported"
    [first] = rows["same-run-2"].all("a")
    assert rows["same-run-2"].text == f"imported The same log as {first.text} ."
    assert page.one("h2", id="done-title").text == "2 runs imported"
    assert page.one("p", id="left-out").text == "1 other file was left out: no run is read from it."
    await delete_runs(site.database, [first.text])
    again = parse((await site.client.post("/import", **upload(content))).text)
    back = {row.one("th").text: row.one("td").text for row in again.one("tbody").all("tr")}
    assert back["first-run-1"] == "imported it had been deleted and is back."
    assert again.one("h2", id="done-title").text == "1 run imported"
    assert (await site.json("/api/v1/runs"))["total"] == 2


async def test_the_api_says_how_far_it_is(site: Site, tmp_path: Path) -> None:
    content = packed(tmp_path / "logs", names=("first-run-1", "same-run-2"), broken=("broken-run-3",))
    response = await site.client.post("/api/v1/import", **upload(content))
    assert response.headers["content-type"].startswith("text/event-stream")
    [unpacked, *logs, done] = messages(response.text)
    assert unpacked == ("unpacked", {"logs": 3, "left_out": 1})
    assert [(kind, log["name"], log["kind"]) for kind, log in logs] == [
        ("log", "broken-run-3", "failed"),
        ("log", "first-run-1", "imported"),
        ("log", "same-run-2", "imported"),
    ]
    assert logs[2][1]["equal_to"] == [logs[1][1]["run_id"]]
    assert logs[1][1]["page"] == f"/runs/{logs[1][1]['run_id']}"
    assert done == ("done", {"imported": 2, "skipped": 0, "failed": 1})


async def test_what_cannot_be_taken_is_said_in_a_sentence_and_changes_nothing(site: Site) -> None:
    for content, name, sentence in (
        (b"no archive", "x.zip", "The archive is damaged or of an unknown kind"),
        (b"text", "notes.txt", "There is no run in the upload."),
        (b"[]", "../log_env.json", "The upload holds a file with a name that cannot be used"),
    ):
        response = await site.client.post("/import", **upload(content, name))
        assert response.status_code == 422
        assert sentence in parse(response.text).one("div", id="import-error").text
        [(kind, error)] = messages((await site.client.post("/api/v1/import", **upload(content, name))).text)
        assert (kind, sentence in error["message"]) == ("error", True)
    assert (await site.client.post("/import", data={"other": "x"})).status_code == 422
    assert (await site.json("/api/v1/runs"))["total"] == 0


async def test_other_sites_and_larger_bodies_are_refused(site: Site) -> None:
    refused = await site.client.post("/api/v1/import", headers={"sec-fetch-site": "cross-site"}, **upload(b""))
    assert refused.status_code == 403
    said = {"content-length": "256000001", "content-type": "multipart/form-data; boundary=x"}
    assert (await site.client.post("/api/v1/import", headers=said, content=b"")).status_code == 413
