"""What a retention rule took from a run is said where somebody would look for it."""

from datetime import timedelta

from app.store.retention import Rule, apply
from tests.fakes.villagers import record
from tests.keeping.records import age, generative
from tests.web.conftest import Site
from tests.web.page import Element


async def dropped(site: Site, what: str) -> tuple[str, str, str]:
    """Drop prompts or calls of a played run; return its id, an agent's name as in addresses, and the sentence."""
    run = await record(site.database, generative())
    await age(site.database, run.id, 91)
    rule = Rule.model_validate({"what": what, "older_than": timedelta(days=90)})
    [_] = [one async for one in apply(site.database, rule)]
    told = (await site.json(f"/api/v1/runs/{run.id}"))["dropped"]
    assert "by a retention rule (older than 90 days)." in told
    return run.id, run.episode.names[0].lower(), told


def inspector(page: Element) -> str:
    [body] = page.classed("inspector__body")
    return body.text


async def test_the_page_the_inspector_and_the_api_say_that_prompts_were_dropped(site: Site) -> None:
    run_id, agent, told = await dropped(site, "prompts")
    page = await site.page(f"/runs/{run_id}?m=1&agent={agent}&tab=prompt")
    assert told in inspector(page)
    assert told in " ".join(notice.text for notice in page.classed("notice"))
    page = await site.page(f"/runs/{run_id}?m=1&agent={agent}&tab=completion")
    assert "Answer:" in inspector(page)
    calls = (await site.json(f"/api/v1/runs/{run_id}/calls?month=1"))["calls"]
    call = await site.json(f"/api/v1/runs/{run_id}/calls/{calls[0]['key']}")
    assert call["messages"] == [] and call["answer"]["text"] and len(call["request_hash"]) == 64


async def test_every_tab_says_that_calls_were_dropped(site: Site) -> None:
    run_id, agent, told = await dropped(site, "calls")
    for tab in ("prompt", "completion", "usage"):
        page = await site.page(f"/runs/{run_id}?m=1&agent={agent}&tab={tab}")
        assert told in inspector(page)
    assert (await site.client.post(f"/api/v1/runs/{run_id}/rerun-check")).status_code == 409


async def test_a_share_says_it_where_it_shows_prompts_and_only_there(site: Site) -> None:
    run_id, _, told = await dropped(site, "prompts")
    for prompts, said in ((True, True), (False, False)):
        made = await site.client.post(f"/api/v1/runs/{run_id}/shares", json={"prompts": prompts})
        assert made.status_code in (200, 201), made.text
        page = await site.client.get(made.json()["link"])
        assert page.status_code == 200
        assert (told in page.text) is said
