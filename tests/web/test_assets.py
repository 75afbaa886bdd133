import gzip
import re
from pathlib import Path

import pytest

from app.web.assets import PLOTLY, Assets
from tests.support import ROOT
from tests.web.conftest import Site


async def test_pages_name_their_files_by_the_build_and_they_are_kept_for_good(site: Site) -> None:
    build = site.services.assets.build
    text = (await site.client.get("/launch")).text
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', text))
    assert len(addresses) > 5
    for address in addresses:
        assert address.startswith(f"/static/{build}/")
        response = await site.client.get(address)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("js/site.js", "text/javascript; charset=utf-8"),
        ("css/base.css", "text/css; charset=utf-8"),
        ("img/icons.svg", "image/svg+xml"),
        (PLOTLY, "text/javascript; charset=utf-8"),
    ],
)
async def test_files_have_their_type(site: Site, path: str, media_type: str) -> None:
    response = await site.client.get(f"/static/{site.services.assets.build}/{path}")
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)


async def test_plotly_is_the_installed_one_and_small_on_the_wire(site: Site) -> None:
    address = f"/static/{site.services.assets.build}/{PLOTLY}"
    async with site.client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
        assert response.headers["content-encoding"] == "gzip"
    assert len(raw) < 1_600_000
    assert b"plotly.js v" in gzip.decompress(raw)[:200]
    plain = await site.client.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == gzip.decompress(raw)


async def test_a_page_from_before_an_upgrade_finds_its_files_but_does_not_keep_them(site: Site) -> None:
    response = await site.client.get("/static/0123456789/js/site.js")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("path", ["../app/settings.py", "..%2f..%2fpyproject.toml", "js/nothing.js", "", "/etc/passwd"])
async def test_nothing_else_is_served(site: Site, path: str) -> None:
    response = await site.client.get(f"/static/x/{path}")
    assert response.status_code == 404


def test_the_build_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "a.js").write_text("1")
    first = Assets(tmp_path).build
    assert Assets(tmp_path).build == first
    (tmp_path / "js" / "a.js").write_text("2")
    second = Assets(tmp_path).build
    (tmp_path / "js" / "a.js").rename(tmp_path / "js" / "b.js")
    assert len({first, second, Assets(tmp_path).build}) == 3


def test_scripts_import_only_files_that_are_there() -> None:
    folder = ROOT / "static"
    assets = Assets(folder)
    for script in folder.rglob("*.js"):
        for target in re.findall(r'(?:from|import)\s*\(?\s*"(\.[^"]+)"', script.read_text()):
            path = (script.parent / target).resolve().relative_to(folder.resolve()).as_posix()
            assert path in assets, f"{script.name} imports {target}"


def test_a_script_names_all_that_it_imports_and_nothing_that_can_wait() -> None:
    assets = Assets(ROOT / "static")
    found = assets.modules("js/run/main.js")
    assert found[0] == "js/run/main.js"
    assert len(found) == len(set(found))
    assert {"js/dom.js", "js/site.js", "js/reducer.js", "js/run/words.js"} <= set(found)
    assert "js/charts.js" not in found  # imported only where a chart is drawn again


async def test_the_run_page_asks_for_its_scripts_at_once(site: Site) -> None:
    [run_id] = await site.play()
    text = (await site.client.get(f"/runs/{run_id}")).text
    asked = re.findall(r'rel="modulepreload" href="/static/\w+/([^"]+)"', text)
    assert asked == site.services.assets.modules("js/run/main.js")
