"""The launch form: from what was typed to a plan, with a sentence beside each field that is wrong, and back."""

import re
from collections.abc import Iterable, Mapping
from math import isfinite, nan
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from app.commons.config import (
    MAX_AGENTS,
    EpisodeConfig,
    GenerativeFramework,
    GenerativeMind,
    HomePhase,
    OthersPhase,
    RecordedMind,
    ScriptedMind,
    TalkPhase,
)
from app.commons.scenario import conditions, personas, scenarios
from app.jobs.choices import MAX_PERSONAS_CHARS, read_choices, write_personas
from app.jobs.complaints import complaint
from app.jobs.launch import no_prices, plan_configs, require_prices
from app.jobs.launch_plan import MAX_RUNS, CheckModel, LaunchError, LaunchPlan
from app.store.purse import PriceOf
from app.web.budget_form import read_limits

MAX_CHARS = 200
LONGER: Mapping[str, int] = MappingProxyType(
    {"seeds": 2000, "names": 20_000, "mind": 250, "framework": 250, "personas": MAX_PERSONAS_CHARS}
)
MULTIPLE = frozenset({"disclose", "fidelity"})
"""Fields that can be chosen several times; their values stand with commas between."""

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "scenario": "fishery",
        "condition": "default",
        "mind": "scripted:fair-share",
        "names": "",
        "framework": "",
        "seeds": "42",
        "months": "",
        "talk": "",
        "report": "",
        "observe_others": "",
        "home": "",
        "disclose": "",
        "fidelity": "",
        "personas": "",
        "capacity": "100",
        "initial_stock": "",
        "growth": "2",
        "collapse_threshold": "5",
        "allocation": "stochastic",
        "temperature": "0",
        "top_p": "1",
        "max_tokens": "8000",
        "prompts": "base",
        "ratings": "single",
        "embedding": "",
        "name": "",
        "priority": "0",
        "budget_tokens": "",
        "budget_cost": "",
        "experiment_budget_tokens": "",
        "experiment_budget_cost": "",
    }
)
ADVANCED = (
    "capacity", "initial_stock", "growth", "collapse_threshold", "allocation", "temperature", "top_p", "max_tokens",
    "ratings", "embedding", "names", "framework", "prompts", "name", "priority",
    "talk", "report", "observe_others", "home", "disclose", "fidelity", "personas",
)  # fmt: skip

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_YES_NO: Mapping[str, bool | None] = MappingProxyType({"": None, "yes": True, "no": False})
_RANGE = re.compile(r"([0-9]{1,10})\s*[-–]\s*([0-9]{1,10})")


