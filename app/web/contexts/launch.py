"""The launch form: what can be chosen, what was, what is wrong, and what it would use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.commons.config import Disclosure
from app.commons.fidelity import Deviation, Switch
from app.commons.scenario import Condition, Scenario
from app.models.check import ModelCheck
from app.models.hub import EndpointView
from app.store.records import RunRecord


@dataclass(frozen=True)
class Choice:
    """An option of a select."""

    value: str
    label: str


@dataclass(frozen=True)
class AgentField:
    """One agent's row in the launch form; `mind` is empty where it follows all."""

    number: int
    name: str
    mind: str


@dataclass(frozen=True)
class Shown:
    """What a launch would use: a sentence, labels and texts, and where they come from; `count` is how many runs.

    `notes` say which models are too short for it.
    """

    count: int
    text: str
    lines: Sequence[tuple[str, str]]
    source: str
    notes: Sequence[str]


@dataclass(frozen=True)
class LaunchPage:
    """pages/launch.html.

    Attributes:
        scenarios: playable ones.
        conditions: all.
        policies: scripted minds with a line on each.
        models: names of models that can be asked, by endpoint.
        groups: what an endpoint is called, where not by its name.
        labels: what a model is, by its name, where that is known.
        embeddings: names of embedding models that can be asked.
        agents: a row an agent.
        values: every field as it was given, as text.
        chosen: what is ticked where several can be.
        disclosures: what agents can be told beyond the usual.
        deviations: what can be played as the research code does.
        errors: a sentence for each wrong field.
        submission: a token that makes sending twice launch once.
        estimate: what the runs would use; None where the form is wrong.
        count: how many runs, for the button.
        source: the run this form was filled from.
        missing: endpoints that lack their key.
        prompt_sets: names of the prompt sets that can be used.
        advanced: whether the advanced numbers are shown at once.
        budgeted: whether any budget is typed.
        checks: what a check of the chosen models came to that was just made; empty where none was.
    """

    scenarios: Sequence[Scenario]
    conditions: Sequence[Condition]
    policies: Sequence[Choice]
    models: Mapping[str, Sequence[str]]
    groups: Mapping[str, str]
    labels: Mapping[str, str]
    embeddings: Sequence[str]
    agents: Sequence[AgentField]
    values: Mapping[str, str]
    chosen: Sequence[str]
    disclosures: Mapping[Disclosure, str]
    deviations: Mapping[Switch, Deviation]
    errors: Mapping[str, str]
    submission: str
    estimate: Shown | None
    count: int
    source: RunRecord | None
    missing: Sequence[EndpointView]
    prompt_sets: Sequence[str]
    advanced: bool
    budgeted: bool
    checks: Sequence[ModelCheck]
