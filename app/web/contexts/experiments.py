"""The declared variables of the pages of experiments: their list, and the form of a new one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.commons.scenario import Condition, Scenario
from app.store.experiments import ExperimentLine
from app.web.contexts.launch import Choice, Shown
from app.web.health import Health


@dataclass(frozen=True)
class ExperimentsPage:
    """pages/experiments.html.

    Attributes:
        lines: this page of the list.
        total: how many experiments fit the filter.
        any: whether there are any at all.
        first: number of the first one shown, from 1.
        chosen: the filter as it is, as query parameters.
        filtered: whether anything is filtered.
        previous: the page before, if any.
        following: the page after, if any.
        json: the API's twin of this list.
        live: whether anything may still change.
        health: whether somebody plays.
    """

    lines: Sequence[ExperimentLine]
    total: int
    any: bool
    first: int
    chosen: Mapping[str, str]
    filtered: bool
    previous: str | None
    following: str | None
    json: str
    live: bool
    health: Health


@dataclass(frozen=True)
class Grid:
    """How large a grid is, in words, and what so many runs a cell can show."""

    size: str
    shows: str


@dataclass(frozen=True)
class NewExperimentPage:
    """pages/experiment_new.html.

    Attributes:
        scenarios: playable ones.
        conditions: all.
        policies: scripted minds with a line on each.
        models: names of models that can be asked, by endpoint.
        strangers: ticked models that are not among them.
        values: every field as it was given, as text.
        chosen: what is ticked, by field.
        errors: a sentence for each wrong field.
        submission: a token that makes sending twice launch once.
        estimate: what the runs would use; None where the form is wrong.
        grid: how large it is; None where the form is wrong.
        bundled: definitions that come along: name, title, size.
        prompt_sets: names of the prompt sets that can be used.
        toml: what was pasted and could not be read, or the form as a file.
        toml_errors: what is wrong with what was pasted.
        advanced: whether the further settings are shown at once.
        budgeted: whether any budget is typed.
        most: the most runs of an experiment.
    """

    scenarios: Sequence[Scenario]
    conditions: Sequence[Condition]
    policies: Sequence[Choice]
    models: Mapping[str, Sequence[str]]
    strangers: Sequence[str]
    values: Mapping[str, str]
    chosen: Mapping[str, Sequence[str]]
    errors: Mapping[str, str]
    submission: str
    estimate: Shown | None
    grid: Grid | None
    bundled: Sequence[tuple[str, str, str]]
    prompt_sets: Sequence[str]
    toml: str
    toml_errors: Sequence[str]
    advanced: bool
    budgeted: bool
    most: int