def given_fields(items: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Return the texts of a form or a query by field: the last one given, or all where several can be chosen."""
    found: dict[str, str] = {}
    for name, value in items:
        if isinstance(value, str):
            several = name in MULTIPLE and found.get(name)
            found[name] = f"{found[name]},{value}" if several else value
    return found


class Form:
    """The form as it was filled in: `values` are texts, `errors` sentences by field."""

    def __init__(self, given: Mapping[str, str]) -> None:
        known = {*DEFAULTS, *(f"mind_{number}" for number in range(1, MAX_AGENTS + 1))}
        self.values = dict(DEFAULTS) | {
            name: str(value).strip()[: LONGER.get(name, MAX_CHARS)] for name, value in given.items() if name in known
        }
        self.errors: dict[str, str] = {}

    @property
    def names(self) -> list[str]:
        """The agents' names: those typed, else the scenario's."""
        typed = [name.strip() for name in self.values["names"].split(",") if name.strip()]
        scenario = scenarios().get(self.values["scenario"])
        return typed[:MAX_AGENTS] if typed else list(scenario.agents if scenario else ())

    def chosen(self, field: str) -> list[str]:
        """Return what is chosen in a field that takes several."""
        return [name.strip() for name in self.values[field].split(",") if name.strip()]

    @property
    def models(self) -> list[str]:
        """The models that are chosen, each once: of agents, of the framework, for embeddings."""
        minds = [self.values.get(f"mind_{number}") or self.values["mind"] for number in range(1, len(self.names) + 1)]
        minds.append(self.values["framework"])
        asked = [text.removeprefix("generative:") for text in minds if text.startswith("generative:")]
        embedding = [self.values["embedding"]] if asked and self.values["embedding"] else []
        return list(dict.fromkeys([*asked, *embedding]))

    def plan(self) -> LaunchPlan | None:
        """Return what is asked for, None if it cannot even be read; `errors` then say why.

        Fields that cannot be read stand at their default in the plan, so that the others can be checked too.
        """
        fields: dict[str, Any] = {
            "scenario": self.values["scenario"],
            "condition": self.values["condition"],
            "minds": self._minds(),
            "agents": self._typed_names(),
            "framework": self.values["framework"] or None,
            "seeds": self._seeds(),
            "months": self._whole("months", None),
            "talk": self._yes_no("talk"),
            "observe_others": self._yes_no("observe_others"),
            "home": self._yes_no("home"),
            "capacity": self._whole("capacity", 100),
            "initial_stock": self._whole("initial_stock", None),
            "growth": self._decimal("growth", 2.0),
            "collapse_threshold": self._whole("collapse_threshold", 5),
            "allocation": self.values["allocation"],
            "temperature": self._decimal("temperature", None),
            "top_p": self._decimal("top_p", None),
            "max_tokens": self._whole("max_tokens", 8000),
            "prompts": self.values["prompts"],
            "ratings": self.values["ratings"],
            "embedding": self.values["embedding"] or None,
            "name": self.values["name"] or None,
            "priority": self._whole("priority", 0),
        }
        for scope in ("", "experiment_"):
            fields |= self._budget(f"{scope}budget_tokens", f"{scope}budget_cost")
        try:
            fields |= read_choices(
                self.values["report"] or None, self.chosen("disclose"), self.chosen("fidelity"), self.values["personas"]
            )
        except LaunchError as error:
            self.errors |= error.fields
        try:
            return LaunchPlan.model_validate(fields)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                text = complaint(item)
                self.errors.setdefault(str(item["loc"][0]), text[:1].upper() + text[1:] + ".")
            return None

    def check(
        self, check_model: CheckModel, price_of: PriceOf = no_prices
    ) -> tuple[LaunchPlan, list[EpisodeConfig]] | None:
        """Return the plan and its configurations, or None; `errors` then name every wrong field."""
        plan = self.plan()
        if plan is None:
            return None
        try:
            configs = plan_configs(plan, check_model)
            require_prices(plan, configs, price_of)
        except LaunchError as error:
            self.errors = error.fields | self.errors
            return None
        return None if self.errors else (plan, configs)

    def _budget(self, tokens: str, cost: str) -> dict[str, Any]:
        """Return the limits of one budget; what cannot be read is named and left out."""
        limits, errors = read_limits(self.values[tokens], self.values[cost])
        self.errors |= {{"tokens": tokens, "cost": cost}[name]: text for name, text in errors.items()}
        return {tokens: limits["tokens"], cost: limits["cost"]}

    def _yes_no(self, field: str) -> bool | None:
        if self.values[field] not in _YES_NO:
            self.errors[field] = "Choose yes, no, or as the condition says."
        return _YES_NO.get(self.values[field])

    def _minds(self) -> list[str]:
        everybody = self.values["mind"]
        minds = [self.values.get(f"mind_{number}") or everybody for number in range(1, len(self.names) + 1)]
        return minds if len(set(minds)) > 1 else [everybody if not minds else minds[0]]

    def _typed_names(self) -> list[str] | None:
        typed = [name.strip() for name in self.values["names"].split(",") if name.strip()]
        if len(typed) > MAX_AGENTS:
            self.errors["agents"] = f"At most {MAX_AGENTS} agents; these are {len(typed)}."
            typed = typed[:MAX_AGENTS]
        return typed or None

    def _seeds(self) -> list[int]:
        found: list[int] = []
        for part in re.split(r"[,;\s]+(?![-–])", re.sub(r"\s*([-–])\s*", r"\1", self.values["seeds"])):
            between = _RANGE.fullmatch(part)
            if between:
                low, high = int(between[1]), int(between[2])
                if low > high:
                    self.errors["seeds"] = f"The range {part} runs backwards. Write {high}-{low}."
                    return [1]
                if high - low >= MAX_RUNS:
                    self.errors["seeds"] = f"At most {MAX_RUNS} runs at once; {part} would be {high - low + 1}."
                    return [1]
                found += range(low, high + 1)
            elif _WHOLE.fullmatch(part):
                found.append(int(part))
            elif part:
                self.errors["seeds"] = f"“{part[:40]}” is no seed. Write whole numbers, like 1, 2, 3 or 1-5."
                return [1]
        if not found:
            self.errors["seeds"] = "Give at least one seed, like 1."
            return [1]
        if len(found) > MAX_RUNS:
            self.errors["seeds"] = f"At most {MAX_RUNS} runs at once; these are {len(found)}."
            return [1]
        return found

    def _whole(self, field: str, default: int | None) -> int | None:
        text = self.values[field].replace(" ", "")
        if _WHOLE.fullmatch(text):
            return int(text)
        if text or default is not None:
            self.errors[field] = "Write a whole number" + (f", like {default}." if default is not None else ".")
        return default

    def _decimal(self, field: str, default: float | None) -> float | None:
        text = self.values[field].replace(" ", "").replace(",", ".")
        if not text and default is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = nan
        if isfinite(number):
            return number
        self.errors[field] = "Write a number, like 1.5."
        return default


def form_of(config: EpisodeConfig) -> dict[str, str]:
    """Return the form that would launch *config* again; minds that cannot be asked again are left out."""
    game = config.game
    values = {
        "scenario": config.scenario,
        "condition": config.condition,
        "seeds": str(config.seed),
        "months": str(game.months),
        "capacity": str(game.capacity),
        "initial_stock": "" if game.initial_stock == game.capacity else str(game.initial_stock),
        "growth": f"{game.growth:g}",
        "collapse_threshold": str(game.collapse_threshold),
        "allocation": game.allocation,
    }
    values |= _details(config)
    scenario = scenarios().get(config.scenario)
    if scenario is None or scenario.agents != config.names:
        values["names"] = ", ".join(config.names)
    minds = [_mind_text(agent.mind) for agent in config.agents]
    if all(minds):
        # The commonest stands for all, the others for themselves.
        values["mind"] = max(minds, key=minds.count)
        for number, mind in enumerate(minds, 1):
            if mind != values["mind"]:
                values[f"mind_{number}"] = mind
    models = [agent.mind for agent in config.agents if isinstance(agent.mind, GenerativeMind)]
    if models:
        sampling = models[0].sampling
        values["temperature"] = "" if sampling.temperature is None else f"{sampling.temperature:g}"
        values["top_p"] = "" if sampling.top_p is None else f"{sampling.top_p:g}"
        values["max_tokens"] = str(sampling.max_tokens)
        values["prompts"] = models[0].prompts
        values["ratings"] = models[0].ratings
        values["embedding"] = models[0].embedding or ""
    if isinstance(config.framework, GenerativeFramework):
        follows = bool(models) and models[0].model == config.framework.model
        values["framework"] = "" if follows else f"generative:{config.framework.model}"
    elif models and config.framework.type == "scripted":
        values["framework"] = "scripted"
    if config.condition not in conditions():
        del values["condition"]
    if scenario is None or not scenario.playable:
        del values["scenario"]
    return values


def _details(config: EpisodeConfig) -> dict[str, str]:
    """Return the fields in which *config* departs from its condition."""
    values = {"disclose": ",".join(config.disclose), "fidelity": ",".join(config.fidelity)}
    condition = conditions().get(config.condition)
    if condition is None or any(isinstance(agent.mind, RecordedMind) for agent in config.agents):
        return values
    talk = config.phase(TalkPhase)
    is_so = {
        "talk": (talk is not None, condition.talk),
        "observe_others": (config.phase(OthersPhase) is not None, condition.observe_others),
        "home": (config.phase(HomePhase) is not None, condition.home),
    }
    values |= {field: "yes" if now else "no" for field, (now, usual) in is_so.items() if now != usual}
    if talk is not None and talk.report != condition.report:
        values["report"] = talk.report
    return values | {"personas": write_personas(personas(config))}


def _mind_text(mind: object) -> str:
    if isinstance(mind, ScriptedMind):
        return f"scripted:{mind.policy}"
    return f"generative:{mind.model}" if isinstance(mind, GenerativeMind) else ""
