import re

import pytest

from app.commons.scenario import conditions, departures
from app.store.queries import RunFilter, list_runs
from app.store.runs import get_run
from app.web.launch_form import DEFAULTS, Form, form_of
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import Site
from tests.web.page import Element
from tests.web.test_api import HOSTILE, store_with_calls

database_kind = on_both


def filled(page: Element) -> dict[str, str]:
    """Return the launch form as a browser would send it untouched."""
    form = page.one("form", class_="split launch")
    values = {}
    for item in form.all("input"):
        kind = item.attributes.get("type", "text")
        if kind not in ("radio", "checkbox") or "checked" in item.attributes:
            values[item.attributes["name"]] = item.attributes.get("value", "")
    for item in form.all("select"):
        options = item.all("option")
        chosen = next((option for option in options if "selected" in option.attributes), options[0])
        values[item.attributes["name"]] = chosen.attributes["value"]
    return values


async def count(site: Site) -> int:
    return (await list_runs(site.database, RunFilter()))[1]


async def test_the_form_as_it_comes_launches_a_run_without_scripts(site: Site) -> None:
    values = filled(await site.page("/launch"))
    response = await site.client.post("/launch", data=values)
    assert response.status_code == 303
    run = await get_run(site.database, response.headers["location"].removeprefix("/runs/"))
    assert (run.state, run.scenario, run.condition, run.seed) == ("queued", "fishery", "default", 42)
    assert run.minds == "scripted"


async def test_sending_the_form_twice_launches_once(site: Site) -> None:
    values = filled(await site.page("/launch")) | {"seeds": "1-3"}
    places = {(await site.client.post("/launch", data=values)).headers["location"] for _ in range(3)}
    assert len(places) == 1 and places.pop().startswith("/experiments/")
    assert await count(site) == 3


async def test_each_opened_form_is_another_launch(site: Site) -> None:
    for _ in range(2):
        await site.client.post("/launch", data=filled(await site.page("/launch")))
    assert await count(site) == 2


async def test_wrong_fields_are_named_where_they_are_and_nothing_is_lost(site: Site) -> None:
    values = filled(await site.page("/launch")) | {
        "seeds": "one, two",
        "months": "many",
        "capacity": "100",
        "initial_stock": "200",
        "scenario": "pasture",
        "name": HOSTILE,
    }
    response = await site.client.post("/launch", data=values)
    assert response.status_code == 422 and await count(site) == 0
    from tests.web.page import parse

    page = parse(response.text)
    for field in ("seeds", "months", "initial_stock"):
        error = page.one("p", id=f"error-{field}")
        assert error.text and "hidden" not in error.attributes
        assert page.one("input", id=field).attributes["aria-invalid"] == "true"
    assert page.one("p", id="error-growth").text == ""
    assert page.one("input", id="seeds").attributes["value"] == "one, two"
    assert page.one("input", id="name").attributes["value"] == HOSTILE
    assert "checked" in page.one("input", value="pasture").attributes
    assert page.one("input", name="submission").attributes["value"] == values["submission"]
    assert "open" in page.one("details", class_="card disclosure").attributes
    assert "<script>alert" not in response.text


async def test_agents_may_differ(site: Site) -> None:
    values = filled(await site.page("/launch")) | {"mind": "scripted:greedy", "mind_2": "generative:local/echo"}
    response = await site.client.post("/launch", data=values)
    run = await get_run(site.database, response.headers["location"].removeprefix("/runs/"))
    assert [agent.mind.type for agent in run.episode.agents] == ["scripted", "generative"] + ["scripted"] * 3
    assert run.minds == "mixed" and run.episode.framework.type == "generative"


async def test_only_models_that_can_be_asked_are_offered(site: Site) -> None:
    page = await site.page("/launch")
    offered = {option.attributes["value"] for option in page.one("select", id="mind").all("option")}
    assert {"generative:local/echo", "generative:local/other", "scripted:greedy"} <= offered
    assert not any("paid" in value for value in offered)
    assert "PAID_TEST_KEY" in page.one("main").text


