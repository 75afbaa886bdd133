"""Frozen plans: with a launch, by the form, in the API; and comparisons that tell planned from exploratory."""

import io
import json
import zipfile
from typing import Any

from app.commons.toml_text import toml_text
from tests.web.conftest import Site
from tests.web.test_experiments_api import launched, play_all

PLAN: dict[str, Any] = {
    "hypotheses": ["<b>Fair shares</b> last longer"],
    "primary": "survival_time",
    "runs_per_cell": 4,
    "contrasts": [
        {
            "metric": "survival_time",
            "group": {"model": "scripted random"},
            "reference": {"model": "A"},
            "direction": "higher",
        },
        {"metric": "gain", "group": {"model": "scripted random"}, "reference": {"model": "A"}},
    ],
    "exclusions": ["the model was retired"],
}
GRID = {
    "models": [{"label": "A", "minds": ["scripted:greedy"]}, "scripted:random"],
    "scenarios": ["fishery"],
    "conditions": ["default"],
    "seeds": [1, 2, 3, 4],
    "settings": {"months": 3},
}


async def test_a_definition_with_a_plan_is_frozen_before_its_first_run_begins(site: Site) -> None:
    made = await launched(site, **GRID, plan=PLAN)
    [version] = (await site.json(f"/api/v1/experiments/{made['experiment']}/plan"))["versions"]
    assert (version["version"], version["begun"], version["timing"]) == (1, 0, "before the first run began")
    assert version["configs"].keys() == set(made["runs"])
    page = await site.page(f"/experiments/{made['experiment']}/plan")
    assert "<b>Fair shares</b> last longer" in page.text
    assert "With 4 against 4 runs no two-sided p below 0.029 exists." in page.text
    assert "the model was retired" in page.text


async def test_a_frozen_plan_goes_with_bundles_and_into_methods_paragraphs(site: Site) -> None:
    made = await launched(site, **GRID, plan=PLAN)
    await play_all(site)
    [version] = (await site.json(f"/api/v1/experiments/{made['experiment']}/plan"))["versions"]
    response = await site.client.get(f"/api/v1/bundle?of={made['experiment']}")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        [bundled] = json.loads(archive.read(f"experiments/{made['experiment']}-plan.json"))
    assert bundled["hash"] == version["hash"]
    assert bundled["plan"]["hypotheses"] == PLAN["hypotheses"]
    told = (await site.json(f"/api/v1/cite?experiment={made['experiment']}"))["methods"]
    assert f"A plan was frozen on {version['frozen_at'][:10]} (SHA-256 {version['hash']})." in told


async def test_planned_contrasts_are_told_apart_and_adjusted_among_themselves(site: Site) -> None:
    made = await launched(site, **GRID, plan=PLAN)
    await play_all(site)
    address = f"experiment={made['experiment']}&group=model&reference=scripted%3A+greedy"
    comparison = (await site.json(f"/api/v1/compare?{address}"))["comparison"]
    planned = {one["metric"]: one for one in comparison["contrasts"] if one["planned"]}
    assert planned.keys() == {"survival_time", "gain"}
    raw = sorted(one["test"]["p"] for one in planned.values())
    assert sorted(one["adjusted"] for one in planned.values()) == [
        min(1, 2 * raw[0]),
        max(min(1, 2 * raw[0]), raw[1]),
    ]
    assert all(one["adjusted"] is None for one in comparison["contrasts"] if not one["planned"])
    assert any("was frozen on" in note and "before the first run began" in note for note in comparison["notes"])
    assert "2 contrasts planned, adjusted together" in (await site.page(f"/compare?{address}")).text

    fewer = "&".join(f"run={run}" for run in made["runs"][1:])
    narrowed = (await site.json(f"/api/v1/compare?{fewer}&group=model"))["comparison"]
    assert not any(one["planned"] for one in narrowed["contrasts"])
    assert any("Planned, but not among the differences here" in note for note in narrowed["notes"])

    worst = (await site.json(f"/api/v1/compare?{address}&answers=worst"))["comparison"]
    assert not any(one["planned"] for one in worst["contrasts"])
    assert any("here they count otherwise" in note for note in worst["notes"])


async def test_runs_added_later_are_named_and_results_given_without_them(site: Site) -> None:
    made = await launched(site, **GRID, plan=PLAN)
    await play_all(site)
    answer = await site.client.post(f"/api/v1/experiments/{made['experiment']}/seeds", json={"seeds": [5, 6]})
    assert answer.status_code == 201, answer.text
    more = answer.json()
    assert await play_all(site) == more["runs"]
    address = f"experiment={made['experiment']}&group=model&reference=scripted%3A+greedy"
    comparison = (await site.json(f"/api/v1/compare?{address}"))["comparison"]
    assert set(comparison["added"]) == set(more["runs"])
    assert any("4 runs were added after the plan was frozen (seeds 5, 6)" in note for note in comparison["notes"])
    assert any("The plan has 4 complete runs a cell" in note for note in comparison["notes"])
    only = (await site.json("/api/v1/compare?group=model&reference=scripted%3A+greedy&" + "&".join(
        f"run={run}" for run in made["runs"]
    )))["comparison"]  # fmt: skip
    expected = [one for one in only["contrasts"] if one["planned"]]
    assert len(expected) == 2
    assert comparison["without_added"] == expected
    assert "Planned contrasts without the 4 runs added later" in (await site.page(f"/compare?{address}")).text
    assert (
        "Added after the plan was frozen: 4 runs" in (await site.page(f"/experiments/{made['experiment']}/plan")).text
    )


