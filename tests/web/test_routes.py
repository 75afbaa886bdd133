"""Every address is decided on: who may ask, and whether it changes anything."""

from typing import Any

import httpx
from fastapi.routing import iter_route_contexts

from tests.web.conftest import BASE, Site

OWNER, HOLDER, ANYBODY = "the owner", "the holder of a link", "anybody"

# Method and path: who may ask where a password is set.
DECISIONS = {
    ("GET", "/"): OWNER,
    ("POST", "/samples"): OWNER,
    ("POST", "/example"): OWNER,
    ("GET", "/launch"): OWNER,
    ("POST", "/launch"): OWNER,
    ("POST", "/launch/check"): OWNER,
    ("POST", "/api/v1/models/check"): OWNER,
    ("GET", "/launch/estimate"): OWNER,
    ("GET", "/launch/preview"): OWNER,
    ("GET", "/prompts"): OWNER,
    ("GET", "/api/v1/prompts"): OWNER,
    ("GET", "/api/v1/published"): OWNER,
    ("GET", "/runs"): OWNER,
    ("GET", "/runs/{run_id}"): OWNER,
    ("POST", "/runs/{run_id}/pause"): OWNER,
    ("POST", "/runs/{run_id}/stop"): OWNER,
    ("POST", "/runs/{run_id}/end"): OWNER,
    ("POST", "/runs/{run_id}/rename"): OWNER,
    ("POST", "/runs/{run_id}/note"): OWNER,
    ("POST", "/runs/{run_id}/tags"): OWNER,
    ("POST", "/runs/{run_id}/archive"): OWNER,
    ("POST", "/runs/{run_id}/unarchive"): OWNER,
    ("POST", "/runs/{run_id}/delete"): OWNER,
    ("POST", "/runs/{run_id}/undelete"): OWNER,
    ("POST", "/runs/{run_id}/purge"): OWNER,
    ("GET", "/runs/deleted"): OWNER,
    ("GET", "/search"): OWNER,
    ("GET", "/api/v1/search"): OWNER,
    ("POST", "/runs/selected"): OWNER,
    ("POST", "/runs/undelete"): OWNER,
    ("POST", "/experiments/{experiment_id}/rename"): OWNER,
    ("POST", "/experiments/{experiment_id}/archive"): OWNER,
    ("POST", "/experiments/{experiment_id}/unarchive"): OWNER,
    ("POST", "/experiments/{experiment_id}/delete"): OWNER,
    ("GET", "/api/v1/deleted"): OWNER,
    ("PATCH", "/api/v1/runs/{run_id}"): OWNER,
    ("DELETE", "/api/v1/runs/{run_id}"): OWNER,
    ("PUT", "/api/v1/runs/{run_id}/tags/{tag}"): OWNER,
    ("DELETE", "/api/v1/runs/{run_id}/tags/{tag}"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/retry"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/end"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/undelete"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/purge"): OWNER,
    ("PATCH", "/api/v1/experiments/{experiment_id}"): OWNER,
    ("DELETE", "/api/v1/experiments/{experiment_id}"): OWNER,
    ("GET", "/runs/{run_id}/corrections"): OWNER,
    ("POST", "/runs/{run_id}/corrections"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/corrections"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/corrections"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/changes/{key:path}"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/search"): OWNER,
    ("GET", "/s/{token}/api/search"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/search"): HOLDER,
    ("GET", "/s/{token}/api/corrections"): HOLDER,
    ("GET", "/s/{token}/api/changes/{key:path}"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/corrections"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/changes/{key:path}"): HOLDER,
    ("POST", "/runs/{run_id}/resume"): OWNER,
    ("POST", "/runs/{run_id}/retry"): OWNER,
    ("POST", "/runs/{run_id}/priority"): OWNER,
    ("GET", "/runs/{run_id}/budget"): OWNER,
    ("POST", "/runs/{run_id}/budget"): OWNER,
    ("POST", "/runs/{run_id}/share"): OWNER,
    ("POST", "/runs/{run_id}/rerun-check"): OWNER,
    ("GET", "/runs/{run_id}/rerun-check"): OWNER,
    ("GET", "/runs/{run_id}/export/{kind}"): OWNER,
    ("GET", "/compare"): OWNER,
    ("GET", "/compare/export/{kind}"): OWNER,
    ("GET", "/api/v1/compare"): OWNER,
    ("GET", "/api/v1/compare/figures/{figure}"): OWNER,
    ("GET", "/experiments"): OWNER,
    ("GET", "/experiments/new"): OWNER,
    ("POST", "/experiments/new"): OWNER,
    ("POST", "/experiments/new/estimate"): OWNER,
    ("POST", "/experiments/new/check"): OWNER,
    ("POST", "/experiments/new/fill"): OWNER,
    ("POST", "/experiments/new/toml"): OWNER,
    ("GET", "/experiments/{experiment_id}"): OWNER,
    ("GET", "/experiments/{experiment_id}/plan"): OWNER,
    ("POST", "/experiments/{experiment_id}/plan"): OWNER,
    ("GET", "/api/v1/experiments/{experiment_id}/plan"): OWNER,
    ("POST", "/experiments/{experiment_id}/seeds"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/seeds"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/plan"): OWNER,
    ("POST", "/experiments/{experiment_id}/retry"): OWNER,
    ("POST", "/experiments/{experiment_id}/stop"): OWNER,
    ("GET", "/experiments/{experiment_id}/budget"): OWNER,
    ("POST", "/experiments/{experiment_id}/budget"): OWNER,
    ("GET", "/subskills"): OWNER,
    ("POST", "/subskills"): OWNER,
    ("GET", "/subskills/{tests_id}"): OWNER,
    ("GET", "/subskills/{tests_id}/cases/{test}/{number}"): OWNER,
    ("POST", "/subskills/{tests_id}/stop"): OWNER,
    ("POST", "/subskills/{tests_id}/resume"): OWNER,
    ("GET", "/shares"): OWNER,
    ("POST", "/shares/{share_id}/revoke"): OWNER,
    ("GET", "/import"): OWNER,
    ("POST", "/import"): OWNER,
    ("POST", "/api/v1/import"): OWNER,
    ("GET", "/api/v1/preview"): OWNER,
    ("GET", "/api/v1/methods"): OWNER,
    ("GET", "/api/v1/example"): OWNER,
    ("POST", "/settings/check"): OWNER,
    ("GET", "/settings"): OWNER,
    ("GET", "/methods"): OWNER,
    ("GET", "/metrics"): OWNER,
    ("GET", "/operations"): OWNER,
    ("POST", "/experiments/{experiment_id}/pause"): OWNER,
    ("POST", "/experiments/{experiment_id}/resume"): OWNER,
    ("POST", "/experiments/{experiment_id}/cancel"): OWNER,
    ("GET", "/api/v1/operations"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/pause"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/resume"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/cancel"): OWNER,
    ("POST", "/logout"): OWNER,
    ("GET", "/api/openapi.json"): OWNER,
    ("GET", "/api/v1/runs"): OWNER,
    ("POST", "/api/v1/runs"): OWNER,
    ("GET", "/api/v1/runs/{run_id}"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/pause"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/stop"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/resume"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/priority"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/budget"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/budget"): OWNER,
    ("GET", "/api/v1/budget"): OWNER,
    ("POST", "/api/v1/estimate"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/events"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/stream"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/calls"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/calls/{key:path}"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/figures/{figure}"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/rerun-check"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/answers"): OWNER,
    ("GET", "/api/v1/runs/{run_id}/record"): OWNER,
    ("POST", "/api/v1/runs/{run_id}/shares"): OWNER,
    ("GET", "/api/v1/experiments"): OWNER,
    ("POST", "/api/v1/experiments"): OWNER,
    ("POST", "/api/v1/experiments/estimate"): OWNER,
    ("GET", "/api/v1/experiments/bundled"): OWNER,
    ("GET", "/api/v1/experiments/{experiment_id}/definition"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/retry"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/stop"): OWNER,
    ("GET", "/api/v1/experiments/{experiment_id}"): OWNER,
    ("GET", "/api/v1/experiments/{experiment_id}/figures/stock"): OWNER,
    ("GET", "/api/v1/scenarios"): OWNER,
    ("GET", "/api/v1/conditions"): OWNER,
    ("GET", "/api/v1/models"): OWNER,
    ("GET", "/api/v1/health"): OWNER,
    ("GET", "/api/v1/subskills"): OWNER,
    ("POST", "/api/v1/subskills"): OWNER,
    ("GET", "/api/v1/subskills/sets/{set_id}"): OWNER,
    ("GET", "/api/v1/subskills/{tests_id}"): OWNER,
    ("POST", "/api/v1/subskills/{tests_id}/stop"): OWNER,
    ("POST", "/api/v1/subskills/{tests_id}/resume"): OWNER,
    ("GET", "/api/v1/subskills/{tests_id}/cases"): OWNER,
    ("GET", "/api/v1/subskills/{tests_id}/cases/{test}/{number}"): OWNER,
    ("GET", "/api/v1/shares"): OWNER,
    ("POST", "/api/v1/shares/{share_id}/revoke"): OWNER,
    ("GET", "/s/{token}"): HOLDER,
    ("POST", "/experiments/{experiment_id}/share"): OWNER,
    ("POST", "/api/v1/experiments/{experiment_id}/shares"): OWNER,
    ("POST", "/compare/share"): OWNER,
    ("GET", "/cite"): OWNER,
    ("GET", "/bundle"): OWNER,
    ("GET", "/bundle/file"): OWNER,
    ("GET", "/api/v1/bundle"): OWNER,
    ("GET", "/cite/text"): OWNER,
    ("GET", "/api/v1/cite"): OWNER,
    ("POST", "/api/v1/compare/shares"): OWNER,
    ("GET", "/s/{token}/picture.png"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/picture.png"): HOLDER,
    ("GET", "/s/{token}/api/compare"): HOLDER,
    ("GET", "/s/{token}/api/compare/figures/{figure}"): HOLDER,
    ("GET", "/s/{token}/export/{kind}"): HOLDER,
    ("GET", "/s/{token}/api"): HOLDER,
    ("GET", "/s/{token}/api/figures/runs"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/events"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/stream"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/calls"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/calls/{key:path}"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/record"): HOLDER,
    ("GET", "/s/{token}/runs/{run_id}/api/figures/{figure}"): HOLDER,
    ("GET", "/s/{token}/api/events"): HOLDER,
    ("GET", "/s/{token}/api/stream"): HOLDER,
    ("GET", "/s/{token}/api/calls"): HOLDER,
    ("GET", "/s/{token}/api/calls/{key:path}"): HOLDER,
    ("GET", "/s/{token}/api/record"): HOLDER,
    ("GET", "/s/{token}/api/figures/{figure}"): HOLDER,
    ("GET", "/static/{build}/{path:path}"): ANYBODY,
    ("GET", "/favicon.ico"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/login"): ANYBODY,
    ("POST", "/login"): ANYBODY,
}
FILLED = {
    "run_id": "r2222222",
    "experiment_id": "x2222222",
    "share_id": "s2222222",
    "tests_id": "t2222222",
    "set_id": "222222222222",
    "test": "bare_limit",
    "number": "1",
    "token": "nobody-has-this-token",
    "key:path": "1/harvest/John/harvest//1",
    "key": "1/harvest/John/harvest//1",
    "figure": "stock",
    "kind": "json",
    "build": "x",
    "path:path": "js/site.js",
}


def addresses(site: Site) -> set[tuple[str, str]]:
    found = set()
    for route in iter_route_contexts(site.app.routes):
        path: Any = route.path
        found |= {(method, path) for method in (route.methods or ()) if method not in ("HEAD", "OPTIONS")}
    return found


async def ask(site: Site, method: str, path: str) -> httpx.Response:
    for name, value in FILLED.items():
        path = path.replace("{" + name + "}", value)
    return await site.client.request(method, path)


async def test_every_address_is_in_the_table(site: Site) -> None:
    assert addresses(site) == set(DECISIONS)


async def test_the_password_is_asked_exactly_where_the_table_says(locked: Site) -> None:
    for (method, path), who in DECISIONS.items():
        response = await ask(locked, method, path)
        to_login = response.headers.get("location", "").startswith("/login")
        refused = response.status_code == 401 or (to_login and response.status_code == 303)
        if (method, path) == ("POST", "/login"):
            # It asks for the password itself.
            assert response.status_code == 401
        else:
            assert refused == (who == OWNER), f"{method} {path} answered {response.status_code}"


async def test_an_unknown_link_opens_nothing(locked: Site) -> None:
    for (method, path), who in DECISIONS.items():
        if who == HOLDER:
            assert (await ask(locked, method, path)).status_code == 404


async def test_the_holder_of_a_link_reaches_no_address_that_changes_anything(site: Site) -> None:
    assert {method for (method, _), who in DECISIONS.items() if who == HOLDER} == {"GET"}


async def test_what_changes_something_refuses_other_sites(site: Site) -> None:
    for method, path in DECISIONS:
        if method != "POST":
            continue
        for headers in (
            {"Sec-Fetch-Site": "cross-site", "Origin": BASE},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ):
            filled = path
            for name, value in FILLED.items():
                filled = filled.replace("{" + name + "}", value)
            response = await site.client.post(filled, headers=headers)
            assert response.status_code == 403, f"{path} took a request with {headers}"


async def test_our_own_pages_and_programs_may_change_things(site: Site) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": BASE}, {}):
        response = await site.client.post("/api/v1/runs", json={"minds": ["scripted:greedy"]}, headers=headers)
        assert response.status_code == 201


async def test_head_is_answered_where_get_is(site: Site) -> None:
    assert (await site.client.head("/runs")).status_code == 200
    assert (await site.client.head("/runs/r2222222")).status_code == 404