async def test_a_clone_launches_the_same_configuration(site: Site) -> None:
    config = scripted_config(("greedy", "greedy", "random", "fair-share", "greedy"), scenario="pollution", seed=9)
    [run] = await site.queue(config)
    values = filled(await site.page(f"/launch?from={run}"))
    response = await site.client.post("/launch", data=values)
    copy = await get_run(site.database, response.headers["location"].removeprefix("/runs/"))
    assert copy.config_hash == config.hash


async def test_an_imported_run_can_be_copied_but_for_its_minds(site: Site) -> None:
    run = await store_with_calls(site, name="log")
    page = await site.page(f"/launch?from={run}")
    assert page.one("select", id="mind").all("option", selected="")[0].attributes["value"]


async def test_a_copy_of_nothing_is_an_empty_form_with_a_notice(site: Site) -> None:
    page = await site.page("/launch?from=r2222222")
    assert "r2222222" in page.classed("notice")[0].text
    assert filled(page)["seeds"] == "42"


async def test_the_estimate_speaks_of_calls_and_of_what_is_wrong(site: Site) -> None:
    free = await site.json("/launch/estimate?seeds=1-4")
    assert free == {
        "count": 4,
        "text": "4 runs, no model calls: nothing to pay.",
        "lines": [],
        "source": "",
        "notes": [],
        "errors": {},
    }
    asked = await site.json("/launch/estimate?mind=generative:local/echo&seeds=1,2")
    assert "about 1,704 model calls, 852 each" in asked["text"]
    wrong = await site.json("/launch/estimate?months=0")
    assert (wrong["count"], wrong["text"]) == (0, None) and "months" in wrong["errors"]


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("1", [1]),
        ("1, 2,3", [1, 2, 3]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("1 - 3, 9", [1, 2, 3, 9]),
        ("7 8;9", [7, 8, 9]),
        ("0–2", [0, 1, 2]),
        ("", None),
        ("x", None),
        ("1.5", None),
        ("5-1", None),
        ("0-100000000", None),
        ("1-150,200-300", None),
        ("-4", None),
        ("2147483648", None),
        ("3,3", None),
    ],
)
def test_seeds_are_read_as_people_write_them(text: str, seeds: list[int] | None) -> None:
    form = Form({"seeds": text})
    checked = form.check(lambda name, kind="chat": None)
    if seeds is None:
        assert checked is None and form.errors["seeds"]
    else:
        assert checked is not None and [config.seed for config in checked[1]] == seeds


@pytest.mark.parametrize("field", [name for name in DEFAULTS if name != "name"])
def test_nonsense_in_any_field_is_a_sentence_not_a_crash(field: str) -> None:
    for text in ("\x00", "nan", "1e999", "-1", "😀" * 2000, "' OR 1=1", "a,a", "generative:", "../../etc"):
        form = Form({field: text})
        checked = form.check(lambda name, kind="chat": None)
        assert (checked is None) == bool(form.errors)
        for sentence in form.errors.values():
            assert len(sentence) < 400 and sentence.endswith(".")


def test_numbers_of_the_game_reach_the_configuration() -> None:
    form = Form({"capacity": "200", "initial_stock": "150", "growth": "1.5", "collapse_threshold": "7", "months": "3"})
    checked = form.check(lambda name, kind="chat": None)
    assert checked is not None
    game = checked[1][0].game
    assert (game.capacity, game.initial_stock, game.growth) == (200, 150, 1.5)
    assert (game.collapse_threshold, game.months) == (7, 3)


def test_a_form_of_a_configuration_makes_it_again() -> None:
    form = Form({"mind": "generative:local/echo", "mind_3": "scripted:random", "names": "Ann, Bo, Cy", "top_p": ""})
    checked = form.check(lambda name, kind="chat": None)
    assert checked is not None
    again = Form(form_of(checked[1][0])).check(lambda name: None)
    assert again is not None and again[1] == checked[1]


