from pathlib import Path

import pytest
from pydantic import ValidationError

from app.commons.config import GenerativeFramework, GenerativeMind, ScriptedFramework
from app.commons.scenario import Role
from app.jobs.choices import read_personas, write_personas
from app.jobs.launch import launch_plan, plan_configs
from app.jobs.launch_plan import LaunchError, LaunchPlan
from app.minds.prompts import PromptError
from app.models.base import ModelNotConfigured
from app.store.connect import Database
from app.store.prompt_sets import load_prompt_set
from app.store.queries import RunFilter, list_runs
from app.store.runs import get_run
from tests.support import ROOT

PROMPTS = [ROOT / "templates" / "prompts"]


def only_lab(name: str) -> None:
    if name != "lab/m":
        raise ModelNotConfigured(f"There is no model '{name}'.")


def wrong(**changes: object) -> dict[str, str]:
    with pytest.raises(LaunchError) as caught:
        plan_configs(LaunchPlan.model_validate(changes), only_lab)
    return caught.value.fields


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"scenario": "forest"}, "scenario", "Choose one of: fishery, pasture, pollution"),
        ({"scenario": "trash"}, "scenario", "imported, not played"),
        ({"condition": "baseline"}, "condition", "Choose one of: default"),
        ({"minds": ["scripted:saint"]}, "minds", "Choose one of: fair-share"),
        ({"minds": ["gpt-4"]}, "minds", "Write scripted:POLICY or generative:ENDPOINT/MODEL"),
        ({"minds": ["generative:lab/other"]}, "minds", "There is no model 'lab/other'"),
        ({"minds": ["scripted:greedy"] * 3}, "minds", "5 agents, 3 minds"),
        ({"agents": ["Ann"]}, "agents", "2 to 12 agents, not 1"),
        ({"agents": ["Ann", "mayor"]}, "agents", "the Mayor opens the talk"),
        ({"agents": ["Ann", "Ann"]}, "agents", "too much alike"),
        ({"agents": ["Ann", "a/b"]}, "agents", "without a slash"),
        ({"framework": "generative:nowhere/x"}, "framework", "There is no model"),
        ({"framework": "scripted:greedy"}, "framework", "'scripted' or 'generative:"),
        ({"seeds": [1, 1]}, "seeds", "named twice"),
        ({"seeds": [-1]}, "seeds", "whole number from 0"),
        ({"months": 0}, "months", "at least 1"),
        ({"capacity": 0}, "capacity", "at least 1"),
        ({"growth": 1}, "growth", "more than 1"),
        ({"initial_stock": 200}, "initial_stock", "above the carrying capacity"),
        ({"growth": float("nan")}, "growth", "give"),
        ({"top_p": 2.0, "minds": ["generative:lab/m"]}, "top_p", "give at most 1"),
        ({"condition": "newcomer", "months": 3}, "months", "Luke joins in month 4: play at least"),
        ({"condition": "newcomer", "agents": ["Ann", "Bo"]}, "agents", "only one is there in month 1"),
        ({"personas": {"Zoe": {"joins": 2}}}, "personas", "no agent called 'Zoe'"),
        ({"personas": {"Luke": {"joins": 0}}}, "personas", "Luke: "),
        ({"condition": "no_communication", "report": "manager"}, "report", "Without talk nobody reports"),
        ({"temperature": 3.0, "minds": ["generative:lab/m"]}, "temperature", "give at most 2"),
    ],
)
def test_what_is_wrong_is_named_by_field(changes: dict[str, object], field: str, said: str) -> None:
    assert said in wrong(**changes)[field]


def test_all_wrong_fields_are_named_at_once() -> None:
    assert set(wrong(scenario="forest", months=0, minds=["x"], agents=["A", "B"])) == {"scenario", "months", "minds"}


def test_too_many_runs_are_refused() -> None:
    with pytest.raises(ValidationError):
        LaunchPlan(seeds=list(range(201)))


