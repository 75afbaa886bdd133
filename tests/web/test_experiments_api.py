"""Experiments in the API: launched by definitions, listed, cell by cell, tried again."""

from typing import Any

import pytest
from sqlalchemy import update

from app.jobs.definition_text import read_definition, write_definition
from app.jobs.player import Player
from app.models.hub import ModelHub
from app.store.leases import claim_next
from app.store.tables import RunRow
from tests.web.conftest import Site

DEFINITION: dict[str, Any] = {
    "name": "Grid",
    "scenarios": ["fishery", "pasture"],
    "conditions": ["default", "universalization"],
    "seeds": [1, 2],
    "models": [{"label": "A", "minds": ["scripted:greedy"]}, "scripted:fair-share"],
    "settings": {"months": 1},
    "budget": {"tokens": 1000},
}
AS_TOML = """
name = "Grid"
scenarios = ["fishery"]
seeds = "1-2"
models = ["scripted:greedy"]
settings = { months = 1 }
"""
TOML = {"content-type": "application/toml"}


async def launched(site: Site, **changes: Any) -> dict[str, Any]:
    answer = await site.client.post("/api/v1/experiments", json=DEFINITION | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def play_all(site: Site) -> list[str]:
    """Play what is queued, in the queue's order, and return the runs' ids."""
    played = []
    while (claim := await claim_next(site.database, "test")) is not None:
        await Player(site.database, ModelHub([]), claim).run()
        played.append(claim.run_id)
    return played


async def test_a_definition_is_launched_and_seen_cell_by_cell(site: Site) -> None:
    made = await launched(site)
    assert made["page"] == f"/experiments/{made['experiment']}" and len(made["runs"]) == 16
    assert await play_all(site) == made["runs"]
    shown = await site.json(f"/api/v1/experiments/{made['experiment']}")
    assert [(cell["model"], cell["scenario"], cell["condition"]) for cell in shown["cells"][:3]] == [
        ("A", "fishery", "default"),
        ("A", "fishery", "universalization"),
        ("scripted fair-share", "fishery", "default"),
    ]
    for cell in shown["cells"]:
        assert (cell["planned"], cell["finished"], cell["failed"]) == (2, 2, 0)
        assert [run["seed"] for run in cell["runs"]] == [1, 2]
    assert shown["budget"] == {"tokens": 1000, "cost": None}
    assert shown["definition"]["models"][0] == {"label": "A", "minds": ["scripted:greedy"]}
    assert {run["model_label"] for run in shown["runs"]} == {"A", "scripted fair-share"}


async def test_a_file_is_launched_as_it_is_and_given_back(site: Site) -> None:
    answer = await site.client.post("/api/v1/experiments", content=AS_TOML, headers=TOML)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert len(made["runs"]) == 2
    file = await site.client.get(f"/api/v1/experiments/{made['experiment']}/definition")
    assert file.headers["content-type"] == "application/toml; charset=utf-8"
    assert f'filename="{made["experiment"]}.toml"' in file.headers["content-disposition"]
    assert file.text == write_definition(read_definition(AS_TOML))


async def test_the_same_key_launches_once(site: Site) -> None:
    key = {"idempotency-key": "once"}
    answers = [(await site.client.post("/api/v1/experiments", json=DEFINITION, headers=key)).json() for _ in range(2)]
    assert answers[0]["experiment"] == answers[1]["experiment"]
    assert sorted(answers[0]["runs"]) == sorted(answers[1]["runs"])
    assert (await site.json("/api/v1/experiments"))["total"] == 1


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"monhts": 3}, "monhts"),
        ({"settings": {"months": "3"}}, "settings.months"),
        ({"settings": {"months": True}}, "settings.months"),
        ({"seeds": [True]}, "seeds[1]"),
        ({"seeds": list(range(60))}, ""),
        ({"models": [{"label": "A", "minds": []}]}, "models[1].minds"),
        ({"models": ["generative:lab/none"]}, "models"),
        ({"conditions": ["war"]}, "conditions"),
        ({"budget": {"cost": 0}}, "budget.cost"),
    ],
)
async def test_a_wrong_definition_names_the_place_and_stores_nothing(
    site: Site, changes: dict[str, Any], place: str
) -> None:
    answer = await site.client.post("/api/v1/experiments", json=DEFINITION | changes)
    assert answer.status_code == 422
    assert place in answer.json()["error"]["fields"]
    assert (await site.json("/api/v1/experiments"))["total"] == 0


