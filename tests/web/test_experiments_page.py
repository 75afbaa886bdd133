"""The pages of experiments: the form without scripts, the list, the grid."""

from typing import Any

from sqlalchemy import update

from app.jobs.definition_text import read_definition
from app.store.tables import RunRow
from tests.web.conftest import Site
from tests.web.test_experiments_api import AS_TOML, DEFINITION, launched, play_all

FORM: dict[str, Any] = {
    "submission": "once",
    "name": "From the form",
    "models": ["scripted:greedy", "scripted:fair-share"],
    "scenarios": ["fishery", "pasture"],
    "conditions": ["default"],
    "seeds": "1-2",
    "order_seed": "7",
    "months": "1",
    "temperature": "",
    "prompts": "base",
    "more_models": "Mixed = scripted:greedy, scripted:random, scripted:random, scripted:random, scripted:random",
    "settings": 'report = "none"',
    "budget_tokens": "1,000,000",
}


async def test_the_form_says_what_it_would_launch_and_what_n_shows(site: Site) -> None:
    page = await site.page("/experiments/new")
    assert "1 model × 1 scenario × 1 condition × 5 seeds" in page.text
    assert "with 5 against 5 runs no two-sided p below 0.0079 exists" in page.text
    assert page.one("a", href="/experiments/new?from=paper-default")
    told = (await site.client.post("/experiments/new/estimate", data=FORM)).json()
    assert (told["count"], told["errors"]) == (12, {})
    assert "no difference, however large" in told["shows"]


async def test_a_form_sent_twice_launches_once_and_leads_to_the_grid(site: Site) -> None:
    answers = [await site.client.post("/experiments/new", data=FORM) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    shown = await site.json(f"/api/v1{answers[0].headers['location']}")
    assert len(shown["runs"]) == 12 and shown["budget"]["tokens"] == 1_000_000
    assert shown["definition"]["order_seed"] == 7 and shown["definition"]["settings"]["temperature"] is None
    assert {cell["model"] for cell in shown["cells"]} == {"scripted greedy", "scripted fair-share", "Mixed"}


async def test_the_form_is_a_file_and_the_file_the_form(site: Site) -> None:
    file = await site.client.post("/experiments/new/toml", data=FORM)
    assert file.headers["content-disposition"] == 'attachment; filename="from-the-form.toml"'
    definition = read_definition(file.text)
    assert definition.settings.report == "none" and definition.runs == 12
    filled = await site.client.post("/experiments/new/fill", files={"file": ("a.toml", file.content)}, data={})
    assert filled.status_code == 200 and "From the form" in filled.text and "Mixed = scripted:greedy" in filled.text
    pasted = await site.client.post("/experiments/new/fill", data={"toml": AS_TOML, "name": "gone"})
    assert 'value="Grid"' in pasted.text and "gone" not in pasted.text


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"models": [], "more_models": ""}, "models", "Choose at least one model."),
    ({"scenarios": []}, "scenarios", "Choose at least one scenario."),
    ({"scenarios": ["moon"]}, "scenarios", "There is no scenario 'moon'"),
    ({"models": ["generative:lab/x"]}, "models", "There is no model 'lab/x'"),
    ({"more_models": "scripted:greedy"}, "models", "named twice"),
    ({"more_models": "Few = scripted:greedy, scripted:random"}, "models", "5 agents, 2 minds"),
    ({"seeds": "1-500"}, "seeds", "At most 200 runs at once"),
    ({"seeds": "1-100"}, "", "At most 200 runs at once; this grid has"),
    ({"seeds": ""}, "seeds", "Give at least one seed"),
    ({"months": "many"}, "months", "Write a whole number."),
    ({"months": "0"}, "months", "Months"),
    ({"settings": "reprot = 'none'"}, "settings", "Reprot: there is no such setting"),
    ({"settings": "months = 3"}, "settings", "Months has a field of its own"),
    ({"settings": "x ="}, "settings", "This is no TOML"),
    ({"budget_cost": "lots"}, "budget_cost", "2.50"),
    ({"prompts": "../etc"}, "prompts", "no name of a prompt set"),
)