async def test_every_field_that_can_be_wrong_has_a_place_for_its_error(site: Site) -> None:
    page = await site.page("/launch")
    places = {item.attributes["id"].removeprefix("error-") for item in page.all("p") if "id" in item.attributes}
    assert set(DEFAULTS) - {"mind", "names"} | {"minds", "agents"} <= places
    for item in page.all("input") + page.all("select"):
        if item.attributes.get("type") not in ("hidden", "radio"):
            assert re.fullmatch(r"[a-z_0-9]+", item.attributes["id"])
            assert page.all("label", for_=item.attributes["id"]), f"{item.attributes['id']} has no label"


def test_ratings_and_embeddings_go_into_the_minds_and_back_into_the_form() -> None:
    form = Form({"mind": "generative:local/echo", "ratings": "batched", "embedding": "local/vectors"})
    checked = form.check(lambda name, kind="chat": None)
    assert checked is not None
    minds = [agent.mind for agent in checked[1][0].agents]
    assert {(mind.ratings, mind.embedding) for mind in minds} == {("batched", "local/vectors")}
    assert form_of(checked[1][0]).items() >= {"ratings": "batched", "embedding": "local/vectors"}.items()


async def test_an_embedding_model_that_is_not_there_is_told_beside_its_field(site: Site) -> None:
    answer = await site.json("/launch/estimate?mind=generative:local/echo&embedding=local/echo")
    assert "offers no embedding model 'echo'" in answer["errors"]["embedding"]


DETAILS = {
    "condition": "newcomer",
    "talk": "no",
    "observe_others": "yes",
    "disclose": "months,allocation",
    "fidelity": "oldest_most_recent",
    "personas": '[Kate]\ndescription = "Calm."\ngoals = ["rest"]\n',
    "months": "7",
}


async def test_the_details_of_a_condition_reach_the_run_and_its_clone(site: Site) -> None:
    values = filled(await site.page("/launch")) | DETAILS
    values |= {"disclose": ["months", "allocation"]}
    response = await site.client.post("/launch", data=values)
    assert response.status_code == 303
    run = await get_run(site.database, response.headers["location"].removeprefix("/runs/"))
    config = run.episode
    assert [phase.type for phase in config.phases] == ["observe", "harvest", "settle", "others", "home", "regrow"]
    assert (config.disclose, config.fidelity) == (("allocation", "months"), ("oldest_most_recent",))
    assert (config.agents[1].description, config.agents[4].joins, config.game.months) == ("Calm.", 4, 7)
    page = await site.page(f"/launch?from={run.id}")
    assert "checked" in page.one("input", id="fidelity_oldest_most_recent").attributes
    ticked = [item for item in page.all("input", type="checkbox") if "checked" in item.attributes]
    assert {item.attributes["value"] for item in ticked} == {"months", "allocation", "oldest_most_recent"}
    assert '["Kate"]' in page.one("textarea", id="personas").text
    again = Form(form_of(config)).check(lambda name: None)
    assert again is not None and again[1] == [config]


async def test_a_newcomer_launches_with_15_months_if_none_are_given(site: Site) -> None:
    values = filled(await site.page("/launch")) | {"condition": "newcomer"}
    response = await site.client.post("/launch", data=values)
    run = await get_run(site.database, response.headers["location"].removeprefix("/runs/"))
    assert run.months == 15
    assert "15 under “Newcomer”" in (await site.page("/launch")).one("main").text


async def test_the_estimate_counts_the_months_that_agents_are_there(site: Site) -> None:
    asked = await site.json("/launch/estimate?mind=generative:local/echo&condition=newcomer")
    # Three months of four agents, with 9 utterances all the same, and twelve of five.
    four, five = 4 + 9 + 2 + 4 * 5 + 4 * 6, 5 + 9 + 2 + 5 * 5 + 5 * 6
    assert f"about {3 * four + 12 * five:,} model calls" in asked["text"]


@pytest.mark.parametrize("condition", list(conditions()))
def test_every_condition_can_be_launched_and_cloned(condition: str) -> None:
    checked = Form({"condition": condition}).check(lambda name: None)
    assert checked is not None
    again = Form(form_of(checked[1][0])).check(lambda name: None)
    assert again is not None and again[1] == checked[1]
    assert departures(checked[1][0]) == ()