def test_the_framework_follows_the_agents() -> None:
    [scripted] = plan_configs(LaunchPlan(), only_lab)
    minds = ["scripted:greedy", "generative:lab/m", *["scripted:fair-share"] * 3]
    [mixed] = plan_configs(LaunchPlan(minds=minds, temperature=None), only_lab)
    assert isinstance(scripted.framework, ScriptedFramework)
    assert isinstance(mixed.framework, GenerativeFramework)
    assert mixed.framework.model == "lab/m"
    mind = mixed.agents[1].mind
    assert isinstance(mind, GenerativeMind)
    assert mind.sampling.temperature is None


def test_one_run_a_seed_and_nothing_else_differs() -> None:
    configs = plan_configs(LaunchPlan(seeds=[3, 4, 5], scenario="pasture", condition="universalization"), only_lab)
    assert [config.seed for config in configs] == [3, 4, 5]
    assert len({config.model_copy(update={"seed": 0}).hash for config in configs}) == 1


async def test_a_launch_pins_the_prompts_it_uses(database: Database) -> None:
    _, [run_id] = await launch_plan(
        database, LaunchPlan(minds=["generative:lab/m"]), check_model=only_lab, prompt_folders=PROMPTS
    )
    run = await get_run(database, run_id)
    name, files = await load_prompt_set(database, run.prompts["base"])
    assert (run.state, name) == ("queued", "base")
    assert files["rules.txt"] == (PROMPTS[0] / "base" / "rules.txt").read_text()


async def test_a_wrong_plan_or_a_missing_prompt_set_stores_nothing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(LaunchError):
        await launch_plan(database, LaunchPlan(months=0), check_model=only_lab, prompt_folders=PROMPTS)
    with pytest.raises(ValueError, match="There is no prompt set 'base'"):
        await launch_plan(
            database, LaunchPlan(minds=["generative:lab/m"]), check_model=only_lab, prompt_folders=[tmp_path]
        )
    assert (await list_runs(database, RunFilter()))[1] == 0


def test_a_condition_says_how_long_an_episode_is_and_who_is_in_it() -> None:
    [default] = plan_configs(LaunchPlan(), only_lab)
    [newcomer] = plan_configs(LaunchPlan(condition="newcomer", scenario="pasture"), only_lab)
    [shorter] = plan_configs(LaunchPlan(condition="newcomer", months=6), only_lab)
    assert (default.game.months, newcomer.game.months, shorter.game.months) == (12, 15, 6)
    assert [agent.joins for agent in newcomer.agents] == [1, 1, 1, 1, 4]
    assert "from the pasture" in newcomer.agents[0].description
    assert "business of grazing" in newcomer.agents[4].goals[0]
    assert all(not agent.description and not agent.goals for agent in default.agents)


def test_personas_of_a_plan_take_the_place_of_the_conditions() -> None:
    plan = LaunchPlan(condition="newcomer", personas={"Luke": Role(joins=2, goals=("be kind",))})
    [config] = plan_configs(plan, only_lab)
    luke = config.agents[4]
    assert (luke.joins, luke.description, luke.goals) == (2, "", ("be kind",))
    assert config.agents[0].description


async def test_a_prompt_set_without_words_for_the_condition_stores_nothing(database: Database, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    for path in (PROMPTS[0] / "base").iterdir():
        if path.name != "persona.txt":
            (tmp_path / "base" / path.name).write_text(path.read_text())
    plan = LaunchPlan(condition="newcomer", minds=["generative:lab/m"])
    with pytest.raises(PromptError, match=r"no file 'persona.txt', which this condition needs"):
        await launch_plan(database, plan, check_model=only_lab, prompt_folders=[tmp_path])
    assert (await list_runs(database, RunFilter()))[1] == 0


def test_personas_are_read_from_toml_and_written_back() -> None:
    roles = {"Luke": Role(joins=4, description='He said "no"\\\n\tand left.', goals=("a", "b")), "Zoë Q": Role()}
    assert read_personas(write_personas(roles)) == roles
    assert read_personas("") == {}
    for text, said in (("[Luke", "no TOML"), ("Luke = 4", "not right at Luke"), ("[Luke]\nage = 4", "Luke age")):
        with pytest.raises(ValueError, match=said):
            read_personas(text)
