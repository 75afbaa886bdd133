"""The form of an experiment: from what was typed and ticked to a definition, and back."""

import tomllib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from app.commons.toml_text import toml_text
from app.jobs.definition import Definition, GridModel, label_of
from app.jobs.definition_text import NOT_SENT, DefinitionError, definition_from, read_definition
from app.jobs.seeds import read_seeds, write_seeds
from app.web.budget_form import amounts, read_limits
from app.web.format import count

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "name": "",
        "note": "",
        "more_models": "",
        "seeds": "1-5",
        "order_seed": "1",
        "months": "",
        "temperature": "0",
        "prompts": "base",
        "settings": "",
        "plan": "",
        "budget_tokens": "",
        "budget_cost": "",
        "run_tokens": "",
        "run_cost": "",
    }
)
SEVERAL = ("scenarios", "conditions", "models")
"""What is ticked, any number of each."""
USUAL = MappingProxyType({"scenarios": ("fishery",), "conditions": ("default",), "models": ("scripted:fair-share",)})
LONG = frozenset({"settings", "plan", "more_models"})
MAX_FIELD = 200
_OWN_FIELDS = ("months", "temperature", "prompts")
"""Settings with a field of their own; all others are typed as TOML."""
_PLACES: Mapping[str, str] = MappingProxyType(
    {"budget.tokens": "budget_tokens", "budget.cost": "budget_cost"}
    | {"budget.run_tokens": "run_tokens", "budget.run_cost": "run_cost"}
)


