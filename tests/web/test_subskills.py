"""The subskill pages and their twins in the API."""

from pathlib import Path

import httpx
import pytest

from app.models.base import CallKey, Completion, Message, RecordedCall, Segment
from app.store.leases import TESTS, Claim, claim_next, leave
from app.store.subskill_recorder import open_subskill_recorder
from app.store.subskills import subskill_cases
from app.subskills.plan import read_plan, start_tests
from app.subskills.research import import_results
from tests.databases import on_both
from tests.subskills.test_research import write
from tests.support import ROOT
from tests.web.conftest import Site

database_kind = on_both

HOSTILE = "<script>alert(1)</script>"


async def start(site: Site, model: str = "local/echo", **plan: object) -> str:
    [run_id] = await start_tests(
        site.database,
        read_plan({"model": model, "scenarios": ["fishery"], "cases": 4} | plan),
        check_model=lambda name: None,
        prompt_folders=[ROOT / "templates" / "prompts"],
    )
    return run_id


async def answer(site: Site, run_id: str, *, wrong: int = 0, unreadable: int = 0) -> None:
    """Answer all cases, the first *wrong* of each test wrongly and the last *unreadable* unreadably."""
    claim = await claim_next(site.database, "test", TESTS)
    assert claim == Claim(run_id=run_id, epoch=1)
    recorder = await open_subskill_recorder(site.database, claim)
    for case in await subskill_cases(site.database, run_id):
        said = case.high + 1 if case.number <= wrong else case.high
        unread = case.number > 4 - unreadable
        key = CallKey(month=1, phase="subskills", agent=case.agent, purpose=case.test, item=str(case.number))
        messages = (Message(role="user", segments=(Segment(kind="task", text=f"What is it? {HOSTILE}"),)),)
        text = f"{HOSTILE} Answer: {'?' if unread else said}"
        recorder.record(
            RecordedCall(
                key=key, model="m", request_hash="h", messages=messages, sampling=None, completion=Completion(text=text)
            )
        )
        update = {"attempts": 1, "answer": None if unread else said, "passed": not unread and said <= case.high}
        recorder.answered(case.model_copy(update=update))
    await recorder.close()
    await leave(site.database, claim, "finished", TESTS)


def form(**changes: str) -> dict[str, str]:
    return {"model": "local/echo", "scenario": "fishery", "cases": "3", "seed": "1", "submission": "s"} | changes


async def test_without_tests_the_page_says_what_to_do(site: Site) -> None:
    page = await site.page("/subskills")
    assert "No tests yet" in page.text
    assert [option.text for option in page.one("select", id="model").all("option")] == ["local/echo", "local/other"]


async def test_the_form_starts_tests_once_however_often_it_is_sent(site: Site) -> None:
    first = await site.client.post("/subskills", data=form())
    assert first.status_code == 303
    second = await site.client.post("/subskills", data=form())
    assert second.headers["location"] == first.headers["location"]
    page = await site.page(first.headers["location"])
    assert "0 of 24 cases answered" in page.text
    assert page.classed("badge--queued")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"cases": "many"}, "cases", "Cases: "),
        ({"model": "paid/big"}, "model", "PAID_TEST_KEY"),
        ({"scenario": "forest"}, "scenarios", "There is no scenario 'forest'"),
        ({"temperature": "hot"}, "sampling", "Sampling: "),
    ],
)
async def test_a_wrong_form_says_which_field_and_keeps_the_rest(
    site: Site, changes: dict[str, str], field: str, said: str
) -> None:
    response = await site.client.post("/subskills", data=form(seed="77", **changes))
    assert response.status_code == 422
    assert f'id="error-{field}"' in response.text
    assert said in httpx.Response(200, html=response.text).text.replace("&#39;", "'")
    assert 'value="77"' in response.text


async def test_models_stand_side_by_side_on_the_same_questions_only(site: Site) -> None:
    first, second, other = await start(site), await start(site, "local/other"), await start(site, seed=9)
    await answer(site, first)
    await answer(site, second, wrong=2)
    await answer(site, other)
    set_id = (await site.json(f"/api/v1/subskills/{first}"))["set"]
    page = await site.page(f"/subskills?set={set_id}")
    results = page.one("section", id="results")
    titles = [cell.text for cell in results.all("thead")[0].all("th")]
    assert titles == ["Share passed", "local/echo", "local/other"]
    assert "100 %" in results.text
    assert "50 %" in results.text
    assert "−50 points" in results.text
    assert "McNemar" in results.text
    links = [link.attributes["href"] for link in results.all("a") if "test=" in link.attributes["href"]]
    assert len(links) == 16
    assert len(page.one("section", id="all").all("tbody")[0].all("tr")) == 3


