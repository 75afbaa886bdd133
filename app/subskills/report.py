"""Tests as objects for programs: what `govsim subskills --json` prints and the API returns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from app.commons.config import SamplingConfig
from app.store.money import Dollars
from app.store.records import RunState
from app.store.subskills import SubskillCase, SubskillRun
from app.subskills.results import PairedTest, results


class SubskillSummary(BaseModel):
    """One model's tests in one scenario, without the results.

    `set` names the questions: tests of equal `set` asked the same prompts. `cost_usd` is null where it is unknown.
    """

    id: str
    model: str
    scenario: str
    origin: Literal["native", "imported"]
    test_set: str = Field(description="the version of the tests; different versions are never pooled")
    set: str
    seed: int | None
    cases: int = Field(description="of each test")
    sampling: SamplingConfig | None
    prompts: dict[str, str] = Field(description="content hashes of the prompt sets")
    created_at: datetime
    state: RunState
    reason: str | None
    total: int
    done: int
    passed: int
    unreadable: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Dollars | None
    notes: list[str]


class SubskillScore(BaseModel):
    """One test's result: `share` passed of the `answered`, unreadable ones included, with its 95 % interval."""

    test: str
    label: str
    cases: int
    answered: int
    passed: int
    unreadable: int
    share: float | None
    low: float | None
    high: float | None
    prompts: int = Field(description="different prompts; the interval is clustered by them")
    effective: float = Field(description="what the answers are worth, repeated prompts considered")


class SubskillReport(SubskillSummary):
    """One model's tests in one scenario, with the result of each test."""

    results: list[SubskillScore]


class SubskillComparison(BaseModel):
    """Tests against those of the reference, on equal prompts, each once: McNemar's exact test, test by test."""

    id: str
    model: str
    tests: list[PairedTest]


class SubskillSetReport(BaseModel):
    """All tests with the same questions; in comparisons the first is the model and the second the reference."""

    set: str
    reference: str | None
    runs: list[SubskillReport]
    comparisons: list[SubskillComparison]


def summary_of(run: SubskillRun) -> SubskillSummary:
    """Return tests without their results."""
    return SubskillSummary.model_validate(_fields(run))


def report_of(run: SubskillRun, cases: Sequence[SubskillCase]) -> SubskillReport:
    """Return tests with the results of what is answered so far."""
    scores = [
        SubskillScore(
            test=result.test,
            label=result.label,
            cases=result.cases,
            answered=result.score.total,
            passed=result.score.passed,
            unreadable=result.unreadable,
            share=result.score.share,
            low=result.score.low,
            high=result.score.high,
            prompts=result.score.prompts,
            effective=result.score.effective,
        )
        for result in results(run.tests, cases)
    ]
    return SubskillReport.model_validate(_fields(run) | {"results": scores})


def _fields(run: SubskillRun) -> dict[str, object]:
    names = SubskillSummary.model_fields.keys() - {"set", "sampling", "cost_usd"}
    return {name: getattr(run, name) for name in names} | {
        "set": run.set_id,
        "sampling": run.sent,
        "cost_usd": run.cost if not run.unpriced_calls else None,
    }
