"""The declared variables of the subskill pages: results side by side, one model's tests, one case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.commons.scenario import Scenario, scenarios
from app.store.subskills import SubskillCall, SubskillCase, SubskillRun
from app.subskills.catalogue import TESTS, SubskillTest
from app.subskills.results import ScoredTest, comparisons, label_of_test, results
from app.subskills.statistics import Paired
from app.web import urls
from app.web.contexts.words import waiting_text

CasesOf = Mapping[str, Sequence[SubskillCase]]


@dataclass(frozen=True)
class SubskillRow:
    """One model's tests in a list: where they are, what they are called, the set they belong to and how they are."""

    run: SubskillRun
    href: str
    scenario: str
    set_label: str
    badge: tuple[str, str]
    share: float | None

    @property
    def waiting(self) -> str | None:
        """What is kept of tests that are tried again by themselves, and when that is; None for others."""
        return waiting_text(self.run, datetime.now(UTC))


@dataclass(frozen=True)
class Cell:
    """A result in a table, and the cases behind it."""

    href: str
    result: ScoredTest


@dataclass(frozen=True)
class ResultLine:
    """One test's results, a cell for each model."""

    label: str
    question: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class PairedLine:
    """One test's comparisons with the reference, one for each of the other models."""

    label: str
    pairs: Sequence[Paired]


@dataclass(frozen=True)
class SetLink:
    """A set of questions that some model was asked."""

    id: str
    label: str
    models: int
    href: str
    current: bool


@dataclass(frozen=True)
class SetView:
    """The chosen set: its models, their results, and how the others differ from the reference."""

    id: str
    label: str
    imported: bool
    runs: Sequence[SubskillRow]
    lines: Sequence[ResultLine]
    reference: SubskillRow | None
    others: Sequence[SubskillRow]
    paired: Sequence[PairedLine]
    json: str


@dataclass(frozen=True)
class SubskillsPage:
    """pages/subskills.html.

    Attributes:
        rows: all tests, newest first.
        sets: the sets of questions there are, the one with the latest tests first.
        chosen: the set that is shown, None before the first tests.
        live: whether anything may still change.
        scenarios: what can be tested.
        models: names of models that can be asked, by endpoint.
        values: the form's fields as they were given, as text.
        wanted: the scenarios that are ticked.
        errors: a sentence for each wrong field.
        submission: a token that makes sending twice start once.
        tests: our tests.
        json: the API's twin.
    """

    rows: Sequence[SubskillRow]
    sets: Sequence[SetLink]
    chosen: SetView | None
    live: bool
    scenarios: Sequence[Scenario]
    models: Mapping[str, Sequence[str]]
    values: Mapping[str, str]
    wanted: Sequence[str]
    errors: Mapping[str, str]
    submission: str
    tests: Sequence[SubskillTest]
    json: str


@dataclass(frozen=True)
class CaseRow:
    """A case in a list: what passes, in words, and how it came out."""

    case: SubskillCase
    href: str
    expected: str
    badge: tuple[str, str]


@dataclass(frozen=True)
class SubskillRunPage:
    """pages/subskill_run.html.

    Attributes:
        row: the tests.
        results: test by test, with where its cases are listed.
        test: the test whose cases are listed.
        test_label: what it is called.
        shown: which of its cases: all, failed or unreadable.
        cases: those cases.
        unit: what stocks and amounts are counted in.
        reasons: what must be known before a number is trusted.
        json: the API's twin.
    """

    row: SubskillRow
    results: Sequence[Cell]
    test: str
    test_label: str
    shown: str
    cases: Sequence[CaseRow]
    unit: str
    reasons: Sequence[str]
    json: str


@dataclass(frozen=True)
class SubskillCasePage:
    """pages/subskill_case.html: a case of some tests, its calls, and the cases before and after it."""

    row: SubskillRow
    item: CaseRow
    test_label: str
    unit: str
    calls: Sequence[SubskillCall]
    previous: str | None
    following: str | None


def subskill_row(run: SubskillRun) -> SubskillRow:
    """Return *run* as a line of a list."""
    return SubskillRow(
        run=run,
        href=urls.subskill_run(run.id),
        scenario=scenario_label(run.scenario),
        set_label=set_label(run),
        badge=_state(run),
        share=run.passed / run.done if run.done else None,
    )


def scenario_label(scenario: str) -> str:
    """Return what a scenario is called."""
    known = scenarios().get(scenario)
    return known.label if known else scenario