class ExperimentForm:
    """The form as it was filled in: `values` are texts, `chosen` what is ticked, `errors` sentences by field."""

    def __init__(self, values: Mapping[str, str], chosen: Mapping[str, tuple[str, ...]]) -> None:
        self.values = dict(DEFAULTS) | {
            name: text.strip()[: _most(name)] for name, text in values.items() if name in DEFAULTS
        }
        self.chosen = {name: tuple(dict.fromkeys(chosen.get(name, ()))) for name in SEVERAL}
        self.errors: dict[str, str] = {}

    @classmethod
    def given(cls, items: Iterable[tuple[str, object]]) -> "ExperimentForm":
        """Return the form that was sent."""
        values: dict[str, str] = {}
        chosen: dict[str, tuple[str, ...]] = {}
        for name, value in items:
            if isinstance(value, str) and name in SEVERAL:
                chosen[name] = (*chosen.get(name, ()), value.strip()[:MAX_FIELD])
            elif isinstance(value, str):
                values[name] = value.replace("\r\n", "\n")
        return cls(values, chosen)

    @classmethod
    def usual(cls) -> "ExperimentForm":
        """Return the form as somebody finds it."""
        return cls({}, USUAL)

    @classmethod
    def of(cls, definition: Definition) -> "ExperimentForm":
        """Return the form that makes *definition*."""
        given = definition.settings.model_dump(mode="json", exclude_defaults=True)
        temperature = definition.settings.temperature
        ticked = [model for model in definition.models if _is_ticked(model)]
        lines = [f"{model.label} = {', '.join(model.minds)}" for model in definition.models if not _is_ticked(model)]
        more = {name: value for name, value in given.items() if name not in _OWN_FIELDS}
        if definition.settings.top_p is None:
            more["top_p"] = NOT_SENT
        shared, each = amounts(definition.budget.shared), amounts(definition.budget.each)
        plan = definition.plan
        values = {
            "name": definition.name,
            "note": definition.note or "",
            "more_models": "\n".join(lines),
            "seeds": write_seeds(list(definition.seeds)),
            "order_seed": str(definition.order_seed),
            "months": str(given.get("months", "")),
            "temperature": "" if temperature is None else f"{temperature:g}",
            "prompts": definition.settings.prompts,
            "settings": toml_text(more).strip(),
            "plan": "" if plan is None else toml_text(plan.model_dump(mode="json", exclude_defaults=True)).strip(),
            "budget_tokens": shared["tokens"],
            "budget_cost": shared["cost"],
            "run_tokens": each["tokens"],
            "run_cost": each["cost"],
        }
        chosen = {"scenarios": definition.scenarios, "conditions": definition.conditions}
        return cls(values, chosen | {"models": tuple(model.minds[0] for model in ticked)})

    def definition(self) -> Definition | None:
        """Return what is asked for, None if something is wrong; `errors` then say what, by field."""
        self.errors = {}
        data: dict[str, Any] = {
            "name": self.values["name"] or self._usual_name(),
            "note": self.values["note"] or None,
            "scenarios": list(self.chosen["scenarios"]),
            "conditions": list(self.chosen["conditions"]),
            "models": self._models(),
            "seeds": self._seeds(),
            "order_seed": self._number("order_seed", whole=True),
            "settings": self._table("settings") | self._settings(),
            "budget": self._budget(),
            "plan": self._table("plan") or None,
        }
        missing = {
            "scenarios": "Choose at least one scenario.",
            "conditions": "Choose at least one condition.",
            "models": "Choose at least one model.",
        }
        for name, text in missing.items():
            if not data[name]:
                self.errors.setdefault(name, text)
        if self.errors:
            return None
        try:
            return definition_from(data)
        except DefinitionError as error:
            self.take(error)
            return None

    def take(self, error: DefinitionError) -> None:
        """Put what is wrong with a definition beside the fields it came from."""
        for place, text in error.fields.items():
            field, said = _field_of(place), text.removeprefix(f"{place}: ").removeprefix("Definition: ")
            if field in ("settings", "plan") and "." in place:
                # One field holds many settings: the sentence says which of them is meant.
                said = f"{place.partition('.')[2]}: {said}"
            # A sentence about a model begins with its label, which stays as it is written.
            self.errors.setdefault(field, said if field == "models" else f"{said[:1].upper()}{said[1:]}")

    def _usual_name(self) -> str:
        """Return a name for an experiment without one, such as "3 models, 2 scenarios"."""
        lines = [line for line in self.values["more_models"].split("\n") if line.strip()]
        models = len(self.chosen["models"]) + len(lines)
        return f"{count(models, 'model')}, {count(len(self.chosen['scenarios']), 'scenario')}"

    def _models(self) -> list[Any]:
        found: list[Any] = [{"minds": [mind]} for mind in self.chosen["models"]]
        for line in self.values["more_models"].split("\n"):
            if not line.strip():
                continue
            # A label may hold "=": minds never do before their colon.
            label, given, minds = line.rpartition(" = ") if " = " in line else ("", "", line)
            listed = [mind.strip() for mind in minds.split(",") if mind.strip()]
            if given and not label.strip():
                self.errors["models"] = f"“{line.strip()[:60]}” has no label. Write LABEL = mind, mind, …"
            found.append({"label": label.strip(), "minds": listed} if label.strip() else {"minds": listed})
        return found

    def _seeds(self) -> list[int]:
        try:
            return read_seeds(self.values["seeds"])
        except ValueError as error:
            self.errors["seeds"] = str(error)
            return []

    def _settings(self) -> dict[str, Any]:
        found: dict[str, Any] = {"prompts": self.values["prompts"] or "base"}
        if self.values["months"]:
            found["months"] = self._number("months", whole=True)
        found["temperature"] = self._number("temperature") if self.values["temperature"] else None
        return found

    def _number(self, field: str, *, whole: bool = False) -> float | int | None:
        text = self.values[field].replace(" ", "").replace(",", ".")
        try:
            return int(text) if whole else float(text)
        except ValueError:
            self.errors[field] = "Write a whole number." if whole else "Write a number, like 0.7, or leave it empty."
            return None

    def _table(self, field: str) -> dict[str, Any]:
        try:
            found = tomllib.loads(self.values[field])
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it cannot be read"
            self.errors[field] = f"This is no TOML: {reason[:200]}."
            return {}
        if twice := [name for name in _OWN_FIELDS if field == "settings" and name in found]:
            self.errors[field] = f"{twice[0].capitalize()} has a field of its own: leave it out here."
        if found.get("top_p") == NOT_SENT:
            found["top_p"] = None
        return found

    def _budget(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for scope, names in (("", ("budget_tokens", "budget_cost")), ("run_", ("run_tokens", "run_cost"))):
            limits, errors = read_limits(*(self.values[name] for name in names))
            found |= {f"{scope}{name}": value for name, value in limits.items() if value is not None}
            self.errors |= {
                dict(zip(("tokens", "cost"), names, strict=True))[name]: text for name, text in errors.items()
            }
        return found


def filled_from(text: str | bytes) -> ExperimentForm:
    """Return the form filled in from TOML.

    Raises:
        DefinitionError: naming each wrong place by its key, its table and its line.
    """
    return ExperimentForm.of(read_definition(text))


def _is_ticked(model: GridModel) -> bool:
    return len(model.minds) == 1 and model.label == label_of(model.minds)


def _field_of(place: str) -> str:
    if place in _PLACES:
        return _PLACES[place]
    table, _, rest = place.partition(".")
    table = table.partition("[")[0]
    if table == "settings":
        return rest if rest in _OWN_FIELDS else "settings"
    return table if table in (*DEFAULTS, *SEVERAL) else ""


def _most(name: str) -> int:
    return 20_000 if name in LONG else 5000 if name == "note" else 2000 if name == "seeds" else MAX_FIELD
