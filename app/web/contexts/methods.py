"""The methods page: what is played, what is measured, and how to cite it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.analysis.published import Published
from app.commons.fidelity import Deviation, Switch
from app.commons.scenario import Condition, Scenario
from app.minds.prompt_folders import FoundSet
from app.web.contexts.launch import Choice


@dataclass(frozen=True)
class ApiLine:
    """One address of the API."""

    method: str
    path: str
    summary: str


@dataclass(frozen=True)
class Metric:
    """A metric of one run, and what is told of it for a group of runs.

    Attributes:
        name: in the API, and of its anchor (`urls.metric`).
        label: for people.
        formula: which of partials/formulas.html defines it; empty where words do.
        definition: in words.
        undefined: when a run has none; empty where it always has one.
        group: the group's number and its 95 % interval; empty where none is told.
    """

    name: str
    label: str
    formula: str
    definition: str
    undefined: str
    group: str


_MEAN = "Mean over runs with Student's interval, clipped to what is possible; from ten runs on also a BCa bootstrap."

METRICS = (
    Metric(
        "survival_time",
        "Survival time",
        "survival_time",
        "The month of the collapse; in a run without one, the months played.",
        "View-only runs of other games have none.",
        "Restricted mean up to month T from Kaplan and Meier's curve, so that runs that stopped early count for as "
        "long as they were watched.",
    ),
    Metric(
        "survived",
        "Survived",
        "",
        "All T months were played without a collapse. A collapse in month T is a collapse.",
        "A run that stopped before either is censored: whether it would have survived is unknown.",
        "Survival rate: the share of complete runs, with Wilson's score interval. Censored runs are out of the "
        "denominator, visibly, with bounds for the worst and the best case.",
    ),
    Metric(
        "gain",
        "Gain",
        "gain",
        "Everything agent i collected, in units; lists show the mean over the agents. 120 per agent is the sustained "
        "optimum of the standard game.",
        "",
        _MEAN,
    ),
    Metric(
        "efficiency",
        "Efficiency",
        "efficiency",
        "What was collected, against the threshold of month 1 taken in every month; at most 100 %.",
        "Before the first harvest, or where nothing at all is sustainable.",
        _MEAN,
    ),
    Metric(
        "equality",
        "Equality",
        "equality",
        "One minus the Gini coefficient of the agents' gains. Where agents join later it is also told on the gain per "
        "month present.",
        "When nobody collected anything.",
        _MEAN,
    ),
    Metric(
        "over_usage",
        "Over-usage",
        "over_usage",
        "The share of harvests in which an agent collected more than its sustainable share.",
        "Before the first harvest.",
        _MEAN,
    ),
    Metric(
        "over_usage_asked",
        "Over-usage (asked)",
        "",
        "The same on what was asked for, whatever was left to get. An unreadable answer asks for nothing.",
        "Before the first harvest.",
        _MEAN,
    ),
    Metric(
        "kept",
        "Said and did",
        "",
        "After a talk, the limit per agent that was agreed there holds for the next month: who asks for at most that "
        "kept it, who asks for more broke it. The limit is read from the talk by the framework, a model that is no "
        "agent.",
        "Where nothing was agreed, or the answer was unreadable.",
        "",
    ),
    Metric(
        "unreadable",
        "Unreadable",
        "",
        "Harvest answers that no attempt could read. The agent takes nothing that month, and the run says so wherever "
        "it appears.",
        "",
        "Results are told with such runs, without them, and as if they had asked for everything.",
    ),
)


@dataclass(frozen=True)
class MethodsPage:
    """pages/methods.html.

    Attributes:
        metrics: of a run.
        scenarios: playable ones.
        conditions: all.
        deviations: what can be played as the research code does.
        policies: scripted minds with a line on each.
        prompt_sets: that are in force.
        published: what others measured.
        api: its addresses.
        version: of the app.
        engine_version: of the rules.
        schema_revision: of the database.
        software: how to cite this program, as BibTeX.
        paper: how to cite the paper whose game this is, as BibTeX.
    """

    metrics: Sequence[Metric]
    scenarios: Sequence[Scenario]
    conditions: Sequence[Condition]
    deviations: Mapping[Switch, Deviation]
    policies: Sequence[Choice]
    prompt_sets: Sequence[FoundSet]
    published: Published
    api: Sequence[ApiLine]
    version: str
    engine_version: str
    schema_revision: str | None
    software: str
    paper: str


def software_citation(version: str, engine_version: str, prompt_sets: Sequence[FoundSet]) -> str:
    """Return BibTeX for this program as it is installed: its version, its engine's and its base prompts'."""
    base = next((found.prompts.hash[:12] for found in prompt_sets if found.name == "base" and found.prompts), None)
    prompts = f"; prompt set base {base}" if base else ""
    return (
        "@software{govsim_observatory,\n"
        "  title   = {GovSim Observatory},\n"
        "  author  = {{GovSim Observatory contributors}},\n"
        f"  version = {{{version}}},\n"
        f"  note    = {{engine version {engine_version}{prompts}}}\n"
        "}"
    )
