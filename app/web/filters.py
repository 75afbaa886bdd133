"""What the list of runs can be filtered and ordered by, and how that is read from an address."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from app.commons.scenario import conditions, scenarios
from app.store.queries import SORTS, RunFilter

# Name of the order, title of the column, whether it holds numbers.
COLUMNS = (
    ("created", "Run", False),
    ("models", "Minds", False),
    ("state", "Outcome", False),
    ("survival", "Months", True),
    ("gain", "Gain", True),
    ("efficiency", "Efficiency", True),
    ("equality", "Equality", True),
    ("over_usage", "Over-usage", True),
)

OUTCOMES = (
    ("survived", "survived"),
    ("collapsed", "collapsed"),
    ("censored", "stopped early"),
    ("undecided", "undecided"),
)
MINDS = {"scripted": "scripted", "generative": "models", "mixed": "both", "imported": "imported"}


def read_filter(query: Mapping[str, str]) -> tuple[RunFilter, list[str]]:
    """Return the filter that *query* asks for; what cannot be read is left out, with a sentence about it."""
    given = {name: value for name, value in query.items() if name in RunFilter.model_fields and value.strip()}
    notices = []
    if given.get("sort", "created") not in SORTS:
        notices.append(f"The list cannot be ordered by “{given.pop('sort')[:40]}”; the latest come first.")
    while True:
        try:
            return RunFilter.model_validate(given), notices
        except ValidationError as error:
            name = str(error.errors(include_input=False)[0]["loc"][0])
            notices.append(f"“{given.pop(name)[:40]}” is no {name.replace('_', ' ')}; it is left out.")


def choices(values: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, str]]]:
    """Return what can be chosen in each filter, as (value, label): what occurs, in words for people."""
    known_scenarios, known_conditions = scenarios(), conditions()
    return {
        "scenario": [(v, known_scenarios[v].label if v in known_scenarios else v) for v in values["scenario"]],
        "condition": [
            (v, known_conditions[v].label if v in known_conditions else v.replace("_", " ").capitalize())
            for v in values["condition"]
        ],
        "state": [(v, v) for v in values["state"]],
        "minds": [(v, MINDS.get(v, v)) for v in values["minds"]],
        "models": [(v, v) for v in values["models"]],
        "outcome": list(OUTCOMES),
    }
