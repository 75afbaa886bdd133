"""Models on this machine on the pages: the launch form, the settings, the catalogue."""

import json
from pathlib import Path

import httpx
import pytest

from app.jobs import local_server
from app.jobs.local_server import LocalServer, look_at_models
from app.models import local
from app.models.local_folder import find_models
from app.web import local as web_local
from tests.models.test_local import put_model
from tests.web.conftest import open_site

LABEL = "demonstration, not a research model"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (local, local_server, web_local):
        monkeypatch.setattr(module, "missing_extra", lambda: None)
    found = tmp_path / "local"
    put_model(found, "demo", label=LABEL)
    put_model(found, "training", weights=False)
    return found


async def test_the_launch_form_offers_them_in_a_group_of_their_own(tmp_path: Path, folder: Path) -> None:
    async with open_site(tmp_path, models_file=None, local_models=folder, local_url="http://127.0.0.1:9") as site:
        page = await site.page("/launch")
        select = page.one("select", id="mind")
        (group,) = select.all("optgroup", label="On this machine: no key, no cost")
        (option,) = group.all("option")
        assert option.text == f"local/demo ({LABEL})" and option.attributes["value"] == "generative:local/demo"
        told = await site.json("/launch/estimate?mind=generative:local/demo&seeds=1&scenario=fishery&condition=default")
        assert not told["errors"]
        assert dict(told["lines"])["Cost"] == "no cost"
        assert told["notes"] == []  # an answer is fitted to the room that its prompt leaves
        told = await site.json("/api/v1/models")
        assert [endpoint["labels"] for endpoint in told["endpoints"]] == [{"demo": LABEL}]
        assert [(model["id"], model["state"]) for model in told["local"]] == [
            ("demo", "failed"),
            ("training", "failed"),
        ]


async def test_settings_tell_how_they_are(tmp_path: Path, folder: Path) -> None:
    async with open_site(tmp_path, models_file=None, local_models=folder, local_url="http://127.0.0.1:9") as site:
        section = (await site.page("/settings")).text
        assert "Models on this machine" in section and LABEL in section and "no cost" in section
        assert "No server of local models answers at http://127.0.0.1:9." in section
        assert "It has no weights" in section and "Put the whole model into" in section


async def test_settings_say_where_to_put_one(tmp_path: Path) -> None:
    async with open_site(tmp_path, local_models=tmp_path / "none") as site:
        assert f"No model lies in {tmp_path / 'none'} ." in (await site.page("/settings")).text


async def test_states_come_from_the_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"id": "demo", "state": "ready", "revision": "ab", "device": "cpu", "dtype": "float32", "exit_layer": 1}

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/health"
        return httpx.Response(200, content=json.dumps({"models": [said]}))

    client = httpx.AsyncClient
    monkeypatch.setattr(
        local_server.httpx, "AsyncClient", lambda **options: client(transport=httpx.MockTransport(answer))
    )
    ready, training = await look_at_models(find_models(folder), "http://127.0.0.1:9", None)
    assert (ready.state, ready.exit_layer) == ("ready", 1)
    assert training.state == "failed"


async def test_a_server_that_starts_and_one_that_died(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "PATIENCE_S", 0.05)
    server = LocalServer(folder)  # its port is open, nobody answers yet
    models = find_models(folder)
    assert (await look_at_models(models, server.address, server))[0].state == "starting"
    server._told(-9)
    killed = (await look_at_models(models, server.address, server))[0]
    assert killed.state == "failed" and "not enough memory" in str(killed.reason)
    server._listener.close()
