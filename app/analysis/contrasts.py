"""Differences between groups: each group against a chosen reference, with intervals and tests.

Where both groups hold several scenarios, everything is stratified by scenario: labels are exchanged, and differences
taken, within scenarios only.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field

from app.analysis.ask import Answers
from app.analysis.groups import MEANS, SPANS, ComparedRun, chosen, months_of, times, values_of
from app.analysis.intervals import Estimate, Shares, mean_difference, rate_difference
from app.analysis.permutation import NO_TEST, Shuffles, Test, fisher, holm, logrank_statistic, mean_statistic
from app.analysis.power import smallest_p
from app.analysis.survival import months_difference
from app.commons.frozen import Frozen


class Planned(Frozen):
    """A contrast that a plan named before the runs were seen."""

    metric: str
    group: str
    reference: str


class Contrast(Frozen):
    """A group minus the reference in one metric; ratios as ratios, gain in units, survival time in months.

    `adjusted` is p after Holm's procedure over the planned contrasts; exploratory ones have none.
    """

    metric: str
    group: str
    reference: str
    difference: Estimate
    test: Test
    method: str = Field(description="how p was found")
    strata: int
    planned: bool = False
    adjusted: float | None = None


Pair = tuple[Sequence[ComparedRun], Sequence[ComparedRun]]


def contrasts(
    groups: Mapping[str, Sequence[ComparedRun]],
    reference: str,
    answers: Answers,
    planned: Sequence[Planned] = (),
    family: int = 0,
) -> list[Contrast]:
    """Return every group's differences from *reference*, and the planned ones that are not among them.

    Differences of which nothing is known are left out, unless they were planned.

    Args:
        groups: the runs that count, by group label.
        reference: a label among them.
        answers: what unreadable answers count as.
        planned: contrasts of a frozen plan; those between groups that are not here are left out.
        family: how many contrasts the plan has, those that are not here included.
    """
    kept = {label: chosen(runs, answers) for label, runs in groups.items()}
    wanted = {(one.group, one.reference): None for one in planned if one.group in kept and one.reference in kept}
    for label in kept:
        if label != reference:
            wanted[label, reference] = None
    named = {(one.metric, one.group, one.reference) for one in planned}
    found: list[Contrast] = []
    shuffles = Shuffles()
    for group, other in wanted:
        for contrast in _between(group, other, kept[group], kept[other], answers, shuffles):
            is_planned = (contrast.metric, group, other) in named
            says_something = contrast.difference.value is not None or contrast.test.p is not None
            if is_planned or (other == reference and says_something):
                found.append(contrast.model_copy(update={"planned": is_planned}))
    of_the_plan = [index for index, contrast in enumerate(found) if contrast.planned]
    adjusted = holm([found[index].test.p for index in of_the_plan], family)
    for index, p in zip(of_the_plan, adjusted, strict=True):
        found[index] = found[index].model_copy(update={"adjusted": p})
    return found


def _between(
    group: str,
    reference: str,
    mine: Sequence[ComparedRun],
    other: Sequence[ComparedRun],
    answers: Answers,
    shuffles: Shuffles,
) -> list[Contrast]:
    scenarios = sorted({run.scenario for run in mine} & {run.scenario for run in other})
    pairs: list[Pair] = [
        ([run for run in mine if run.scenario == name], [run for run in other if run.scenario == name])
        for name in scenarios
    ]
    made = {"survival_rate": _rates(pairs, answers, shuffles), "survival_time": _months(pairs, answers, shuffles)}
    made |= {metric: _means(pairs, metric, answers, shuffles) for metric in MEANS}
    return [
        Contrast(
            metric=metric,
            group=group,
            reference=reference,
            difference=difference,
            test=test,
            method=method,
            strata=len(pairs),
        )
        for metric, (difference, test, method) in made.items()
    ]


def _rates(pairs: Sequence[Pair], answers: Answers, shuffles: Shuffles) -> tuple[Estimate, Test, str]:
    strata, values = [], []
    for pair in pairs:
        sides = [[run.outcome(answers).survived for run in side] for side in pair]
        mine, other = ([bool(one) for one in side if one is not None] for side in sides)
        strata.append(Shares(successes=sum(mine), n=len(mine), reference_successes=sum(other), reference_n=len(other)))
        values += [float(one) for one in (*mine, *other)]
    difference = rate_difference(strata)
    if len(strata) == 1:
        only = strata[0]
        p = fisher(only.successes, only.n, only.reference_successes, only.reference_n)
        smallest = smallest_p(only.n, only.reference_n) if only.n and only.reference_n else None
        return difference, Test(p=p, exact=True, labellings=0, smallest=smallest), "Fisher's exact test"
    test = _permuted(values, [(one.n, one.reference_n) for one in strata], shuffles)
    return difference, test, "permutation test, stratified by scenario"


def _months(pairs: Sequence[Pair], answers: Answers, shuffles: Shuffles) -> tuple[Estimate, Test, str]:
    everyone = [run for pair in pairs for side in pair for run in side]
    horizon = min((run.summary.months for run in everyone), default=1)
    difference = months_difference(
        [(months_of(mine, answers, horizon), months_of(other, answers, horizon)) for mine, other in pairs]
    )
    labels = shuffles.labels([(len(mine), len(other)) for mine, other in pairs])
    seen = [time for pair in pairs for side in pair for time in times(side, answers)]
    test = labels.test(logrank_statistic(seen, labels)) if seen else NO_TEST
    return difference, test, _said("log-rank permutation test", pairs)


def _means(pairs: Sequence[Pair], metric: str, answers: Answers, shuffles: Shuffles) -> tuple[Estimate, Test, str]:
    strata = [(values_of(mine, metric, answers), values_of(other, metric, answers)) for mine, other in pairs]
    span = SPANS[metric]
    difference = mean_difference(strata, (-span[1], span[1]))
    values = [value for mine, other in strata for value in (*mine, *other)]
    test = _permuted(values, [(len(mine), len(other)) for mine, other in strata], shuffles)
    return difference, test, _said("permutation test of means", pairs)


def _permuted(values: Sequence[float], sizes: Sequence[tuple[int, int]], shuffles: Shuffles) -> Test:
    if not any(own and other for own, other in sizes):
        return NO_TEST
    labels = shuffles.labels(sizes)
    return labels.test(mean_statistic(values, labels))


def _said(name: str, pairs: Sequence[Pair]) -> str:
    return name if len(pairs) < 2 else f"{name}, stratified by scenario"