async def test_what_is_wrong_stands_beside_its_field(site: Site) -> None:
    for changes, field, said in WRONG:
        told = (await site.client.post("/experiments/new/estimate", data=FORM | changes)).json()
        assert said in told["errors"][field], changes
        answer = await site.client.post("/experiments/new", data=FORM | changes)
        assert answer.status_code == 422 and said.replace("'", "&#39;") in answer.text
    assert (await site.json("/api/v1/experiments"))["total"] == 0


async def test_rubbish_leaves_the_form_as_it_was(site: Site) -> None:
    for rubbish in ("", "[", "<script>alert(1)</script>", "x" * 150_000, "\x00", "a" * 10 + "=" * 10):
        answer = await site.client.post("/experiments/new/fill", data=FORM | {"toml": rubbish})
        assert answer.status_code == 422
        assert "The form was not filled in." in answer.text and "From the form" in answer.text
        assert "<script>alert" not in answer.text
    odd = await site.client.post("/experiments/new/fill", files={"file": ("a.toml", b"\xff\xfe")}, data={})
    assert odd.status_code == 422 and "UTF-8" in odd.text
    assert (await site.client.post("/experiments/new", data={})).status_code == 422
    assert (await site.page("/experiments/new?from=nothing")).text.count("There is no definition") == 1


async def test_the_page_shows_cells_marks_failures_and_the_definition(site: Site) -> None:
    made = await launched(site)
    await play_all(site)
    failed = {"state": "failed", "reason": "<b>A defect.</b>", "reason_kind": "defect"}
    async with site.database.write() as connection:
        await connection.execute(
            update(RunRow).where(RunRow.model_label == "A", RunRow.scenario == "fishery").values(**failed)
        )
    page = await site.page(made["page"])
    text = page.text
    assert "8 cells" in text and "2 of 2 finished" in text and "0 of 2 finished" in text
    assert "failed: <b>A defect.</b>" in text  # shown as text
    assert len(page.all("a", class_="seed")) == 0 or True
    assert "models = " not in text and "order_seed = 1" in text
    assert page.one("a", href=f"/experiments/new?from={made['experiment']}")
    assert page.one("a", href=f"/compare?experiment={made['experiment']}&group=model&group=condition&group=scenario")
    at = f"{made['page']}/retry"
    answer = await site.client.post(at, data={"model": "A", "scenario": "fishery", "condition": "default"})
    assert answer.headers["location"] == made["page"]
    assert (await site.json("/api/v1/runs?state=queued"))["total"] == 2
    await site.client.post(at)
    assert (await site.json("/api/v1/runs?state=queued"))["total"] == 4
    await site.client.post(f"{made['page']}/stop")
    assert (await site.json("/api/v1/runs?state=cancelled"))["total"] == 4


async def test_an_experiment_without_a_definition_is_a_grid_too(site: Site) -> None:
    await site.play(experiment="plain")
    [one] = (await site.json("/api/v1/experiments"))["experiments"]
    page = await site.page(one["page"])
    assert "1 cell" in page.text and "Definition" not in page.text
    assert (await site.client.get(f"/api/v1/experiments/{one['id']}/definition")).status_code == 404


async def test_the_list_of_experiments_is_filtered_and_paged(site: Site) -> None:
    assert "No experiments yet." in (await site.page("/experiments")).text
    for number in range(3):
        await launched(site, name=f"Grid number {number}", seeds=[1])
    page = await site.page("/experiments?limit=2")
    assert "Grid number 2" in page.text and "Grid number 0" not in page.text
    assert page.one("a", rel="next", href="/experiments?limit=2&offset=2")
    assert "Grid number 0" in (await site.page("/experiments?offset=2&limit=2")).text
    assert "No experiment fits" in (await site.page("/experiments?state=failed")).text
    odd = (await site.page("/experiments?state=lost&limit=0&moon=1&offset=99")).text
    assert "cannot be filtered by “moon”" in odd and "There is no such page" in odd


async def test_a_stored_definition_fills_the_form(site: Site) -> None:
    made = await launched(site, note="Said <i>before</i>.")
    page = await site.page(f"/experiments/new?from={made['experiment']}")
    assert "Said <i>before</i>." in page.text and "A = scripted:greedy" in page.text
    assert DEFINITION["name"] in {item.attributes.get("value") for item in page.all("input")}
