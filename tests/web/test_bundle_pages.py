"""Deposit bundles through the browser and the API, and back again on another instance."""

import asyncio
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from app.interop.unbundle import UnreadableBundle, read_bundle
from app.store.queries import get_experiment
from app.store.restored import restore
from tests.fakes.villagers import record
from tests.interop.test_bundle import _with_sums
from tests.jobs.test_rerun import generative
from tests.support import scripted_config
from tests.web.conftest import Site, open_site


async def bundle(site: Site, query: str) -> bytes:
    response = await site.client.get(f"/api/v1/bundle?{query}")
    assert response.status_code == 200, response.text
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.headers["content-disposition"].endswith('.zip"')
    return response.content


async def test_an_experiment_moves_to_another_instance_and_is_one_there(site: Site, tmp_path: Path) -> None:
    ids = await site.play(*(scripted_config(seed=seed) for seed in (1, 2)), experiment="Two villages")
    of = (await site.json(f"/api/v1/runs/{ids[0]}"))["experiment"]
    played = await record(site.database, generative())
    content = await bundle(site, f"of={of}&of={played.id}&licence=CC-BY-4.0&authors=Ada%20Example;Bo")
    (tmp_path / "other").mkdir()
    async with open_site(tmp_path / "other") as other:
        answer = await other.client.post("/import", files={"files": ("deposit.zip", content, "application/zip")})
        assert answer.status_code == 200 and all(run in answer.text for run in (*ids, played.id))
        found = await other.json(f"/api/v1/experiments/{of}")
        assert found["name"] == "Two villages"
        page = await other.page(f"/experiments/{of}")
        assert all(page.all("a", href=f"/runs/{run}") for run in ids)
        report = (await other.client.post(f"/api/v1/runs/{played.id}/rerun-check")).json()
        assert report["equal"] and report["calls"] > 0
        # Taken along again it is the same, byte for byte, and a second import stores nothing twice.
        again = await bundle(other, f"of={of}&of={played.id}&licence=CC-BY-4.0&authors=Ada%20Example;Bo")
        kept = [
            {name: archive.read(name) for name in archive.namelist() if name.startswith(("runs/", "tables/", "exp"))}
            for archive in (zipfile.ZipFile(io.BytesIO(one)) for one in (content, again))
        ]
        assert kept[0] == kept[1]
        answer = await other.client.post("/import", files={"files": ("deposit.zip", content, "application/zip")})
        assert "already here" in answer.text
        assert len((await other.json("/api/v1/experiments"))["experiments"]) == 1
    folder = tmp_path / "clean"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
        tables = [name for name in archive.namelist() if name.startswith("tables/") and "codebook" not in name]
        for name in tables:
            (folder / name).unlink()
        command = [sys.executable, "-I", "make_tables.py"]
        await asyncio.to_thread(subprocess.run, command, check=True, cwd=folder)
        assert all((folder / name).read_bytes() == archive.read(name) for name in tables)
        assert "CC-BY-4.0" in archive.read("LICENSE.txt").decode() and "Bo" in archive.read("CITATION.cff").decode()


async def test_costs_are_left_out_where_they_are_to_be(site: Site) -> None:
    from tests.web.test_share_scope import priced

    run = await priced(site)
    for query, told in ((f"of={run}", True), (f"of={run}&costs=false", False)):
        with zipfile.ZipFile(io.BytesIO(await bundle(site, query))) as archive:
            text = "".join(archive.read(name).decode() for name in archive.namelist())
            assert ("77.65" in text) == told
            assert ("What the calls cost was left out." in text) != told and "How many, Kate?" in text


async def test_the_form_says_what_cannot_be_bundled(site: Site) -> None:
    [done] = await site.play()
    [run] = await site.queue()
    page = await site.page(f"/bundle?of={run}")
    assert "is queued" in page.one("main").text and not page.all("form", action="/bundle/file")
    assert (await site.client.get(f"/bundle/file?of={run}")).status_code == 409
    for path in ("/bundle", "/bundle?of=../x"):
        assert (await site.client.get(path)).status_code == 422
    for path in ("/bundle?of=r2222222", "/bundle/file?of=x2222222", "/api/v1/bundle?of=r2222222"):
        assert (await site.client.get(path)).status_code == 404
    form = (await site.page(f"/bundle?of={done}")).one("form", action="/bundle/file")
    assert {item.attributes["name"] for item in form.all("input")} == {"of", "title", "authors", "licence", "costs"}


async def test_a_taken_id_and_forged_memberships(site: Site, tmp_path: Path) -> None:
    [run] = await site.play(experiment="Mine")
    of = (await site.json(f"/api/v1/runs/{run}"))["experiment"]
    content = await bundle(site, f"of={of}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    path = f"experiments/{of}.json"

    def forged(old: str, new: str) -> io.BytesIO:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in _with_sums({**files, path: files[path].replace(old.encode(), new.encode())}).items():
                archive.writestr(name, text)
        return out

    for old, new in ((run, "r2222222"), (f'"{of}"', '"x9999999"'), ('"Mine"', '""'), ('"Mine"', f'"{"x" * 300}"')):
        with pytest.raises(UnreadableBundle):
            read_bundle(forged(old, new))
    (tmp_path / "other").mkdir()
    async with open_site(tmp_path / "other") as other:
        await restore(other.database, read_bundle(io.BytesIO(content)))
        renamed = read_bundle(forged("Mine", "Theirs"))
        # Its runs are here and in an experiment already: nothing of that changes.
        await restore(other.database, renamed)
        kept = await get_experiment(other.database, of)
        assert kept is not None and kept.name == "Mine"