async def test_a_plan_frozen_with_all_results_at_hand_plans_nothing(site: Site) -> None:
    made = await launched(site, **GRID)
    await play_all(site)
    path = f"/experiments/{made['experiment']}/plan"
    assert "Nothing is planned yet" in (await site.page(path)).text
    answer = await site.client.post(path, data={"plan": toml_text(PLAN), "version": "0"})
    assert answer.status_code == 303, answer.text
    assert "frozen after 8 of 8 runs had ended" in (await site.page(path)).text
    comparison = (await site.json(f"/api/v1/compare?experiment={made['experiment']}&group=model"))["comparison"]
    assert not any(one["planned"] for one in comparison["contrasts"])
    assert any("All results were known" in note for note in comparison["notes"])


async def test_versions_never_change_and_another_says_why(site: Site) -> None:
    made = await launched(site, **GRID, plan=PLAN)
    path = f"/api/v1/experiments/{made['experiment']}/plan"
    changed = PLAN | {"alpha": 0.01}
    for wish, status in (
        ({"plan": changed, "version": 0, "reason": "late"}, 409),
        ({"plan": changed, "version": 1}, 422),
        ({"plan": PLAN, "version": 1, "reason": "again"}, 422),
        ({"plan": PLAN | {"contrasts": []}, "version": 1, "reason": "none"}, 422),
    ):
        assert (await site.client.post(path, json=wish)).status_code == status, wish
    before = (await site.json(path))["versions"]
    made_now = await site.client.post(path, json={"plan": changed, "version": 1, "reason": "more tests than thought"})
    assert made_now.status_code == 201, made_now.text
    after = (await site.json(path))["versions"]
    assert after[:1] == before
    assert (after[1]["version"], after[1]["reason"]) == (2, "more tests than thought")
    assert (await site.client.post("/api/v1/experiments/xzzzzzzz/plan", json={"plan": PLAN})).status_code == 404


async def test_what_is_wrong_with_the_form_stands_beside_it(site: Site) -> None:
    made = await launched(site, **GRID)
    path = f"/experiments/{made['experiment']}/plan"
    for text, complaint in (("hypotheses = [", "This is no TOML"), ("hypotheses = []", "hypotheses")):
        answer = await site.client.post(path, data={"plan": text, "version": "0"})
        assert answer.status_code == 422
        assert complaint in answer.text
        assert text.replace('"', "&#34;") in answer.text
    assert (await site.json(f"/api/v1{path}"))["versions"] == []


async def test_seeds_are_added_once_and_wrong_ones_are_refused(site: Site) -> None:
    made = await launched(site, **GRID)
    path = f"/experiments/{made['experiment']}/seeds"
    for text, complaint in (
        ("4-5", "runs of seed 4 already"),
        ("x", "is no seed"),
        ("5, 5", "named twice"),
        ("", "one"),
    ):
        answer = await site.client.post(path, data={"seeds": text})
        assert (answer.status_code, complaint in answer.text) == (422, True), text
    assert (await site.client.post(path, data={"seeds": "5-6"})).status_code == 303
    assert (await site.client.post(path, data={"seeds": "5-6"})).status_code == 422
    runs = (await site.json(f"/api/v1/experiments/{made['experiment']}"))["runs"]
    assert sorted(run["seed"] for run in runs) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert {run["model_label"] for run in runs if run["seed"] > 4} == {"A", "scripted random"}
    assert (await site.client.post("/api/v1/experiments/xzzzzzzz/seeds", json={"seeds": [5]})).status_code == 404


async def test_compared_runs_are_pilots(site: Site) -> None:
    made = await launched(site, **GRID)
    await play_all(site)
    address = f"experiment={made['experiment']}&group=model&reference=scripted%3A+greedy"
    found = await site.json(f"/api/v1/compare/power?{address}&n=5")
    assert [(one["metric"], one["group"], one["power"]["n"]) for one in found] == [
        (metric, "scripted: random", 5) for metric in ("survival_rate", "survival_time", "gain")
    ]
    assert found[0]["power"]["smallest"] == 2 / 252
    rate, *others = (one["power"] for one in found)
    assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1
    for other in others:
        alike = "of the group and of the reference are alike" in other["note"]
        assert 0 <= other["value"] <= 1
        assert (other["low"] is None) == (other["high"] is None) == alike
    page = await site.page(f"/compare/power?{address}&n=5")
    assert "With 5 against 5 runs no two-sided p below 0.0079 exists." in page.text
    assert (await site.page(f"/compare?{address}")).one("a", href=f"/compare/power?{address}")
    assert (await site.client.get(f"/compare/power?{address}&n=0")).status_code == 422
    assert (await site.client.get("/compare/power")).status_code == 404
