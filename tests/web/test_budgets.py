"""Budgets on pages and in the API: shown, changed, refused; never through a link."""

from typing import Any

import pytest
from sqlalchemy import insert, update

from app.store.connect import Database
from app.store.queries import run_log
from app.store.records import Budget
from app.store.runs import get_run, launch, now
from app.store.tables import RunRow, UsageDayRow
from tests.support import scripted_config
from tests.web.conftest import Site, open_site
from tests.web.page import parse
from tests.web.test_launch import count, filled

SPENT = {"calls": 852, "prompt_tokens": 180_000, "completion_tokens": 23_418, "cost": 0.41}


async def store(database: Database, budget: Budget, shared: Budget = Budget(), **columns: Any) -> tuple[str, str]:  # noqa: B008
    """Store a run that has spent SPENT, in an experiment, and return the ids of both."""
    experiment, [run_id] = await launch(
        database,
        [scripted_config()],
        prompt_sets={},
        engine_version="1",
        experiment="x",
        budget=budget,
        shared=shared,
    )
    async with database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**SPENT | columns))
    return run_id, experiment or ""


PAUSED = {"state": "paused", "reason_kind": "budget", "reason": "Budget of 200,000 tokens reached."}


async def test_a_run_page_shows_its_budget_and_raising_it_lets_the_run_go_on(site: Site) -> None:
    run_id, _ = await store(site.database, Budget(tokens=200_000, cost=5), **PAUSED)
    page = await site.page(f"/runs/{run_id}")
    tokens, cost = page.all("meter")
    assert (tokens.attributes["max"], tokens.attributes["value"]) == ("200000", "200000")
    assert tokens.attributes["aria-label"] == "Run budget used: 203,418 of 200,000 tokens"
    assert cost.attributes["aria-label"] == "Run budget used: $0.41 of $5.00"
    form = page.one("form", action=f"/runs/{run_id}/budget")
    assert form.one("input", name="tokens").attributes["value"] == "200,000"
    assert "paused: budget" in (await site.page("/runs")).one("tbody").text

    answer = await site.client.post(f"/runs/{run_id}/budget", data={"tokens": "300,000", "cost": "$5"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run_id}")
    run = await get_run(site.database, run_id)
    assert (run.state, run.budget, run.reason) == ("queued", Budget(tokens=300_000, cost=5), None)
    assert "Budget: 300,000 tokens or $5.00." in [entry.text for entry in await run_log(site.database, run_id)]


@pytest.mark.parametrize(
    ("tokens", "cost", "wrong"),
    [
        ("", "", {"tokens": "To take the budget off, use Remove."}),
        ("0", "", {"tokens": "Give at least 1."}),
        ("-3", "0", {"tokens": "Give at least 1.", "cost": "Give more than 0."}),
        ("many", "nan", {"tokens": "Write a whole number of tokens", "cost": "Write an amount in US dollars"}),
        ("9" * 30, "1e300", {"tokens": "Give at most", "cost": "Give at most"}),
        ("1.5", "<b>", {"tokens": "Write a whole number", "cost": "Write an amount in US dollars"}),
    ],
)
async def test_what_is_no_budget_is_named_beside_its_field_and_changes_nothing(
    site: Site, tokens: str, cost: str, wrong: dict[str, str]
) -> None:
    run_id, experiment = await store(site.database, Budget(tokens=200_000), **PAUSED)
    for path in (f"/runs/{run_id}", f"/experiments/{experiment}"):
        answer = await site.client.post(f"{path}/budget", data={"tokens": tokens, "cost": cost})
        assert answer.status_code == 422 and "<b>" not in answer.text.partition("budget-cost")[2][:300]
        page = parse(answer.text)
        for field in ("tokens", "cost"):
            said = page.one("p", id=f"error-budget-{field}")
            assert ("hidden" in said.attributes) == (field not in wrong)
            assert wrong.get(field, "") in said.text
            typed = page.one("input", id=f"budget-{field}")
            assert typed.attributes["value"] == {"tokens": tokens, "cost": cost}[field]
            assert ("aria-invalid" in typed.attributes) == (field in wrong)
    run = await get_run(site.database, run_id)
    assert (run.state, run.budget) == ("paused", Budget(tokens=200_000))


async def test_a_budget_is_removed_and_a_run_that_is_over_takes_none(site: Site) -> None:
    run_id, _ = await store(site.database, Budget(tokens=200_000), **PAUSED)
    assert (await site.client.post(f"/runs/{run_id}/budget", data={"remove": "1"})).status_code == 303
    run = await get_run(site.database, run_id)
    assert (run.state, run.budget) == ("queued", Budget())
    over, _ = await store(site.database, Budget(tokens=5), state="finished")
    assert not (await site.page(f"/runs/{over}")).all("form", action=f"/runs/{over}/budget")
    assert (await site.client.post(f"/runs/{over}/budget", data={"tokens": "5"})).status_code == 409


async def test_an_experiment_s_budget_is_shown_and_changed(site: Site) -> None:
    run_id, experiment = await store(site.database, Budget(), Budget(tokens=200_000), **PAUSED)
    page = await site.page(f"/experiments/{experiment}")
    assert page.one("meter").attributes["aria-label"] == "Experiment budget used: 203,418 of 200,000 tokens"
    assert "paused: budget" in page.one("section", id="progress").text
    twin = await site.json(f"/api/v1/experiments/{experiment}")
    assert twin["budget"] == {"tokens": 200_000, "cost": None}
    assert twin["spent"]["prompt_tokens"] == 180_000
    answer = await site.client.post(f"/experiments/{experiment}/budget", data={"tokens": "1,000,000", "cost": ""})
    assert answer.status_code == 303
    assert (await get_run(site.database, run_id)).state == "queued"


async def test_the_api_changes_what_is_named_and_says_what_goes_on(site: Site) -> None:
    run_id, experiment = await store(site.database, Budget(tokens=200_000, cost=9), Budget(tokens=210_000), **PAUSED)
    changed = await site.client.post(f"/api/v1/runs/{run_id}/budget", json={"tokens": 203_418})
    assert changed.json() | {"reason": ""} == {
        "id": run_id, "budget": {"tokens": 203_418, "cost": 9.0}, "state": "paused", "reason": ""
    }  # fmt: skip
    assert changed.json()["reason"].startswith(
        "The budget of 203,418 tokens or $9.00 is used up as well (203,418 tokens"
    )
    changed = await site.client.post(f"/api/v1/runs/{run_id}/budget", json={"tokens": None})
    assert changed.json() == {
        "id": run_id, "budget": {"tokens": None, "cost": 9.0}, "state": "queued", "reason": None
    }  # fmt: skip
    assert (await site.json(f"/api/v1/runs/{run_id}"))["budget"] == {"tokens": None, "cost": 9.0}
    changed = await site.client.post(f"/api/v1/experiments/{experiment}/budget", json={"tokens": None})
    assert changed.json() == {"id": experiment, "budget": {"tokens": None, "cost": None}, "resumed": []}
    for wrong in (
        {},
        {"tokens": 0},
        {"cost": -1},
        {"tokens": "many"},
        {"tokens": True},
        {"cost": 1e300},
        {"dollars": 5},
        [],
    ):
        refused = await site.client.post(f"/api/v1/runs/{run_id}/budget", json=wrong)
        assert refused.status_code == 422 and refused.json()["error"]["code"] == "invalid", wrong
    for path in ("/api/v1/runs/r2222222/budget", "/api/v1/experiments/x2222222/budget"):
        assert (await site.client.post(path, json={"tokens": 5})).status_code == 404


async def test_a_link_shows_no_budget(site: Site) -> None:
    run_id, _ = await store(site.database, Budget(tokens=200_000), **PAUSED)
    made = await site.client.post(f"/api/v1/runs/{run_id}/shares", json={"scope": "follow"})
    page = await site.page(made.json()["link"].removeprefix("http://127.0.0.1:8000"))
    assert not page.all("meter") and not page.classed("budget-meter") and "Change budget" not in page.text


async def test_a_launch_takes_budgets_and_refuses_wrong_ones_inline(site: Site) -> None:
    values = filled(await site.page("/launch")) | {"mind": "generative:local/echo", "seeds": "1-2"}
    for field, text, said in (
        ("budget_tokens", "0", "Give at least 1."),
        ("experiment_budget_tokens", "1e3", "Write a whole number of tokens"),
        ("budget_cost", "5", "the price of local/echo is unknown"),
        ("experiment_budget_cost", "-5", "Give more than 0."),
    ):
        answer = await site.client.post("/launch", data=values | {field: text})
        assert answer.status_code == 422
        page = parse(answer.text)
        assert said in page.one("p", id=f"error-{field}").text
        assert page.one("input", id=field).attributes["value"] == text
    assert await count(site) == 0
    answer = await site.client.post(
        "/launch", data=values | {"budget_tokens": "200,000", "experiment_budget_tokens": "300 000"}
    )
    twin = await site.json("/api/v1" + answer.headers["location"])
    assert twin["budget"] == {"tokens": 300_000, "cost": None}
    assert [run["budget"]["tokens"] for run in twin["runs"]] == [200_000, 200_000]
    assert filled(await site.page(f"/launch?from={twin['runs'][0]['id']}"))["budget_tokens"] == "200,000"


async def test_the_form_and_the_api_say_what_a_launch_would_use(site: Site) -> None:
    page = await site.page("/launch?mind=generative:local/echo&seeds=1-3&budget_tokens=100000")
    shown = page.one("dl", id="estimate-lines").text
    assert "Tokens in" in shown and "no price for local/echo" in shown
    assert "A run will pause before it is over." in shown
    told = await site.json("/launch/estimate?mind=generative:local/echo&seeds=1-3&budget_tokens=100000")
    assert dict(told["lines"])["Of a run's budget"] in shown
    plan = {"minds": ["generative:local/echo"], "seeds": [1, 2, 3]}
    twin = (await site.client.post("/api/v1/estimate", json=plan)).json()
    assert (twin["runs"], twin["total"]["calls"], twin["each"]["cost"]) == (3, 2556, None)
    assert twin["unpriced"] == ["local/echo"] and twin["source"]
    refused = await site.client.post("/api/v1/estimate", json=plan | {"budget_cost": 5})
    assert refused.status_code == 422 and list(refused.json()["error"]["fields"]) == ["budget_cost"]
    assert await count(site) == 0


async def test_home_and_settings_say_when_the_day_s_budget_is_used_up(tmp_path: Any) -> None:
    async with open_site(tmp_path, daily_tokens=1000) as site:
        assert (await site.json("/api/v1/budget"))["used_up"] is False
        assert "budget for today" not in (await site.page("/")).text
        async with site.database.write() as connection:
            await connection.execute(
                insert(UsageDayRow).values(day=now().date().isoformat(), subject="r2222222", unpriced=0, **SPENT)
            )
        day = await site.json("/api/v1/budget")
        assert (day["used_up"], day["tokens"], day["budget"]) == (True, 203_418, {"tokens": 1000, "cost": None})
        assert "The budget for today is used up." in (await site.page("/")).text
        page = await site.page("/settings")
        assert page.one("meter").attributes["aria-label"] == "Day budget used: 203,418 of 1,000 tokens"
