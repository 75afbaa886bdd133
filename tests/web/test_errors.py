from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from app.web import health
from tests.web.conftest import Site, open_site
from tests.web.test_routes import ask


def assert_error_shape(response: httpx.Response, status: int) -> dict[str, Any]:
    """The contract of every error the API answers."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert {"code", "message"} <= set(error) <= {"code", "message", "fields", "id"}
    assert error["message"][-1] == "." and error["message"][0].isupper(), error["message"]
    for name, text in error.get("fields", {}).items():
        assert isinstance(name, str) and text[-1] == "."
    return error


async def test_whatever_the_api_refuses_has_the_one_shape(site: Site) -> None:
    for route in iter_route_contexts(site.app.routes):
        if not str(route.path).startswith(("/api/v1/", "/s/{token}/api/")):
            continue
        for method in route.methods or ():
            response = await ask(site, method, str(route.path))
            if response.status_code >= 400:
                assert_error_shape(response, response.status_code)
            assert_error_shape(await ask(site, "TRACE", str(route.path)), 405)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/v1/runs/r2222222", 404),
        ("GET", "/api/v1/experiments/x2222222", 404),
        ("PUT", "/api/v1/runs", 405),
        ("GET", "/api/v1/runs?limit=0", 422),
        ("GET", "/api/v1/runs?limit=501", 422),
        ("GET", "/api/v1/runs?sort=gossip", 422),
        ("GET", "/api/v1/runs?offset=-1", 422),
        ("POST", "/api/v1/runs", 422),
        ("GET", "/healthz/nothing", 404),
    ],
)
async def test_known_errors(site: Site, method: str, path: str, status: int) -> None:
    response = await site.client.request(method, path)
    if path.startswith("/api"):
        assert_error_shape(response, status)
    else:
        assert response.status_code == status


async def test_a_wrong_plan_names_every_wrong_field(site: Site) -> None:
    plan = {"scenario": "moon", "condition": "chaos", "minds": ["scripted:saint"], "agents": ["A", "B"], "months": 0}
    error = assert_error_shape(await site.client.post("/api/v1/runs", json=plan), 422)
    assert {"scenario", "condition", "minds", "months"} <= set(error["fields"])
    assert (await site.json("/api/v1/runs"))["total"] == 0


async def test_an_unknown_field_is_an_error(site: Site) -> None:
    error = assert_error_shape(await site.client.post("/api/v1/runs", json={"scenari": "fishery"}), 422)
    assert list(error["fields"]) == ["scenari"]


async def test_a_body_that_is_no_json_is_an_error(site: Site) -> None:
    response = await site.client.post("/api/v1/runs", content="{", headers={"Content-Type": "application/json"})
    assert_error_shape(response, 422)


async def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    response = await site.client.post("/api/v1/runs", json={"name": "x" * 2_000_000})
    assert_error_shape(response, 413)


async def test_a_defect_answers_an_id_and_nothing_of_the_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(database: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(health, "count_states", broken)
    response = await site.client.get("/api/v1/health")
    error = assert_error_shape(response, 500)
    assert "secret" not in response.text and "Traceback" not in response.text
    logged = capsys.readouterr()
    assert error["id"] in logged.out + logged.err
    page = await site.page("/settings", 500)
    assert "secret" not in page.text and "Error id" in page.text


async def test_error_pages_have_the_common_look(site: Site) -> None:
    page = await site.page("/runs/r2222222", 404)
    assert page.one("h1").text == "Not found"
    assert "r2222222" in page.one("main").text
    assert page.one("a", href="/runs", class_="button").text == "All runs"
    assert (await site.page("/nothing", 404)).one("a", href="/", class_="button").text == "Home"


async def test_a_wrong_state_is_a_conflict(site: Site) -> None:
    [run] = await site.play()
    error = assert_error_shape(await site.client.post(f"/api/v1/runs/{run}/pause"), 409)
    assert "finished" in error["message"]
    assert (await site.client.post(f"/runs/{run}/stop")).status_code == 409


async def test_a_database_that_is_gone_is_told(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        async with site.database.write() as connection:
            await connection.exec_driver_sql("ALTER TABLE run RENAME TO gone")
        response = await site.client.get("/healthz")
        assert response.status_code == 503
        assert response.json()["status"] == "degraded"
