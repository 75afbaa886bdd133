"""From answered cases to results: test by test, and two runs against each other."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from app.commons.frozen import Frozen
from app.store.subskills import SubskillCase
from app.subskills.catalogue import TESTS
from app.subskills.research import label_of
from app.subskills.statistics import Paired, Share, clustered_share, mcnemar


class ScoredTest(Frozen):
    """The result of one test: cases, how many are answered, how many answers nobody could read, and the share passed.

    An unreadable answer is not passed and stays in the denominator.
    """

    test: str
    label: str
    cases: int
    unreadable: int
    score: Share


class PairedTest(Frozen):
    """One test of two runs that got the same prompts."""

    test: str
    label: str
    paired: Paired


def label_of_test(test: str) -> str:
    """Return what a test is called: one of ours, or of the research code."""
    return TESTS[test].label if test in TESTS else label_of(test)


def results(tests: Sequence[str], cases: Sequence[SubskillCase]) -> list[ScoredTest]:
    """Return the result of each of *tests*, in their order, from what is answered so far."""
    by_test = _by_test(cases)
    return [
        ScoredTest(
            test=test,
            label=label_of_test(test),
            cases=len(by_test[test]),
            unreadable=sum(case.unreadable for case in by_test[test]),
            score=clustered_share((case.prompt_hash, bool(case.passed)) for case in by_test[test] if case.done),
        )
        for test in tests
    ]


def comparisons(
    tests: Sequence[str], first: Sequence[SubskillCase], second: Sequence[SubskillCase]
) -> list[PairedTest]:
    """Compare two runs test by test, on the prompts both have answered; of a repeated prompt its first case counts."""
    ones, others = _by_test(first), _by_test(second)
    return [
        PairedTest(test=test, label=label_of_test(test), paired=mcnemar(_first(ones[test]), _first(others[test])))
        for test in tests
    ]


def _by_test(cases: Sequence[SubskillCase]) -> Mapping[str, list[SubskillCase]]:
    found: dict[str, list[SubskillCase]] = defaultdict(list)
    for case in cases:
        found[case.test].append(case)
    return found


def _first(cases: Sequence[SubskillCase]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for case in sorted(cases, key=lambda case: case.number):
        if case.done:
            found.setdefault(case.prompt_hash, bool(case.passed))
    return found
