"""The pages about prompts: the sets, and a preview of exactly what a launch would send."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from app.minds.preview import preview
from app.minds.prompt_folders import load_set, new_set
from app.store.queries import RunFilter, list_runs
from app.store.runs import get_run
from app.web.launch_form import Form, form_of
from tests.support import ROOT
from tests.web.conftest import Site, open_site
from tests.web.page import parse

SHIPPED = ROOT / "templates" / "prompts"


async def test_the_page_lists_every_set_with_its_hash_and_texts(site: Site) -> None:
    page = await site.page("/prompts")
    for name in ("base", "paraphrase-1", "paraphrase-2"):
        found = load_set([SHIPPED], name)
        card = page.one("section", id=f"set-{name}")
        assert found.hash in card.text and found.description in card.text
    assert "rules.txt" in page.one("section", id="set-paraphrase-1").text
    listed = await site.json("/api/v1/prompts")
    assert [item["name"] for item in listed] == ["base", "paraphrase-1", "paraphrase-2"]
    assert listed[1]["files"].keys() == load_set([SHIPPED], "paraphrase-1").files.keys()
    assert "rules.txt" in listed[1]["own"] and listed[1]["extends"] == "base"


async def test_a_set_of_ones_own_is_listed_and_one_that_is_broken_says_why(tmp_path: Path) -> None:
    own = tmp_path / "own"
    new_set(load_set([SHIPPED], "base"), own / "mine")
    new_set(load_set([SHIPPED], "base"), own / "broken")
    (own / "broken" / "rules.txt").write_text("{{ months }} <script>alert(1)</script>")
    async with open_site(tmp_path, prompts=own) as site:
        page = await site.page("/prompts")
        assert "uses 'months' in 'rules.txt'" in page.one("section", id="set-broken").text
        offered = (await site.page("/launch")).one("select", id="prompts").all("option")
        assert [option.text for option in offered] == ["base", "mine", "paraphrase-1", "paraphrase-2"]
        assert (await site.client.get("/methods")).status_code == 200
        plan = {"minds": ["generative:local/echo"], "prompts": "broken"}
        reply = await site.client.post("/api/v1/runs", json=plan)
        assert reply.status_code == 422 and "uses 'months'" in reply.text
        assert (await list_runs(site.database, RunFilter()))[1] == 0


async def test_a_preview_shows_exactly_what_would_be_sent(site: Site) -> None:
    form = {"scenario": "pollution", "condition": "universalization", "capacity": "80", "growth": "1.5",
            "prompts": "paraphrase-1", "names": "Ann, <i>Bo, Cy"}  # fmt: skip
    page = await site.page("/launch/preview?" + urlencode(form | {"agent": "<i>Bo", "purpose": "harvest"}))
    checked = Form(form).check(lambda name: None)
    assert checked is not None
    sent = [item for item in await preview(checked[1][0], load_set([SHIPPED], "paraphrase-1")) if
            (item.key.agent, item.key.purpose) == ("<i>Bo", "harvest")]  # fmt: skip
    shown = [_raw(item) for item in page.one("main").all("pre", class_="prompt")]
    assert shown[:2] == [message.content for message in sent[0].messages]
    assert "80 percent" in shown[0] and page.all("ins", class_="differs")
    assert not page.one("main").all("i")


async def test_the_base_set_is_not_compared_with_itself(site: Site) -> None:
    page = await site.page("/launch/preview")
    assert not page.all("ins") and len(page.one("main").all("pre")) == 2
    assert "scripted in this launch" in page.classed("notice")[0].text


async def test_who_and_what_can_be_chosen_and_the_form_is_kept(site: Site) -> None:
    page = await site.page("/launch/preview?purpose=summary&scenario=pasture&mind=generative:local/echo")
    assert [item.text for item in page.one("select", id="agent").all("option", selected="")] == ["framework"]
    assert [item.text for item in page.one("select", id="purpose").all("option")] == ["summary", "limit"]
    assert page.one("input", name="scenario").attributes["value"] == "pasture"
    back = next(link for link in page.all("a") if link.text == "Back to the form").attributes["href"]
    assert "scenario=pasture" in back and "mind=generative" in back
    assert not page.classed("notice")


@pytest.mark.parametrize("query", ["agent=Nobody&purpose=nothing", "agent=%00", "purpose=" + "x" * 5000])
async def test_an_unknown_choice_shows_another_one(site: Site, query: str) -> None:
    page = await site.page(f"/launch/preview?{query}")
    assert page.one("select", id="purpose").all("option", selected="")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("growth", "1", "Growth: give more than 1"),
        ("capacity", "0", "Capacity: give at least 1"),
        ("prompts", "nothing", "There is no prompt set 'nothing'"),
        ("prompts", "../base", "no name of a prompt set"),
        ("scenario", "forest", "There is no scenario 'forest'"),
    ],
)
async def test_a_preview_of_a_wrong_form_says_what_is_wrong(site: Site, field: str, value: str, says: str) -> None:
    page = await site.page("/launch/preview?" + urlencode({field: value}), status=422)
    assert says in page.one("main").text and not page.all("pre")


async def test_a_launch_with_a_paraphrase_is_pinned_to_the_whole_set(site: Site) -> None:
    form = {"mind": "generative:local/echo", "prompts": "paraphrase-2", "seeds": "1"}
    response = await site.client.post("/launch", data=form)
    run = await get_run(site.database, response.headers["location"].removeprefix("/runs/"))
    assert run.prompts == {"paraphrase-2": load_set([SHIPPED], "paraphrase-2").hash}
    assert form_of(run.episode)["prompts"] == "paraphrase-2"
    page = await site.page(f"/launch?from={run.id}")
    assert page.one("select", id="prompts").all("option", selected="")[0].text == "paraphrase-2"


async def test_an_unknown_set_is_named_beside_its_field(site: Site) -> None:
    response = await site.client.post("/launch", data={"prompts": "nothing"})
    assert response.status_code == 422
    page = parse(response.text)
    assert "There is no prompt set 'nothing'" in page.one("p", id="error-prompts").text
    assert "open" in page.one("details", class_="card disclosure").attributes


async def test_published_figures_are_labelled_wherever_they_are_shown(site: Site) -> None:
    data = await site.json("/api/v1/published")
    assert {table["label"] for table in data["tables"]} == {"different prompts"}
    first = data["tables"][0]
    assert (first["table"], first["page"], first["rows"][-1]["figures"]["gain"]) == (
        "Table 1", 6, {"value": 66.0, "spread": 14.6},
    )  # fmt: skip
    page = await site.page("/methods")
    assert all("different prompts" in item.text for item in page.all("summary"))
    assert "66.0 ± 14.6" in page.one("main").text


def _raw(element: object) -> str:
    return "".join(child if isinstance(child, str) else _raw(child) for child in element.children)  # type: ignore[attr-defined]


async def test_the_twin_of_the_preview_has_every_request_of_the_month(site: Site) -> None:
    query = "agent=Kate&purpose=harvest&prompts=paraphrase-1&capacity=77"
    answer = await site.json(f"/api/v1/preview?{query}")
    assert answer["prompts"] == "paraphrase-1"
    asked = [(item["agent"], item["purpose"]) for item in answer["requests"]]
    assert asked[:5] == [(name, "harvest") for name in ("John", "Kate", "Jack", "Emma", "Luke")]
    assert ("framework", "limit") in asked
    [kate] = [item for item in answer["requests"] if (item["agent"], item["purpose"]) == ("Kate", "harvest")]
    told = "".join(segment["text"] for message in kate["messages"] for segment in message["segments"])
    shown = "".join(block.text for block in (await site.page(f"/launch/preview?{query}")).classed("prompt")[:2])
    assert "".join(told.split()) == "".join(shown.split())
    refused = await site.client.get("/api/v1/preview?capacity=many&prompts=nothing")
    assert refused.status_code == 422
    assert set(refused.json()["error"]["fields"]) == {"capacity"}
