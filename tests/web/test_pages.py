"""Home, experiment, settings and methods pages; and the contract between contexts and templates."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from jinja2 import meta, nodes

from app.commons.metrics import episode_metrics, harvests
from app.jobs.calls import calls_of
from app.store.workers import WorkerReport, report_worker
from app.web import format as say
from app.web.contexts import operations, subskills
from app.web.contexts import pages as contexts
from app.web.contexts.launch import LaunchPage
from app.web.contexts.methods import MethodsPage
from app.web.contexts.search import SearchPage
from app.web.launch_form import Form
from app.web.pages import ErrorPage
from app.web.routes.run_page import Run
from app.web.samples import sample_configs
from tests.support import played, scripted_config
from tests.web.conftest import BASE, Site, open_site
from tests.web.page import parse

FRAME = {"section", "flash", "share", "theme"}
TEMPLATES = {
    "home": contexts.HomePage,
    "launch": LaunchPage,
    "runs": contexts.RunsPage,
    "search": SearchPage,
    "deleted": contexts.DeletedPage,
    "experiment": contexts.ExperimentPage,
    "shares": contexts.SharesPage,
    "subskills": subskills.SubskillsPage,
    "subskill_run": subskills.SubskillRunPage,
    "subskill_case": subskills.SubskillCasePage,
    "settings": contexts.SettingsPage,
    "operations": operations.OperationsPage,
    "methods": MethodsPage,
    "login": contexts.LoginPage,
    "import": contexts.ImportPage,
    "error": ErrorPage,
    "run": Run,
}


async def test_templates_use_exactly_what_their_contexts_declare(site: Site) -> None:
    environment = site.services.templates.environment
    assert environment.loader is not None
    for name, context in TEMPLATES.items():
        source, _, _ = environment.loader.get_source(environment, f"pages/{name}.html")
        tree = environment.parse(source)
        used = meta.find_undeclared_variables(tree) - set(environment.globals) - FRAME
        used -= {macro.name for macro in tree.find_all(nodes.Macro)}
        used -= {item.target for item in tree.find_all(nodes.Import)}
        used -= {given for item in tree.find_all(nodes.FromImport) for given in item.names}
        used -= {item.target.name for item in tree.find_all(nodes.Assign) if isinstance(item.target, nodes.Name)}
        declared = {field.name for field in dataclasses.fields(context)}
        assert used <= declared, f"{name}.html uses {used - declared}"
        assert declared <= used, f"{name}.html leaves out {declared - used}"


async def test_an_empty_home_page_offers_the_samples(site: Site) -> None:
    page = await site.page("/")
    assert page.all("form", action="/samples") and "No run has ended yet" in page.one("main").text
    assert page.one("html").attributes["lang"] == "en"


async def test_one_click_starts_three_samples_once(site: Site) -> None:
    form = (await site.page("/")).all("form", action="/samples")[0]
    data = {"submission": form.one("input", name="submission").attributes["value"]}
    places = {(await site.client.post("/samples", data=data)).headers["location"] for _ in range(2)}
    page = await site.page(places.pop())
    assert not places and len(page.one("section", id="runs").one("tbody").all("tr")) == 3
    assert len((await site.page("/")).one("section", id="live").classed("run-card")) == 3


async def test_the_samples_end_differently() -> None:
    thriving, ruined, poor = [
        episode_metrics(harvests(await played(config)), config.game, config.names) for config in sample_configs()
    ]
    assert thriving.survived and thriving.efficiency == 1 and thriving.equality == 1
    assert ruined.collapsed and ruined.months_played <= 6
    assert poor.survived and poor.efficiency is not None and poor.efficiency < 0.7


async def test_a_home_page_shows_what_came_out(site: Site) -> None:
    ids = await site.play(scripted_config(("fair-share",) * 5), scripted_config())
    page = await site.page("/")
    assert {card.attributes["href"] for card in page.classed("run-card")} == {f"/runs/{run}" for run in ids}
    for drawing in page.classed("spark"):
        assert drawing.attributes["role"] == "img" and "of 100" in drawing.attributes["aria-label"]


async def test_an_experiment_shows_its_runs_and_one_chart(site: Site) -> None:
    await site.play(*(scripted_config(seed=seed) for seed in (1, 2)), experiment="<b>two</b>")
    [experiment] = (await site.json("/api/v1/experiments"))["experiments"]
    page = await site.page(f"/experiments/{experiment['id']}")
    assert page.one("h1").text == "<b>two</b>"
    chart = page.classed("chart")[0]
    assert (await site.json(chart.attributes["data-chart"]))["data"]
    assert len(chart.one("tbody").all("tr")) == 2
    assert page.one("progress").attributes["value"] == page.one("progress").attributes["max"]
    assert (await site.page("/experiments/x2222222", 404)).one("h1").text == "Not found"


async def test_an_experiment_that_waits_says_so(site: Site) -> None:
    await site.queue(scripted_config(seed=1), experiment="later")
    [experiment] = (await site.json("/api/v1/experiments"))["experiments"]
    page = await site.page(f"/experiments/{experiment['id']}")
    assert "The chart appears with the first harvest." in page.text
    assert page.one("section", id="runs").attributes["data-fresh"] == "on"


async def test_settings_show_which_keys_are_there_and_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MISTRAL_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MISTRAL_API_KEY", "sk-never-to-be-shown")
    async with open_site(tmp_path) as site:
        text = (await site.client.get("/settings")).text
    assert "sk-never" not in text
    page = parse(text)
    assert "PAID_TEST_KEY is missing" in page.text
    assert "none needed" in page.text
    assert "local/echo" in page.text
    lines = {
        row.one("th").text: row.all("td")[-1].text
        for row in page.one("table", class_="table table--compact").one("tbody").all("tr")
    }
    assert (lines["mistral"], lines["gemini"]) == ("set", "missing")


async def test_settings_say_what_is_known_of_a_model(tmp_path: Path) -> None:
    models = tmp_path / "known.toml"
    models.write_text(
        '[endpoints.local]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["echo", "other"]\ncontext_tokens = 8192\n'
        '[[endpoints.local.prices]]\nmodel = "echo"\ninput_per_mtok = 0.15\noutput_per_mtok = 2\n'
    )
    async with open_site(tmp_path, models_file=models) as site:
        page = await site.page("/settings")
    [echo, other] = [item.text for item in page.one("td", data_label="Models").all("li")]
    assert echo == "local/echo $0.15 in, $2.00 out a million tokens; 8,192 tokens long"
    assert other == "local/other 8,192 tokens long"


async def test_methods_list_the_api(site: Site) -> None:
    page = await site.page("/methods")
    listed = {row.all("td")[1].text for row in page.all("tbody")[-1].all("tr")}
    assert listed == set((await site.json("/api/openapi.json"))["paths"])


async def test_every_page_has_its_own_title_and_one_heading(site: Site) -> None:
    [run] = await site.play()
    titles = set()
    for path in ("/", "/launch", "/runs", f"/runs/{run}", "/shares", "/settings", "/methods"):
        page = await site.page(path)
        titles.add(page.one("title").text)
        assert len(page.all("h1")) == 1, path
        assert page.one("main").attributes["id"] == "main"
    assert len(titles) == 7


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0"), (120.0, "120"), (98.44, "98.4"), (1234.5, "1,234.5"), (100, "100")]
)
def test_amounts(value: float | None, text: str) -> None:
    assert say.number(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(None, "–"), (0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.999, ">99 %"), (0.001, "<1 %"), (0.7512, "75 %")],
)
def test_ratios_never_round_to_all_or_nothing(ratio: float | None, text: str) -> None:
    assert say.percent(ratio) == text


def test_moments_are_written_in_utc() -> None:
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert say.moment(moment) == "28 Feb 2026, 23:30 UTC"
    assert say.iso(moment) == "2026-02-28T23:30:00Z"
    assert say.moment(None) == "–"
    assert say.iso(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("dollars", "unpriced", "text"),
    [
        (None, 3, "cost unknown"),
        (None, 0, "$0"),
        (0.004, 0, "<$0.01"),
        (1.5, 0, "$1.50"),
        (1.5, 1, "$1.50 and 1 call of unknown price"),
    ],
)
def test_unknown_prices_are_never_nothing(dollars: float | None, unpriced: int, text: str) -> None:
    assert say.cost(dollars, unpriced) == text


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ({"mind": "generative:local/echo"}, 852),
        ({"mind": "generative:local/echo", "ratings": "batched"}, 492),
        ({"mind": "generative:local/echo", "embedding": "local/vectors"}, 852 + 19 * 12),
        ({"mind": "generative:local/echo", "condition": "no_communication"}, 60),
        ({"mind": "generative:local/echo", "months": "1"}, 71),
        ({"mind": "scripted:greedy"}, 0),
        ({"mind": "scripted:greedy", "mind_1": "generative:local/echo", "framework": "scripted"}, 166),
    ],
)
def test_calls_are_counted_as_the_standard_episode_makes_them(fields: dict[str, str], calls: int) -> None:
    checked = Form(fields).check(lambda name, kind="chat": None)
    assert checked is not None
    assert calls_of(checked[1][0]) == calls


async def test_a_check_tells_beside_each_model_whether_it_answered(site: Site) -> None:
    assert "Check all models" in (await site.page("/settings")).text
    answer = await site.client.post("/settings/check", headers={"Origin": BASE})
    assert answer.status_code == 200
    text = parse(answer.text).text
    assert "Endpoint 'local' could not be reached at 127.0.0.1:9" in text
    assert "Endpoint 'paid' needs its key: set PAID_TEST_KEY" in text


async def test_a_queue_that_nobody_works_on_is_said(site: Site) -> None:
    assert "No worker is running" not in (await site.page("/")).text
    await site.queue(scripted_config(), scripted_config(seed=2))
    for path in ("/", "/runs"):
        assert "No worker is running: 2 queued runs wait" in (await site.page(path)).text
    me = WorkerReport(id="w", role="worker", host="a", pid=1, version="1", capacity=8)
    await report_worker(site.database, me)
    for path in ("/", "/runs"):
        assert "No worker is running" not in (await site.page(path)).text
    assert (await site.json("/healthz"))["workers"] == 1