def unit_of(run: SubskillRun) -> str:
    """Return what the stocks of *run* are counted in."""
    known = scenarios().get(run.scenario)
    return known.words.units if known else "units"


def set_label(run: SubskillRun) -> str:
    """Return the questions of *run* in words: scenario, version, seed, number of cases; imported ones also by test."""
    seed = "" if run.seed is None else f", seed {run.seed}"
    label = f"{scenario_label(run.scenario)}, {run.test_set}{seed}, {run.cases} case{'s' * (run.cases != 1)} a test"
    if run.origin == "native":
        return label
    tests = (
        label_of_test(run.tests[0]).removesuffix(" (research)") if len(run.tests) == 1 else f"{len(run.tests)} tests"
    )
    return f"{label}: {tests}"


def set_links(runs: Sequence[SubskillRun], chosen: str | None) -> list[SetLink]:
    """Return the sets of *runs*, in the order in which they first occur."""
    found: dict[str, list[SubskillRun]] = {}
    for run in runs:
        found.setdefault(run.set_id, []).append(run)
    return [
        SetLink(
            id=set_id,
            label=set_label(members[0]),
            models=len({run.model for run in members}),
            href=urls.subskills({"set": set_id}),
            current=set_id == chosen,
        )
        for set_id, members in found.items()
    ]


def set_view(runs: Sequence[SubskillRun], cases: CasesOf, reference: SubskillRun | None) -> SetView:
    """Return the tests of one set side by side, compared with *reference*."""
    first = runs[0]
    scored = {run.id: results(run.tests, cases[run.id]) for run in runs}
    others = [run for run in runs if reference is not None and run.id != reference.id]
    versus = [comparisons(run.tests, cases[run.id], cases[reference.id]) for run in others] if reference else []
    return SetView(
        id=first.set_id,
        label=set_label(first),
        imported=first.origin == "imported",
        runs=[subskill_row(run) for run in runs],
        lines=[
            ResultLine(
                label=label_of_test(test),
                question=TESTS[test].question if test in TESTS else "",
                cells=[_cell(run, scored[run.id][index]) for run in runs],
            )
            for index, test in enumerate(first.tests)
        ],
        reference=subskill_row(reference) if reference else None,
        others=[subskill_row(run) for run in others],
        paired=[
            PairedLine(label=label_of_test(test), pairs=[tests[index].paired for tests in versus])
            for index, test in enumerate(first.tests)
        ]
        if others
        else [],
        json=urls.api_subskill_set(first.set_id, reference.id if reference and len(runs) > 1 else None),
    )


def run_page(run: SubskillRun, cases: Sequence[SubskillCase], test: str, shown: str) -> SubskillRunPage:
    """Return the page of *run* with the cases of *test* that *shown* names."""
    listed = [case for case in cases if case.test == test]
    if shown == "failed":
        listed = [case for case in listed if case.passed is False]
    elif shown == "unreadable":
        listed = [case for case in listed if case.unreadable]
    reasons = list(run.notes)
    if run.unreadable and run.origin == "native":
        reasons.append(f"{run.unreadable} answers could not be read after three attempts; they count as not passed.")
    return SubskillRunPage(
        row=subskill_row(run),
        results=[_cell(run, result) for result in results(run.tests, cases)],
        test=test,
        test_label=label_of_test(test),
        shown=shown,
        cases=[case_row(run, case) for case in listed],
        unit=unit_of(run),
        reasons=reasons,
        json=urls.api_subskill_run(run.id),
    )


def case_row(run: SubskillRun, case: SubskillCase) -> CaseRow:
    """Return a case as a line of a list."""
    return CaseRow(
        case=case,
        href=urls.subskill_case(run.id, case.test, case.number),
        expected=str(case.low) if case.low == case.high else f"{case.low} to {case.high}",
        badge=_outcome(case),
    )


def _cell(run: SubskillRun, result: ScoredTest) -> Cell:
    return Cell(href=urls.subskill_run(run.id, {"test": result.test}) + "#cases", result=result)


def _outcome(case: SubskillCase) -> tuple[str, str]:
    if not case.done:
        return "queued", "waiting"
    if case.unreadable:
        return "warn", "unreadable"
    return ("ok", "passed") if case.passed else ("bad", "not passed")


def _state(run: SubskillRun) -> tuple[str, str]:
    if run.state == "playing":
        return "playing", "stopping" if run.control else "asking"
    return run.state, run.state
