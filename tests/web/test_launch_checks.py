"""What the launch form says of the models that are chosen: whether they answer, and whether prompts fit into them."""

from pathlib import Path

from app.jobs.estimate import LONGEST_PROMPT
from tests.web.conftest import Site, open_site
from tests.web.page import parse


async def test_the_chosen_models_are_asked_and_the_form_stays_as_it_was(site: Site) -> None:
    data = {"mind": "generative:local/echo", "mind_2": "generative:paid/big", "seeds": "no seed", "submission": "token"}
    response = await site.client.post("/launch/check", data=data)
    assert response.status_code == 200
    page = parse(response.text)
    [echo, big] = [item.text for item in page.one("ul", id="check-list").all("li")]
    assert echo.startswith("local/echo failed Endpoint 'local' could not be reached")
    assert big.startswith("paid/big failed Endpoint 'paid' needs its key: set PAID_TEST_KEY")
    assert page.one("input", id="seeds").attributes["value"] == "no seed"
    assert page.one("input", name="submission").attributes["value"] == "token"
    assert (await site.json("/api/v1/runs"))["total"] == 0


async def test_a_form_without_models_asks_nobody(site: Site) -> None:
    page = parse((await site.client.post("/launch/check", data={"mind": "scripted:greedy"})).text)
    assert page.one("ul", id="check-list").all("li") == []


async def test_the_api_asks_each_model_once(site: Site) -> None:
    names = ["local/echo", "nowhere/x", "local/echo"]
    response = await site.client.post("/api/v1/models/check", json={"models": names})
    checks = response.json()["checks"]
    assert [(check["model"], check["ok"]) for check in checks] == [("local/echo", False), ("nowhere/x", False)]
    assert checks[1]["error"].startswith("There is no model 'nowhere/x'")
    for wrong in ({"models": []}, {"models": ["x"] * 21}, {"models": ["x" * 251]}, {}, {"models": ["x"], "more": 1}):
        assert (await site.client.post("/api/v1/models/check", json=wrong)).status_code == 422


async def test_a_model_too_short_for_its_prompts_is_pointed_out(tmp_path: Path) -> None:
    models = tmp_path / "short.toml"
    models.write_text(
        '[endpoints.local]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["echo"]\n'
        f"context_tokens = {LONGEST_PROMPT + 1000}\n"
    )
    async with open_site(tmp_path, models_file=models) as site:
        [note] = (await site.json("/launch/estimate?mind=generative:local/echo"))["notes"]
        assert note.startswith("local/echo takes ")
        assert (await site.json("/launch/estimate?mind=generative:local/echo&max_tokens=500"))["notes"] == []
        assert (await site.page("/launch?mind=generative:local/echo")).one("ul", id="model-notes").text == note
        assert "hidden" in (await site.page("/launch")).one("ul", id="model-notes").attributes
