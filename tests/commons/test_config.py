import pytest
from pydantic import ValidationError

from app.commons.config import EpisodeConfig, GameConfig, RegrowPhase, ScriptedMind
from app.commons.scenario import UnknownName, amount, conditions, get_condition, get_scenario, scenarios
from tests.support import scripted_config


def test_equal_configurations_have_equal_hashes_and_survive_json() -> None:
    config = scripted_config()
    again = EpisodeConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert again.hash == config.hash


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"scenario": "pasture"},
        {"game": GameConfig(growth=2.5)},
        {"game": GameConfig(allocation="proportional")},
    ],
)
def test_every_setting_that_decides_changes_the_hash(change: dict[str, object]) -> None:
    config = scripted_config()
    assert config.model_copy(update=change).hash != config.hash


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"capacity": 0}, "greater than or equal to 1"),
        ({"months": 0}, "greater than or equal to 1"),
        ({"growth": 1}, "greater than 1"),
        ({"growth": float("nan")}, "less than or equal to 100"),
        ({"capacity": 50}, "above the carrying capacity"),
        ({"collapse_threshold": 101}, "the episode would end before it starts"),
        ({"growht": 2}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_games_are_refused(numbers: dict[str, float], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        GameConfig.model_validate(numbers)


def test_one_agent_or_thirteen_are_refused() -> None:
    config = scripted_config().model_dump()
    agent = config["agents"][0]
    for count in (1, 13, 500):
        agents = [{**agent, "name": f"A{number}"} for number in range(count)]
        with pytest.raises(ValidationError, match="agents"):
            EpisodeConfig.model_validate({**config, "agents": agents})


@pytest.mark.parametrize("name", ["", "a/b", "\x00", "x" * 41, "framework"])
def test_names_that_would_break_a_call_key_are_refused(name: str) -> None:
    config = scripted_config().model_dump()
    config["agents"][0]["name"] = name
    with pytest.raises(ValidationError):
        EpisodeConfig.model_validate(config)


def test_two_agents_of_one_name_are_refused() -> None:
    config = scripted_config().model_dump()
    config["agents"][1]["name"] = config["agents"][0]["name"]
    with pytest.raises(ValidationError, match="same name"):
        EpisodeConfig.model_validate(config)


def test_a_month_without_a_harvest_is_refused() -> None:
    config = scripted_config()
    with pytest.raises(ValidationError, match="observe, harvest, settle and regrow"):
        EpisodeConfig.model_validate({**config.model_dump(), "phases": [RegrowPhase().model_dump()]})


def test_scenarios_and_conditions_are_valid_data() -> None:
    playable = [scenario.id for scenario in scenarios().values() if scenario.playable]
    assert playable == ["fishery", "pasture", "pollution"]
    assert list(conditions()) == [
        "default",
        "universalization",
        "no_communication",
        "no_communication_observed",
        "no_communication_reflective",
        "newcomer",
        "newcomer_universalization",
    ]
    for scenario in scenarios().values():
        assert (
            amount(scenario.words, 1) != amount(scenario.words, 2).replace("2", "1") or scenario.words.unit == "percent"
        )


def test_no_communication_leaves_only_the_harvest() -> None:
    assert [phase.type for phase in get_condition("no_communication").phases()] == [
        "observe",
        "harvest",
        "settle",
        "regrow",
    ]


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(UnknownName, match="fishery, pasture, pollution"):
        get_scenario("forest")
    with pytest.raises(UnknownName, match="default, universalization, no_communication"):
        get_condition("baseline")


def test_policies_are_a_closed_list() -> None:
    with pytest.raises(ValidationError):
        ScriptedMind.model_validate({"policy": "saintly"})
