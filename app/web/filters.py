"""What the list of runs can be filtered and ordered by, and how that is read from an address."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from app.commons.scenario import conditions, scenarios
from app.jobs.complaints import complaint
from app.store.queries import SORTS, RunFilter


class Column(NamedTuple):
    """A column of the list: its name in addresses, its title, what it is sorted by, whether it holds numbers."""

    name: str
    title: str
    sort: str | None
    numeric: bool = False


FIRST = Column("run", "Run", "created")
COLUMNS = (
    Column("minds", "Minds", "models"),
    Column("outcome", "Outcome", "state"),
    Column("months", "Months", "survival", True),
    Column("gain", "Gain", "gain", True),
    Column("efficiency", "Efficiency", "efficiency", True),
    Column("equality", "Equality", "equality", True),
    Column("over_usage", "Over-usage", "over_usage", True),
    Column("condition", "Condition", "condition"),
    Column("seed", "Seed", None, True),
    Column("experiment", "Experiment", None),
    Column("calls", "Calls", None, True),
    Column("cost", "Cost", None, True),
)
USUAL_COLUMNS = tuple(column.name for column in COLUMNS[:7])

OUTCOMES = (
    ("survived", "survived"),
    ("collapsed", "collapsed"),
    ("censored", "stopped early"),
    ("undecided", "undecided"),
)
ARCHIVED = (("only", "archived"), ("all", "with archived"))
ORIGINS = (("native", "played here"), ("imported", "imported"))
MINDS = {"scripted": "scripted", "generative": "generative", "mixed": "partly scripted", "imported": "imported"}


TITLES = {"q": "the search", "limit": "the number of rows", "descending": "the direction", "offset": "the first row"}


def read_filter(query: Mapping[str, str]) -> tuple[RunFilter, list[str]]:
    """Return the filter that *query* asks for; what cannot be read is left out, with a sentence about it."""
    given = {name: value for name, value in query.items() if name in RunFilter.model_fields and value.strip()}
    unknown = sorted({name[:40] for name in query if name not in RunFilter.model_fields})
    notices = [f"Runs cannot be filtered by “{name}”; it is left out." for name in unknown[:5]]
    if given.get("sort", "created") not in SORTS:
        notices.append(f"The list cannot be ordered by “{given.pop('sort')[:40]}”; the latest come first.")
    while True:
        try:
            return RunFilter.model_validate(given), notices
        except ValidationError as error:
            problem = error.errors(include_input=False)[0]
            name = str(problem["loc"][0])
            title = TITLES.get(name, name.replace("_", " "))
            notices.append(f"{title.capitalize()} “{given.pop(name)[:40]}” is left out: {complaint(problem)}.")


def read_columns(given: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns that an address asks for, as `columns=a,b` or `columns=a&columns=b`; else the usual ones."""
    names = {name.strip() for text in given for name in text.split(",")}
    wanted = names & {column.name for column in COLUMNS} or set(USUAL_COLUMNS)
    return tuple(column for column in COLUMNS if column.name in wanted)


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
        "tag": [(v, v) for v in values["tag"]],
        "origin": list(ORIGINS),
        "archived": list(ARCHIVED) if values["archived"] else [],
    }
