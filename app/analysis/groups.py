"""Runs put into groups, and each group in numbers: the paper's table, survival, said against did."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from pydantic import Field

from app.analysis.ask import Answers, ComparisonAsk, Method
from app.analysis.intervals import Estimate, Span, mean, rate
from app.analysis.summary import Outcome, RunSummary
from app.analysis.survival import Curve, RestrictedMean, Time, kaplan_meier, restricted_mean
from app.commons.frozen import Frozen

MEANS = ("gain", "efficiency", "equality", "over_usage", "over_usage_asked")
METRICS = ("survival_rate", "survival_time", *MEANS)
UNIT: Span = (0.0, 1.0)
SPANS: Mapping[str, Span] = {
    "gain": (0.0, inf), "efficiency": UNIT, "equality": UNIT, "over_usage": UNIT, "over_usage_asked": UNIT,
}  # fmt: skip


@dataclass(frozen=True)
class ComparedRun:
    """A run and what it can be grouped by; `completions` names what its models answered, None where unknown.

    `values` holds a label for each way of grouping, `settings` its configuration in words, `day` when it began
    (2026-11-02), `going` whether more of it may still come.
    """

    run: str
    label: str
    summary: RunSummary
    values: Mapping[str, str]
    settings: Mapping[str, str]
    config_hash: str
    scenario: str
    unit: str
    day: str | None = None
    going: bool = False
    revisions: tuple[str, ...] = ()
    completions: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def outcome(self, answers: Answers) -> Outcome:
        """Return how it came out, with unreadable answers counted as *answers* says."""
        return self.summary.worst if answers == "worst" else self.summary.outcome


class Figures(Frozen):
    """A group's table row: survival time in months, gain in units per agent, the others ratios.

    `survival_rate` and means rest on complete runs; `best` and `worst` bound the rate if the runs that stopped early
    had all survived, or all collapsed.
    """

    survived: int
    complete: int
    survival_rate: Estimate
    worst: float | None
    best: float | None
    survival_time: Estimate
    gain: Estimate
    efficiency: Estimate
    equality: Estimate
    over_usage: Estimate
    over_usage_asked: Estimate


class Kept(Frozen):
    """Said against did: agreements kept and broken, and answers that could not be judged; `by` is whose or when."""

    by: str
    kept: int
    broken: int
    unjudged: int

    @property
    def share(self) -> float | None:
        """The share kept of those that could be judged."""
        return self.kept / (self.kept + self.broken) if self.kept + self.broken else None


class Promises(Frozen):
    """Said against did in a group. `share` is the mean over runs of the share of agreements kept in a run."""

    share: Estimate
    total: Kept
    agents: tuple[Kept, ...]
    months: tuple[Kept, ...]
    models: tuple[Kept, ...]
    limits: int = Field(description="talks that a model searched for an agreed limit")
    corrected: int = Field(description="of them read otherwise by a person")


class Group(Frozen):
    """A group of runs. `runs` are those that count, once each; `twins` those with the same completions as one of them.

    `early` stopped early or are still going on (censored). `months` are the episode lengths T that occur; survival time
    is restricted to the shortest.
    """

    label: str
    runs: tuple[str, ...]
    twins: tuple[str, ...]
    early: tuple[str, ...]
    going: tuple[str, ...]
    unreadable: tuple[str, ...]
    months: tuple[int, ...]
    figures: Figures
    curve: Curve
    promises: Promises
    sensitivity: Mapping[Answers, Figures] = Field(description="the row by what unreadable answers count as")

    @property
    def n(self) -> int:
        """How many runs count."""
        return len(self.runs)


def grouped(runs: Sequence[ComparedRun], ask: ComparisonAsk) -> dict[str, list[ComparedRun]]:
    """Return the runs by the label of their group, labels in order."""
    found: dict[str, list[ComparedRun]] = {}
    for run in runs:
        label = " · ".join(run.values[name] for name in ask.group)
        found.setdefault(label, []).append(run)
    return dict(sorted(found.items()))


def distinct(runs: Sequence[ComparedRun]) -> tuple[list[ComparedRun], list[ComparedRun]]:
    """Return the runs to count, the first of each set with identical completions, and the others of such sets."""
    seen: set[str] = set()
    counted, twins = [], []
    for run in runs:
        if run.completions is not None and run.completions in seen:
            twins.append(run)
            continue
        if run.completions is not None:
            seen.add(run.completions)
        counted.append(run)
    return counted, twins


def group_of(label: str, members: Sequence[ComparedRun], ask: ComparisonAsk) -> Group:
    """Return a group in numbers."""
    counted, twins = distinct(members)
    shown = chosen(counted, ask.answers)
    unreadable = [run.run for run in counted if run.summary.unreadable]
    every: tuple[Answers, ...] = ("with", "without", "worst")
    horizon = min((run.summary.months for run in members), default=1)
    return Group(
        label=label,
        runs=tuple(run.run for run in counted),
        twins=tuple(run.run for run in twins),
        early=tuple(run.run for run in shown if not run.outcome(ask.answers).complete),
        going=tuple(run.run for run in counted if run.going),
        unreadable=tuple(unreadable),
        months=tuple(sorted({run.summary.months for run in members})),
        figures=figures_of(shown, ask.answers, ask.intervals),
        curve=kaplan_meier(times(shown, ask.answers), horizon),
        promises=promises_of(counted),
        sensitivity={name: figures_of(chosen(counted, name), name, ask.intervals) for name in every}
        if unreadable
        else {},
    )


def chosen(runs: Sequence[ComparedRun], answers: Answers) -> list[ComparedRun]:
    """Return the runs that count when unreadable answers count as *answers* says."""
    return [run for run in runs if answers != "without" or not run.summary.unreadable]


def times(runs: Sequence[ComparedRun], answers: Answers) -> list[Time]:
    """Return the runs as months of collapse, or months last seen."""
    return [(outcome.month, outcome.collapsed) for outcome in (run.outcome(answers) for run in runs)]


def months_of(runs: Sequence[ComparedRun], answers: Answers, horizon: int | None = None) -> RestrictedMean:
    """Return the restricted mean survival time of *runs*, up to *horizon* or their shortest episode."""
    shortest = min((run.summary.months for run in runs), default=1)
    return restricted_mean(times(runs, answers), horizon or shortest)


def values_of(runs: Sequence[ComparedRun], metric: str, answers: Answers) -> list[float]:
    """Return the metric of the complete runs in which it is defined."""
    outcomes = [run.outcome(answers) for run in runs]
    found = [getattr(outcome, metric) for outcome in outcomes if outcome.complete]
    return [value for value in found if value is not None]


def figures_of(runs: Sequence[ComparedRun], answers: Answers, method: Method) -> Figures:
    """Return the table row of *runs*."""
    outcomes = [run.outcome(answers) for run in runs]
    survived = sum(outcome.survived is True for outcome in outcomes)
    complete = sum(outcome.complete for outcome in outcomes)
    early = len(outcomes) - complete
    means = {name: mean(values_of(runs, name, answers), SPANS[name], method) for name in MEANS}
    return Figures(
        survived=survived,
        complete=complete,
        survival_rate=rate(survived, complete),
        worst=survived / len(outcomes) if early else None,
        best=(survived + early) / len(outcomes) if early else None,
        survival_time=months_of(runs, answers).estimate,
        **means,
    )


def promises_of(runs: Sequence[ComparedRun]) -> Promises:
    """Return said against did of *runs*; unreadable answers keep no promise and break none."""
    made = [promise for run in runs for promise in run.summary.promises]
    shares = []
    for run in runs:
        marks = Counter(promise.mark for promise in run.summary.promises)
        if judged := marks["kept"] + marks["broken"]:
            shares.append(marks["kept"] / judged)

    def by(name: str) -> tuple[Kept, ...]:
        marks: dict[object, list[str]] = {}
        for promise in made:
            marks.setdefault(getattr(promise, name), []).append(promise.mark)
        return tuple(_kept(str(key), own) for key, own in marks.items())

    return Promises(
        share=mean(shares, UNIT),
        total=_kept("all", [promise.mark for promise in made]),
        agents=by("agent"),
        months=tuple(sorted(by("month"), key=lambda kept: int(kept.by))),
        models=by("mind"),
        limits=sum(run.summary.limits.read for run in runs),
        corrected=sum(run.summary.limits.corrected for run in runs),
    )


def _kept(by: str, marks: Sequence[str]) -> Kept:
    counts = Counter(marks)
    return Kept(by=by, kept=counts["kept"], broken=counts["broken"], unjudged=counts["none"])
