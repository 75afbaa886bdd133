"""What cannot be played is refused before anything runs: the same by command, API and form."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.minds.prompt_folders import load_set, new_set
from app.store.queries import RunFilter, list_runs
from tests.support import ROOT
from tests.test_cli import govsim
from tests.web.conftest import Site
from tests.web.page import parse

MANY = [f"Agent {number}" for number in range(500)]

# What is asked for, as a plan and as options, and what is said.
CASES: list[tuple[dict[str, Any], list[str], str]] = [
    ({"scenario": "forest"}, ["--scenario", "forest"], "There is no scenario 'forest'. Choose one of: fishery"),
    ({"capacity": 0}, ["--capacity", "0"], "Capacity: give at least 1"),
    ({"agents": ["Ann"]}, ["--agent", "Ann"], "2 to 12 agents, not 1"),
    ({"agents": MANY}, [part for name in MANY for part in ("--agent", name)], "agents"),
    ({"months": 0}, ["--months", "0"], "Months: give at least 1"),
    ({"growth": 1}, ["--growth", "1"], "Growth: give more than 1"),
    ({"prompts": "nothing"}, ["--prompts", "nothing"], "There is no prompt set 'nothing'. Choose one of: base"),
]
NAMES = ["scenario", "capacity", "one agent", "500 agents", "months", "growth", "prompts"]


@pytest.mark.parametrize(("plan", "options", "says"), CASES, ids=NAMES)
def test_the_command_refuses(tmp_path: Path, plan: dict[str, Any], options: list[str], says: str) -> None:
    done = govsim(tmp_path, "run", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("plan", "options", "says"), CASES, ids=NAMES)
async def test_the_api_refuses(site: Site, plan: dict[str, Any], options: list[str], says: str) -> None:
    reply = await site.client.post("/api/v1/runs", json={"minds": ["scripted:greedy"]} | plan)
    assert reply.status_code == 422
    assert says in " ".join(reply.json()["error"]["fields"].values())
    assert (await list_runs(site.database, RunFilter()))[1] == 0


@pytest.mark.parametrize(("plan", "options", "says"), CASES, ids=NAMES)
async def test_the_form_refuses(site: Site, plan: dict[str, Any], options: list[str], says: str) -> None:
    fields = {"names" if name == "agents" else name: value for name, value in plan.items()}
    fields = {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in fields.items()}
    reply = await site.client.post("/launch", data=fields)
    assert reply.status_code == 422
    shown = [item.text for item in parse(reply.text).classed("field__error") if "hidden" not in item.attributes]
    assert any(says in text for text in shown), shown
    assert (await list_runs(site.database, RunFilter()))[1] == 0


def test_a_prompt_set_with_a_missing_variable_is_refused(tmp_path: Path) -> None:
    own = new_set(load_set([ROOT / "templates" / "prompts"], "base"), tmp_path / "own" / "mine")
    (own / "setting_home.txt").write_text("It is {{ day }}.", encoding="utf-8")
    models = tmp_path / "models.toml"
    models.write_text('[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["m"]\n')
    variables = {"GOVSIM_PROMPTS": str(own.parent), "GOVSIM_MODELS_FILE": str(models)}
    for arguments in (
        ["run", "--mind", "generative:lab/m", "--prompts", "mine"],
        ["prompts", "check", "mine"],
        ["prompts", "check"],
        ["prompts", "show", "--prompts", "mine"],
    ):
        done: subprocess.CompletedProcess[str] = govsim(tmp_path, *arguments, **variables)
        assert done.returncode == 2
        assert "uses 'day' in 'setting_home.txt', which nobody fills in" in done.stderr
        assert "Traceback" not in done.stderr
