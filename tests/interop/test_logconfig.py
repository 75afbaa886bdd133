from pathlib import Path
from typing import Any

import pytest
import yaml

from app.commons.config import SamplingConfig
from app.interop.files import UnreadableLog
from app.interop.logconfig import RunSettings, model_label, read_settings
from tests.interop.logs import config


def settings_of(folder: Path, data: Any) -> RunSettings:
    (folder / "config.yaml").write_text(yaml.safe_dump(data))
    return read_settings(folder)


def test_a_configuration_says_what_was_played(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, config(experiment__env__max_num_rounds=15))
    assert (settings.scenario, settings.condition, settings.seed, settings.months) == ("fishery", "default", 7, 15)
    assert dict(settings.names)["persona_1"] == "Kate"
    assert (settings.models, settings.framework_model) == (("some/model",), "some/model")
    assert settings.sampling == SamplingConfig(temperature=0.0, top_p=1.0)


def test_the_configuration_is_found_where_hydra_puts_it(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config()))
    assert read_settings(tmp_path).configured


@pytest.mark.parametrize(
    ("scenario", "experiment", "injected", "expected"),
    [
        ("fishing", "fish_baseline_concurrent", False, ("fishery", "default")),
        ("fishing", "fish_baseline_concurrent_universalization", True, ("fishery", "universalization")),
        ("fishing", "fish_baseline_concurrent", True, ("fishery", "universalization")),
        ("sheep", "sheep_baseline_concurrent", False, ("pasture", "default")),
        ("sheep", "sheep_perturbation_no_language", False, ("pasture", "no_communication")),
        ("pollution", "pollution_perturbation_outsider", False, ("pollution", "newcomer")),
        (
            "pollution",
            "pollution_perturbation_outsider_universalization",
            True,
            ("pollution", "newcomer_universalization"),
        ),
        ("fishing_japanese", "fish_baseline_concurrent_japanese", False, ("fishery", "default")),
        ("fishing", "fish_baseline_concurrent_consequentialism", False, ("fishery", "consequentialism")),
        ("fishing", "fish_baseline_concurrent_paraphrase_1", False, ("fishery", "paraphrase_1")),
        ("trash", "trash_baseline_concurrent", False, ("trash", "default")),
    ],
)
def test_scenarios_and_conditions_get_our_names(
    scenario: str, experiment: str, injected: bool, expected: tuple[str, str], tmp_path: Path
) -> None:
    data = config(
        experiment__scenario=scenario,
        experiment__env__name=experiment,
        experiment__env__inject_universalization=injected,
    )
    settings = settings_of(tmp_path, data)
    assert (settings.scenario, settings.condition) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"llm": {"path": ["a", "a", "b"]}},
        {"llm": None, "mix_llm": [{"llm": {"path": "a"}}, {"llm": {"path": "a"}}, {"llm": {"path": "b"}}]},
        {
            "llm": None,
            "strong_model": {"path": "a", "temperature": 0.0},
            "weak_model": {"path": "b"},
            "framework_model": "${strong_model}",
            "mix_llm": [{"llm": "${strong_model}"}, {"llm": "${strong_model}"}, {"llm": "${weak_model}"}],
        },
    ],
)
def test_several_models_are_named_agent_by_agent(changes: dict[str, Any], tmp_path: Path) -> None:
    settings = settings_of(tmp_path, config() | changes)
    assert settings.models == ("a", "a", "b")
    assert settings.framework_model == ("a" if "framework_model" in changes else None)
    assert model_label(settings.models) == "mix: 2x a + 1x b"


def test_a_label_names_one_model_plainly_and_none_not_at_all() -> None:
    assert model_label(["a", "a"]) == "a"
    assert model_label([None, None]) is None


def test_references_that_lead_nowhere_or_in_circles_are_nothing(tmp_path: Path) -> None:
    data = config(seed=None) | {"llm": {"path": "${loop}"}, "loop": "${llm.path}"}
    settings = settings_of(tmp_path, data)
    assert (settings.models, settings.seed) == ((), None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": "many"}, "seed"),
        ({"seed": -1}, "seed"),
        ({"experiment__env__max_num_rounds": 10**9}, "max_num_rounds"),
        ({"experiment__env__initial_resource_in_pool": 0}, "initial_resource_in_pool"),
        ({"experiment__env__assign_resource_strategy": "auction"}, "assign_resource_strategy"),
        ({"experiment__scenario": "chess"}, "'chess'"),
        ({"llm__temperature": 99}, "temperature"),
    ],
)
def test_settings_that_cannot_be_are_named(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableLog, match=reason):
        settings_of(tmp_path, config(**changes))


@pytest.mark.parametrize("text", ["a: [", "- 1", "{a: " * 50_000, "a: \x01", "? [1]: 2\n? {}: 3"])
def test_a_configuration_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UnreadableLog, match=r"config\.yaml"):
        read_settings(tmp_path)


def test_aliases_that_would_fill_the_memory_do_no_harm(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    assert read_settings(tmp_path).models == ()
