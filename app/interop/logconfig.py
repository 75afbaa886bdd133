"""What is known of a run beside its log: config.yaml, source.json and the names of its folders.

All variants found in published repositories are read: `llm.path` a text or a list, or `mix_llm` with references; absent
keys; configurations under `.hydra/`; and no configuration at all, as an interrupted run has none.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import ValidationError

from app.commons.config import (
    MAX_MONTHS,
    AllocationRule,
    RecordedFramework,
    RecordedMind,
    SamplingConfig,
    TalkPhase,
)
from app.interop.files import UnreadableLog, label, parse_json, side_bytes
from app.interop.own import SECTION, OwnSettings, read_own

_SCENARIOS = {"fish": "fishery", "sheep": "pasture", "pollution": "pollution", "trash": "trash"}
_EXPERIMENT = re.compile(r"(?:^|_)((?:fish|fishing|sheep|pollution|trash)_(?:baseline|perturbation)[a-z0-9_]*)$")
_VERSIONED = re.compile(r"^(fish|sheep|pollution|trash)\w*_v[\d.]+$")
_REFERENCE = re.compile(r"^\$\{([\w.]{1,200})\}$")

_CONDITIONS = {
    "": "default",
    "no_language": "no_communication",
    "outsider": "newcomer",
    "outsider_universalization": "newcomer_universalization",
}


@dataclass(frozen=True)
class RunSettings:
    """What the files beside a log say; None for what they do not. `models` has one entry an agent, or one for all.

    `own` is the section that our own exports have in config.yaml.
    """

    configured: bool
    scenario: str | None
    condition: str | None
    japanese: bool = False
    seed: int | None = None
    months: int | None = None
    initial_stock: int | None = None
    allocation: AllocationRule | None = None
    max_contributions: int | None = None
    names: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    framework_model: str | None = None
    sampling: SamplingConfig | None = None
    own: OwnSettings | None = None


def read_settings(folder: Path) -> RunSettings:
    """Return what config.yaml, source.json and the folder names say of the run in *folder*.

    Raises:
        UnreadableLog: if one of the files is there but is not what it should be.
    """
    config = _yaml(folder)
    if config is not None and config.get(SECTION) is not None:
        return _own_settings(read_own(config[SECTION]))
    source = _source(folder)
    hints = _path_hints([*PurePosixPath(_text(source.get("path")) or "").parts, *folder.parts[-6:]])
    scenario = _text(_at(config, "experiment.scenario")) or _text(source.get("scenario")) or hints.get("scenario")
    experiment = (
        _text(_at(config, "experiment.env.name")) or _given(source.get("experiment")) or hints.get("experiment")
    )
    models = _models(config) or tuple(filter(None, [_text(source.get("model")) or hints.get("model")]))
    return RunSettings(
        configured=config is not None,
        scenario=_scenario(scenario or experiment),
        condition=_condition(experiment, _at(config, "experiment.env.inject_universalization") is True),
        japanese=any("japanese" in (name or "") for name in (scenario, experiment)),
        seed=_whole(_at(config, "seed"), "seed", 0, 2**31 - 1) if config else _known_seed(source.get("seed")),
        months=_whole(_at(config, "experiment.env.max_num_rounds"), "max_num_rounds", 1, MAX_MONTHS),
        initial_stock=_whole(_at(config, "experiment.env.initial_resource_in_pool"), "initial_resource_in_pool", 1),
        allocation=_allocation(_at(config, "experiment.env.assign_resource_strategy")),
        max_contributions=_whole(
            _at(config, "experiment.agent.converse.max_conversation_steps"), "max_conversation_steps", 1, 100
        ),
        names=_names(_at(config, "experiment.personas")),
        models=models,
        framework_model=_path(_at(config, "framework_model")) or (models[0] if len(set(models)) == 1 else None),
        sampling=_sampling(config),
    )


def _own_settings(own: OwnSettings) -> RunSettings:
    config = own.config
    talk, framework = config.phase(TalkPhase), config.framework
    return RunSettings(
        configured=True,
        scenario=config.scenario,
        condition=config.condition,
        seed=own.seed,
        months=config.game.months,
        initial_stock=config.game.initial_stock,
        allocation=config.game.allocation,
        max_contributions=talk.max_contributions if talk else None,
        names=tuple((f"persona_{index}", name) for index, name in enumerate(config.names)),
        models=tuple((a.mind.model if isinstance(a.mind, RecordedMind) else None) or "unknown" for a in config.agents),
        framework_model=framework.model if isinstance(framework, RecordedFramework) else None,
        sampling=own.sampling,
        own=own,
    )


def model_label(models: Sequence[str | None]) -> str | None:
    """Return one text that names the models of all agents; None where no model is known."""
    if not any(models):
        return None
    counts = Counter(model or "unknown" for model in models)
    if len(counts) == 1:
        return next(iter(counts))
    return "mix: " + " + ".join(f"{count}x {model}" for model, count in counts.items())


def _yaml(folder: Path) -> dict[str, Any] | None:
    for path in (folder / "config.yaml", folder / ".hydra" / "config.yaml"):
        data = side_bytes(path)
        if data is None:
            continue
        try:
            # The loader in C is faster, but crashes on deep nesting. Aliases are references: what is small stays small.
            value = yaml.safe_load(data)
        except (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError, OverflowError):
            raise UnreadableLog("config.yaml is not valid YAML; mend it, or remove it to import without it") from None
        if not isinstance(value, dict):
            raise UnreadableLog("config.yaml holds no settings; mend it, or remove it to import without it")
        return value
    return None


def _source(folder: Path) -> Mapping[str, Any]:
    data = side_bytes(folder / "source.json")
    value = parse_json(data, "source.json") if data is not None else {}
    if not isinstance(value, dict):
        raise UnreadableLog("source.json is no object")
    return value


def _at(config: Mapping[str, Any] | None, path: str) -> Any:
    """Return the value at a dotted *path*, references followed, or None."""
    for _ in range(5):
        value: Any = config
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        reference = _REFERENCE.match(value) if isinstance(value, str) else None
        if reference is None:
            return None if isinstance(value, str) and "${" in value else value
        path = reference.group(1)
    return None


def _text(value: Any) -> str | None:
    return label(value)[:200] or None if isinstance(value, str) else None


def _given(experiment: Any) -> str | None:
    """Return the experiment that source.json names, unless it only says what somebody inferred."""
    name = _text(experiment)
    return None if name is None or name.endswith("(inferred)") else name


def _whole(value: Any, name: str, low: int, high: int = 100_000) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UnreadableLog(f"config.yaml has a {name} that is no whole number from {low} to {high}")
    return value


def _known_seed(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _path_hints(parts: list[str]) -> dict[str, str]:
    """Read folder names like `fishing_v7.0/Llama-3-8B` and `MODEL_fish_baseline_concurrent_universalization`."""
    hints: dict[str, str] = {}
    for part, below in zip(parts, [*parts[1:], ""], strict=True):
        experiment = _EXPERIMENT.search(part)
        if experiment:
            hints.setdefault("experiment", experiment.group(1))
            if experiment.start():
                hints.setdefault("model", part[: experiment.start()][:200])
        if _VERSIONED.match(part):
            hints.setdefault("scenario", part.rpartition("_v")[0])
            # Version 7 sorts by model; elsewhere the run itself, named word-word-number, comes next.
            if below and not _EXPERIMENT.search(below) and not re.fullmatch(r"[a-z]+-[a-z]+-\d+", below):
                hints.setdefault("model", below[:200])
    return hints


def _scenario(name: str | None) -> str | None:
    if name is None:
        return None
    for start, scenario in _SCENARIOS.items():
        if name.startswith(start):
            return scenario
    raise UnreadableLog(f"the scenario '{name[:60]}' is none that can be imported ({', '.join(_SCENARIOS.values())})")


def _condition(experiment: str | None, injected: bool) -> str | None:
    if experiment is None:
        return "universalization" if injected else None
    name = experiment.lower()
    name = re.sub(r"^(fish|fishing|sheep|pollution|trash)_|_japanese\b", "", name)
    name = re.sub(r"^(baseline|perturbation)(_concurrent)?_?", "", name)
    slug = re.sub(r"[^a-z0-9_+-]+", "_", name)[:60].strip("_")
    condition = _CONDITIONS.get(slug, slug)
    if injected and "universalization" not in condition:
        known = {"default": "universalization", "newcomer": "newcomer_universalization"}
        return known.get(condition, f"{condition}+universalization")
    return condition


def _allocation(value: Any) -> AllocationRule | None:
    if value is None:
        return None
    if value in ("stochastic", "proportional"):
        rule: AllocationRule = value
        return rule
    raise UnreadableLog("config.yaml has an assign_resource_strategy that is neither stochastic nor proportional")


def _names(personas: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(personas, dict):
        return ()
    named = {key: _text(value.get("name")) for key, value in list(personas.items())[:50] if isinstance(value, dict)}
    return tuple((str(key), name) for key, name in named.items() if name and "${" not in name)


def _path(value: Any) -> str | None:
    return _text(value.get("path")) if isinstance(value, dict) else None


def _models(config: Mapping[str, Any] | None) -> tuple[str, ...]:
    mixed = _at(config, "mix_llm")
    if isinstance(mixed, list) and mixed:
        found = [_mixed_model(config, item) for item in mixed[:50]]
        return tuple(found) if len(found) == len([name for name in found if name]) else ()
    path = _at(config, "llm.path")
    names = [_text(item) for item in (path[:50] if isinstance(path, list) else [path])]
    return tuple(name or "unknown" for name in names) if any(names) else ()


def _mixed_model(config: Mapping[str, Any] | None, item: Any) -> str:
    model = item.get("llm", item) if isinstance(item, dict) else item
    reference = _REFERENCE.match(model) if isinstance(model, str) else None
    return _path(_at(config, reference.group(1)) if reference else model) or "unknown"


def _sampling(config: Mapping[str, Any] | None) -> SamplingConfig | None:
    llm = _at(config, "llm")
    llm = llm if isinstance(llm, dict) else _at(config, "strong_model")
    if not isinstance(llm, dict):
        return None
    sent = {key: llm[key] for key in ("temperature", "top_p", "max_tokens") if llm.get(key) is not None}
    try:
        return SamplingConfig.model_validate(sent) if sent else None
    except ValidationError:
        raise UnreadableLog("config.yaml has a temperature, top_p or max_tokens that no model accepts") from None
