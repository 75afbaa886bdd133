"""Request ids, the access log, and what must not be in it."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.web.conftest import Site


def requests_in(lines: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [line for line in lines if line["event"] == "request"]


async def test_every_answer_has_an_id_and_every_error_tells_it(site: Site) -> None:
    good = await site.client.get("/api/v1/health")
    bad = await site.client.get("/api/v1/runs/r2222222")
    assert len(good.headers["x-request-id"]) == 16
    assert bad.json()["error"]["id"] == bad.headers["x-request-id"] != good.headers["x-request-id"]


@pytest.mark.parametrize(("given", "kept"), [("proxy-0123456789", True), ("short", False), ('"; rm -rf /"', False)])
async def test_an_id_from_a_proxy_is_kept_if_it_is_one(site: Site, given: str, kept: bool) -> None:
    answer = await site.client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is kept


async def test_a_line_a_request_with_the_route_and_never_the_address(site: Site) -> None:
    with capture_logs() as lines:
        await site.client.get("/s/SECRET-TOKEN/api/calls?q=SECRET-QUERY")
        await site.client.get("/s/SECRET-TOKEN/nothing")
        await site.client.get("/runs?q=SECRET-QUERY")
        await site.client.head("/runs/r2222222")
        await site.client.post("/api/v1/runs", content="{SECRET")
    told = requests_in(lines)
    assert [(line["method"], line["path"], line["status"]) for line in told] == [
        ("GET", "/s/{token}/api/calls", 404),
        ("GET", "none", 404),
        ("GET", "/runs", 200),
        ("HEAD", "/runs/{run_id}", 404),
        ("POST", "/api/v1/runs", 422),
    ]
    assert all(line["ms"] >= 0 for line in told)
    assert "SECRET" not in repr(lines)


async def test_what_the_guard_refuses_is_told_by_its_route_too(locked: Site) -> None:
    with capture_logs() as lines:
        await locked.client.get("/runs/r2222222")
    assert [(line["path"], line["status"]) for line in requests_in(lines)] == [("/runs/{run_id}", 303)]


async def test_what_is_asked_all_the_time_is_told_only_when_debugging(site: Site) -> None:
    with capture_logs() as lines:
        await site.client.get("/healthz")
    assert [line["log_level"] for line in requests_in(lines)] == ["debug"]
