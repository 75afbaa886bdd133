from pathlib import Path

import httpx
import pytest

from app.web.security import ExposureError, check_exposure, is_loopback
from tests.web.conftest import Site, open_site


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST", "app.localhost"])
def test_loopback_needs_no_password(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "localhost.example.org", ""])
def test_any_other_address_needs_one(host: str) -> None:
    with pytest.raises(ExposureError, match="GOVSIM_PASSWORD"):
        check_exposure(host, None)
    check_exposure(host, "a password")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("[::1]:8000", 200),
        ("rebound.example:8000", 403),
        ("127.0.0.1.example", 403),
        ("", 403),
    ],
)
async def test_without_a_password_only_this_machines_names_are_answered(site: Site, host: str, status: int) -> None:
    response = await site.client.get("/api/v1/runs", headers={"Host": host})
    assert response.status_code == status


async def test_without_a_password_only_loopback_connections_are_answered(site: Site) -> None:
    """A made-up Host header does not help whoever comes in over the network."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url="http://10.0.0.5") as client:
        response = await client.get("/api/v1/runs", headers={"Host": "localhost"})
    assert response.status_code == 403


async def test_with_a_password_any_name_is_answered(locked: Site) -> None:
    response = await locked.client.get("/healthz", headers={"Host": "observatory.example"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/runs", "/launch", "/nothing", "/api/v1/runs", "/api/v1/nothing", "/healthz", "/s/unknown", "/favicon.ico"],
)
async def test_every_answer_carries_the_policy(site: Site, path: str) -> None:
    headers = (await site.client.get(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in ("same-origin", "no-referrer")
    assert "access-control-allow-origin" not in headers


async def test_refusals_and_streams_carry_the_policy_too(locked: Site) -> None:
    for response in (
        await locked.client.get("/runs"),
        await locked.client.get("/api/v1/runs"),
        await locked.client.post("/samples", headers={"Sec-Fetch-Site": "cross-site"}),
    ):
        assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_no_page_holds_inline_script_or_style(site: Site) -> None:
    [run] = await site.play()
    for path in ("/", "/launch", "/runs", "/settings", "/methods", "/shares", "/nothing", f"/runs/{run}"):
        page = (await site.client.get(path)).text
        assert " style=" not in page and "<style" not in page, path
        assert " onclick=" not in page and "javascript:" not in page, path
        for tag in page.split("<script")[1:]:
            assert "src=" in tag[: tag.index(">")] or 'type="application/json"' in tag[: tag.index(">")], path


async def test_get_changes_nothing(site: Site) -> None:
    [run] = await site.queue()
    for path in ("/samples", "/launch?submission=x", f"/runs/{run}/stop", f"/runs/{run}/share"):
        await site.client.get(path)
    listed = await site.json("/api/v1/runs")
    assert [item["state"] for item in listed["runs"]] == ["queued"]
    assert (await site.json("/api/v1/shares"))["shares"] == []


async def test_a_server_on_loopback_with_a_password_still_asks_for_it(tmp_path: Path) -> None:
    async with open_site(tmp_path, password="correct horse") as site:
        assert (await site.client.get("/runs")).status_code == 303