async def test_every_case_opens_its_prompt_and_completion_escaped(site: Site) -> None:
    run_id = await start(site)
    await answer(site, run_id, wrong=1, unreadable=1)
    page = await site.page(f"/subskills/{run_id}?test=role_limit&show=failed")
    rows = page.one("section", id="cases").all("tbody")[0].all("tr")
    assert [row.all("th")[0].text for row in rows] == ["Case 1", "Case 4"]
    assert "8 answers could not be read" in page.text
    href = rows[0].one("a").attributes["href"]
    response = await site.client.get(href)
    assert HOSTILE not in response.text
    case = await site.page(href)
    assert next(pre.text for pre in case.all("pre")) == f"What is it? {HOSTILE}"
    assert case.one("a", rel="next").attributes["href"].endswith("/cases/role_limit/2")
    assert not case.all("a", rel="prev")


async def test_the_api_tells_what_the_pages_show(site: Site) -> None:
    first, second = await start(site), await start(site, "local/other")
    await answer(site, first)
    await answer(site, second, wrong=4)
    listed = await site.json("/api/v1/subskills")
    assert [item["id"] for item in listed["tests"]] == [second, first]
    report = await site.json(f"/api/v1/subskills/{second}")
    assert [(item["share"], item["low"]) for item in report["results"]] == [(0.0, 0.0)] * 8
    sets = await site.json(f"/api/v1/subskills/sets/{report['set']}?reference={first}")
    assert [item["id"] for item in sets["runs"]] == [second, first]
    [comparison] = sets["comparisons"]
    assert {item["paired"]["difference"] for item in comparison["tests"]} == {-1.0}
    cases = await site.json(f"/api/v1/subskills/{first}/cases?test=bare_limit")
    assert [case["number"] for case in cases["cases"]] == [1, 2, 3, 4]
    case = await site.json(f"/api/v1/subskills/{first}/cases/bare_limit/2")
    assert case["calls"][0]["completion"]["text"].startswith(HOSTILE)


async def test_tests_are_started_stopped_and_resumed_over_the_api(site: Site) -> None:
    plan = {"model": "local/echo", "scenarios": ["pollution"], "cases": 2}
    made = await site.client.post("/api/v1/subskills", json=plan, headers={"Idempotency-Key": "k"})
    again = await site.client.post("/api/v1/subskills", json=plan, headers={"Idempotency-Key": "k"})
    assert made.status_code == 201
    assert made.json() == again.json()
    [run_id] = made.json()["tests"]
    for action, state in (("stop", "cancelled"), ("resume", "queued")):
        assert (await site.client.post(f"/api/v1/subskills/{run_id}/{action}")).json()["state"] == state
    refused = await site.client.post("/api/v1/subskills", json=plan | {"model": "nobody/nothing"})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["model"])


async def test_finished_tests_cannot_be_stopped_or_resumed(site: Site) -> None:
    run_id = await start(site)
    await answer(site, run_id)
    for action in ("stop", "resume"):
        assert (await site.client.post(f"/subskills/{run_id}/{action}")).status_code == 409


@pytest.mark.parametrize(
    "path", ["/subskills/t2222222", "/api/v1/subskills/t2222222", "/api/v1/subskills/sets/nothing"]
)
async def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert (await site.client.get(path)).status_code == 404


async def test_a_case_that_is_not_there_is_not_found(site: Site) -> None:
    run_id = await start(site)
    for tail in ("bare_limit/5", "nothing/1"):
        assert (await site.client.get(f"/subskills/{run_id}/cases/{tail}")).status_code == 404
        assert (await site.client.get(f"/api/v1/subskills/{run_id}/cases/{tail}")).status_code == 404


async def test_an_unknown_set_or_test_falls_back_with_a_notice(site: Site) -> None:
    run_id = await start(site)
    assert "this is the latest" in (await site.page("/subskills?set=nothing")).text
    assert "this is the first" in (await site.page(f"/subskills/{run_id}?test=nothing")).text


async def test_imported_results_are_labelled_and_stand_apart(site: Site, tmp_path: Path) -> None:
    own = await start(site)
    write(tmp_path / "run")
    [outcome] = await import_results(site.database, [tmp_path / "run"])
    page = await site.page(f"/subskills/{outcome.run_id}")
    assert "imported" in [tag.text for tag in page.classed("tag")]
    assert "other words and other cases than ours" in page.text
    assert not page.all("button", class_="button button--primary")
    sets = {(await site.json(f"/api/v1/subskills/{run_id}"))["set"] for run_id in (own, outcome.run_id)}
    assert len(sets) == 2
