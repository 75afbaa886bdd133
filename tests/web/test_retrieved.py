"""How a prompt's memories were found and who answered: on the run page without scripts, and in the API."""

from pathlib import Path

from app.jobs.player import Player
from app.minds.build import load_prompt_sets
from app.models.endpoints import Endpoint
from app.models.hub import ModelHub
from app.store.leases import claim_next
from app.store.runs import launch
from tests.fakes.process import FakeModelServer
from tests.minds.samples import episode
from tests.support import ROOT
from tests.web.conftest import Site

PROMPTS = Path(ROOT) / "templates" / "prompts"


async def play_generative(site: Site) -> str:
    _, [run_id] = await launch(
        site.database, [episode(months=2)], prompt_sets=load_prompt_sets([PROMPTS], {"base"}), engine_version="1"
    )
    with FakeModelServer(seed=1) as server:
        table = {"name": "test", "base_url": server.base_url, "models": ("script",), "send_call_key": True}
        async with ModelHub([Endpoint.model_validate(table)]) as hub:
            claim = await claim_next(site.database, "test")
            assert claim is not None
            assert await Player(site.database, hub, claim).run() == "finished"
    return run_id


async def test_a_call_tells_how_its_memories_were_found_and_who_answered(site: Site) -> None:
    run_id = await play_generative(site)
    call = await site.json(f"/api/v1/runs/{run_id}/calls/2/harvest/Kate/harvest//1")
    assert (call["model_revision"], call["fingerprint"], call["provider"]) == ("script-fake-1", "fp_1", "village")
    found = [one["retrieval"] for message in call["messages"] for one in message["segments"] if one["memory"]]
    assert len(found) == 9 and sum(how["always"] for how in found) == 2
    scored = [how for how in found if not how["always"]]
    assert all(0 <= how[part] <= 1 for how in scored for part in ("recency", "importance", "relevance"))

    memories = (await site.page(f"/runs/{run_id}?m=2&agent=kate&tab=memories")).text
    assert memories.count("in the decision: recency") == len(scored)
    assert memories.count("always included in the decision") == 2
    usage = (await site.page(f"/runs/{run_id}?m=2&agent=kate&tab=usage")).text
    assert "Answered: script-fake-1, fingerprint fp_1, by village." in usage
