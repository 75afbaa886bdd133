"""The methods page: each metric has its place, its formula and its interval, and the versions are those in force."""

from app import __version__
from app.engine.version import ENGINE_VERSION
from app.web import urls
from app.web.api.schemas import RunMetrics
from app.web.contexts.methods import METRICS
from tests.support import scripted_config
from tests.web.conftest import Site
from tests.web.page import Element

# What the API tells of a run that is no metric of its own, or is defined under another name.
ELSEWHERE = {
    "months_played": "survival_time",
    "collapsed": "survived",
    "censored": "survived",
    "gains": "gain",
    "total_gain": "gain",
    "mean_gain": "gain",
}


def sections(page: Element) -> dict[str, Element]:
    return {section.attributes["id"]: section for section in page.classed("metric")}


async def test_every_number_of_a_run_is_defined_somewhere(site: Site) -> None:
    found = sections(await site.page("/methods"))
    for field in RunMetrics.model_fields:
        place = urls.metric(ELSEWHERE.get(field, field))
        assert place.removeprefix("/methods#") in found, field


async def test_formulas_are_mathematics_and_every_metric_is_linked(site: Site) -> None:
    found = sections(await site.page("/methods"))
    assert list(found) == [f"metric-{metric.name}" for metric in METRICS]
    for metric in METRICS:
        section = found[f"metric-{metric.name}"]
        assert len(section.all("math")) == bool(metric.formula)
        assert metric.definition in section.text
        assert section.one("a").attributes["href"] == urls.metric(metric.name)
    assert "T · f ( 1 )" in found["metric-efficiency"].one("math").text


async def test_the_contents_lead_to_what_is_there(site: Site) -> None:
    page = await site.page("/methods")
    anchors = {element.attributes["id"] for element in page.all() if "id" in element.attributes}
    links = [link.attributes["href"].removeprefix("#") for link in page.classed("contents")[0].all("a")]
    assert len(links) > 10
    assert set(links) <= anchors


async def test_what_is_to_be_cited_names_the_versions_in_force(site: Site) -> None:
    page = await site.page("/methods")
    software = page.one("pre", id="cite-software").text
    digest = (await site.page("/launch/preview")).classed("mono")[0].text
    assert f"version = {{{__version__}}}" in software
    assert f"engine version {ENGINE_VERSION}; prompt set base {digest}" in software
    assert "2404.16698" in page.one("pre", id="cite-paper").text
    assert page.all("button", data_copy="cite-paper")


async def test_a_runs_numbers_lead_to_their_definitions(site: Site) -> None:
    [run] = await site.play(scripted_config())
    page = await site.page(f"/runs/{run}")
    assert page.one("a", href=urls.metric("efficiency")).text == "efficiency"
    link = (await site.client.post(f"/api/v1/runs/{run}/shares", json={})).json()["link"]
    assert not (await site.page(link.partition("8000")[2])).all("a", href=urls.metric("efficiency"))


async def test_the_twin_names_every_metric_and_where_it_is_defined(site: Site) -> None:
    told = await site.json("/api/v1/methods")
    assert (told["version"], told["engine_version"]) == (__version__, ENGINE_VERSION)
    assert [(item["name"], item["page"]) for item in told["metrics"]] == [
        (metric.name, f"/methods#metric-{metric.name}") for metric in METRICS
    ]
