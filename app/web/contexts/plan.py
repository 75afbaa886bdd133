"""pages/plan.html: the plan of an experiment, its versions, and the form that freezes one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from app.analysis.comparison import NAMES
from app.analysis.power import smallest_p_said
from app.commons.plan import ExperimentPlan
from app.commons.toml_text import toml_text
from app.store.experiments import CellRun
from app.store.frozen_plans import FrozenPlan

COUNTED = {
    "with": "as asking for 0, as they were played",
    "without": "not at all: runs that have any are left out",
    "worst": "as asking for everything",
}
EXPECTED = {"either": "a difference", "higher": "higher", "lower": "lower"}


@dataclass(frozen=True)
class PlanPage:
    """pages/plan.html.

    Attributes:
        id: of the experiment.
        name: of the experiment.
        runs: how many runs it has now.
        versions: of the plan, the latest first.
        added: runs that were added after the latest version, with their seeds in words.
        text: what stands in the form, TOML.
        reason: what stands beside it.
        seeds: what stands in the form that adds runs.
        extensible: whether runs can be added: the experiment was launched by a definition.
        errors: what is wrong with the form, by field; "" is the whole.
        json: the API's twin.
        shows: what n can show at best, by version.
        names: titles of the metrics.
        counted: what unreadable harvests count as, in words.
        expected: what a contrast expects, in words.
    """

    id: str
    name: str
    runs: int
    versions: Sequence[FrozenPlan]
    added: Sequence[str]
    text: str
    reason: str
    seeds: str
    extensible: bool
    errors: Mapping[str, str]
    json: str
    shows: Mapping[int, str]
    names: Mapping[str, str] = field(default_factory=lambda: NAMES)
    counted: Mapping[str, str] = field(default_factory=lambda: COUNTED)
    expected: Mapping[str, str] = field(default_factory=lambda: EXPECTED)


def shows(versions: Sequence[FrozenPlan]) -> dict[int, str]:
    """Say by version what as many runs as the plan has can show at best, cell against cell."""
    return {one.version: smallest_p_said(one.plan.runs_per_cell, one.plan.runs_per_cell) for one in versions}


def plan_text(plan: ExperimentPlan) -> str:
    """Return a plan as TOML."""
    return toml_text(plan.model_dump(mode="json", exclude_defaults=True))


def suggested(runs: Sequence[CellRun]) -> str:
    """Return the beginning of a plan for these runs as TOML: contrasts of what varies, hypotheses left to write."""
    per_cell = Counter((run.label, run.condition, run.scenario) for run in runs)
    varying = [
        (name, sorted({getattr(run, field) for run in runs}))
        for name, field in (("condition", "condition"), ("model", "label"), ("scenario", "scenario"))
    ]
    name, values = next(((name, values) for name, values in varying if len(values) > 1), ("condition", []))
    values.sort(key=lambda value: value != "default")
    contrasts = [{"group": {name: other}, "reference": {name: one}} for one, other in combinations(values[:4], 2)]
    number = max(per_cell.values(), default=5)
    return toml_text({"hypotheses": [""], "primary": "survival_rate", "runs_per_cell": number, "contrasts": contrasts})