async def test_rubbish_is_refused_in_the_one_shape(site: Site) -> None:
    for kind in ("application/json", "application/toml", "", "text/html"):
        for body in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, b'{"name": 1e999}', b'"x"', b"name = "):
            answer = await site.client.post("/api/v1/experiments", content=body, headers={"content-type": kind})
            assert answer.status_code == 422, answer.text
            assert answer.json()["error"]["message"]


async def test_an_estimate_stores_nothing(site: Site) -> None:
    changes = {
        "models": ["generative:local/echo", "generative:local/other"],
        "conditions": ["default", "no_communication"],
    }
    answer = await site.client.post("/api/v1/experiments/estimate", json=DEFINITION | changes)
    found = answer.json()
    assert (found["runs"], found["mixed"]) == (16, True)
    assert 8 * 40 < found["total"]["calls"] < 16 * 80
    assert (await site.json("/api/v1/experiments"))["total"] == 0


async def test_a_list_has_progress_filters_and_pages(site: Site) -> None:
    first = await launched(site, name="First one")
    await play_all(site)
    second = await launched(site, name="Second one", seeds=[1])
    await site.queue()
    await site.queue(experiment="Third, no grid")
    listed = await site.json("/api/v1/experiments")
    assert [one["name"] for one in listed["experiments"]] == ["Third, no grid", "Second one", "First one"]
    done = listed["experiments"][2]
    assert (done["state"], done["cells"], done["runs"], done["finished"], done["grid"]) == ("over", 8, 16, 16, True)
    assert (done["months_played"], done["months"]) == (16, 16)
    assert listed["experiments"][1]["states"] == {"queued": 8}

    async def names(query: str) -> list[str]:
        return [one["id"] for one in (await site.json(f"/api/v1/experiments?{query}"))["experiments"]]

    assert await names("state=over") == [first["experiment"]]
    assert len(await names("state=running")) == 2
    assert await names("kind=grid&q=second") == [second["experiment"]]
    assert await names("limit=1&offset=2") == [first["experiment"]]
    assert await names("state=failed") == await names("state=paused") == []
    assert (await site.client.get("/api/v1/experiments?state=lost")).status_code == 422


async def test_failed_runs_are_tried_again_by_cell_and_all(site: Site) -> None:
    made = await launched(site)
    failed = {"state": "failed", "reason": "A defect.", "reason_kind": "defect"}
    async with site.database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.model_label == "A").values(**failed))
    at = f"/api/v1/experiments/{made['experiment']}"
    cell = {"model": "A", "scenario": "fishery", "condition": "default"}
    tried = (await site.client.post(f"{at}/retry", json=cell)).json()
    assert len(tried["runs"]) == 2
    shown = await site.json(at)
    assert {run["state"] for run in shown["cells"][0]["runs"]} == {"queued"}
    assert shown["cells"][1]["failed"] == 2 and shown["cells"][1]["runs"][0]["reason"] == "A defect."
    assert len((await site.client.post(f"{at}/retry")).json()["runs"]) == 6
    assert (await site.client.post(f"{at}/retry")).json()["runs"] == []
    assert (await site.client.post(f"{at}/retry", json={"model": "A"})).status_code == 422
    assert (await site.client.post("/api/v1/experiments/x2222222/retry")).status_code == 404


async def test_all_runs_are_stopped_at_once(site: Site) -> None:
    made = await launched(site)
    assert (await site.client.post(f"/api/v1/experiments/{made['experiment']}/stop")).json()["runs"] == 16
    shown = await site.json(f"/api/v1/experiments/{made['experiment']}")
    assert {run["state"] for run in shown["runs"]} == {"cancelled"}
    again = (await site.client.post(f"/api/v1/runs/{shown['runs'][0]['id']}/retry")).json()
    shown = await site.json(f"/api/v1/experiments/{made['experiment']}")
    [cell] = [cell for cell in shown["cells"] if any(run["tried_again_as"] for run in cell["runs"])]
    assert len(cell["runs"]) == 3 and cell["planned"] == 2
    assert again["id"] in {run["id"] for run in cell["runs"]}


async def test_the_bundled_definitions_are_told(site: Site) -> None:
    bundled = await site.json("/api/v1/experiments/bundled")
    assert "paper-default" in {one["name"] for one in bundled}
    assert all(read_definition(one["toml"]).name == one["definition"]["name"] for one in bundled)


async def test_openapi_tells_what_a_definition_is(site: Site) -> None:
    told = await site.json("/api/openapi.json")
    body = told["paths"]["/api/v1/experiments"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"]["$ref"] == "#/components/schemas/Definition"
    assert "seeds" in told["components"]["schemas"]["Definition"]["properties"]
    assert "application/toml" in body
