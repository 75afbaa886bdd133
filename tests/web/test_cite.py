"""How to cite what was played: a paragraph and BibTeX, from configurations."""

import re

from sqlalchemy import update

from app.commons.config import EpisodeConfig, GenerativeFramework, GenerativeMind, SamplingConfig
from app.commons.frozen import canonical_json
from app.store.tables import CallRow, RunRow
from tests.databases import on_both
from tests.support import scripted_config
from tests.web.conftest import Site
from tests.web.test_api import HOSTILE, store_with_calls
from tests.web.test_compare import FAIR, six_runs

database_kind = on_both


def balanced(text: str) -> bool:
    plain = re.sub(r"\\[{}\\]", "", text)
    depth = 0
    for letter in plain:
        depth += (letter == "{") - (letter == "}")
        if depth < 0:
            return False
    return depth == 0


async def test_a_run_is_cited_by_what_it_was_played_with(site: Site) -> None:
    [run] = await site.play(scripted_config(FAIR, seed=7))
    found = await site.json(f"/api/v1/cite?run={run}")
    record = await site.json(f"/api/v1/runs/{run}")
    told = found["methods"]
    for part in (
        "1 episode of GovSim (Piatti et al., 2024)", "Scenario: Fishery; condition: Default", "5 agents for at most 12",
        "K = 100", "g = 2", "C = 5", "the scripted policy fair-share", "Environment seed: 7",
        record["config_hash"][:12],
        "engine version 1", "allocation where more is asked for than there is.",
    ):  # fmt: skip
        assert part in told, part
    assert "Wilson" not in told and "LayerSkip" not in told
    titles = [entry["title"] for entry in found["entries"]]
    assert titles == ["These data", "This program", "The game"]
    assert all(balanced(entry["bibtex"]) for entry in found["entries"])
    page = await site.page(f"/cite?run={run}")
    assert told in page.one("pre", id="cite-methods").text and page.all("button", data_copy="cite-methods")
    text = await site.client.get(f"/cite/text?run={run}")
    assert text.headers["content-type"].startswith("text/plain") and told in text.text


def generative() -> EpisodeConfig:
    config = scripted_config()
    mind = GenerativeMind(model="local/echo", sampling=SamplingConfig(temperature=0.7, seed=3))
    agents = tuple(agent.model_copy(update={"mind": mind}) for agent in config.agents)
    return config.model_copy(update={"agents": agents, "framework": GenerativeFramework(model="lab/reader")})


async def test_models_are_cited_with_revision_sampling_prompts_and_how_they_decoded(site: Site) -> None:
    run = await store_with_calls(site)
    async with site.database.write() as connection:
        drafted = '{"exit_layer": 4, "draft_length": 6, "drafted": 12, "accepted": 8, "verifications": 3}'
        await connection.execute(update(CallRow).values(model_revision="rev-2024-07", decoding=drafted))
        await connection.execute(
            update(RunRow).values(prompts={"base": "ab" * 32}, config=canonical_json(generative()), origin="native")
        )
    found = await site.json(f"/api/v1/cite?run={run}")
    told = found["methods"]
    assert (
        "revision rev-2024-07" in told
        and "temperature 0.7" in told
        and "request seed 3" in told
        and "read from the talk by reader" in told
        and "base (SHA-256 abab" in told
    )
    assert "LayerSkip; Elhoushi et al., 2024" in told
    assert any("elhoushi2024layerskip" in entry["bibtex"] for entry in found["entries"])


async def test_several_runs_are_cited_with_the_statistics_of_their_comparison(site: Site) -> None:
    ids = await six_runs(site)
    of = (await site.json(f"/api/v1/runs/{ids[0]}"))["experiment"]
    found = await site.json(f"/api/v1/cite?experiment={of}")
    told = found["methods"]
    assert "6 episodes" in told and "Environment seeds: 1, 2, 3." in told and "Wilson's" in told
    assert "Fisher's exact test" in told and "All contrasts are exploratory" in told and "(3 runs)" in told
    assert found["name"] == "two villages" and "two villages" in found["entries"][0]["bibtex"]
    for path, words in ((f"/experiments/{of}", of), (f"/compare?experiment={of}", of), (f"/runs/{ids[0]}", ids[0])):
        links = [str(item.attributes.get("href", "")) for item in (await site.page(path)).all("a")]
        assert any(href.startswith("/cite?") and words in href for href in links), path


async def test_hostile_names_are_escaped_for_latex_and_for_pages(site: Site) -> None:
    run = await store_with_calls(site, name="50% of {x}_1 & $y$ \\input{/etc/passwd} } @misc{evil, #" + HOSTILE)
    found = await site.json(f"/api/v1/cite?run={run}")
    for entry in found["entries"]:
        assert balanced(entry["bibtex"]) and "\\input" not in entry["bibtex"]
    assert "<script>alert" not in (await site.client.get(f"/cite?run={run}")).text


async def test_what_names_nothing_is_not_cited(site: Site) -> None:
    for query in ("", "?run=r2222222", "?experiment=x2222222", "?run=%3Cscript%3E"):
        assert (await site.client.get(f"/cite{query}")).status_code == 404
        await site.json(f"/api/v1/cite{query}", 404)
