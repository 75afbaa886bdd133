"""Which groups of a comparison are those of a plan."""

from app.analysis.contrasts import Planned
from app.analysis.planned import PlanInForce, PlannedCell, fit_plans
from app.commons.plan import ExperimentPlan
from tests.analysis.compared import outcome, run

PLAN = ExperimentPlan.model_validate(
    {
        "hypotheses": ["it does"],
        "runs_per_cell": 2,
        "contrasts": [
            {"group": {"condition": "u"}, "reference": {"condition": "d"}},
            {"metric": "gain", "group": {"model": "a", "condition": "u"}, "reference": {"model": "b"}},
        ],
    }
)
CELLS = {f"{model}{condition}{seed}": PlannedCell(model, condition, "fishery", seed)
         for model in "ab" for condition in "du" for seed in (1, 2)}  # fmt: skip
RUNS = {name: run(name, outcome(12)) for name in CELLS}


def plan(**more: object) -> PlanInForce:
    given = {
        "plan": PLAN, "version": 1, "hash": "abcdef0123", "day": "2026-11-26", "timing": "before the first run began",
        "after_all": False, "frozen": frozenset(CELLS), "cells": CELLS,
    } | more  # fmt: skip
    return PlanInForce(**given)  # type: ignore[arg-type]


def by_condition(*left_out: str) -> dict[str, list[object]]:
    return {
        label: [RUNS[name] for name, cell in CELLS.items() if cell.condition == key and name not in left_out]
        for label, key in (("Universal", "u"), ("Default", "d"))
    }


def test_a_group_with_exactly_the_runs_of_the_plan_is_planned_whatever_its_label() -> None:
    found = fit_plans([plan()], by_condition(), "with")  # type: ignore[arg-type]
    assert found.planned == (Planned(metric="survival_rate", group="Universal", reference="Default"),)
    assert (found.family, found.added) == (2, ())
    assert any("gain of a, u against b" in note and "counts all 2 planned" in note for note in found.notes)
    assert not any("complete runs a cell" in note for note in found.notes)


def test_a_run_that_is_missing_or_from_elsewhere_makes_it_another_contrast() -> None:
    fewer = fit_plans([plan()], by_condition("ad1"), "with")  # type: ignore[arg-type]
    assert fewer.planned == ()
    assert any("compared are a, d, fishery: 1" in note for note in fewer.notes)
    parts = by_condition()
    parts["Default"].append(run("stranger", outcome(12)))
    assert fit_plans([plan()], parts, "with").planned == ()  # type: ignore[arg-type]


def test_runs_of_the_same_cells_that_were_added_later_may_be_among_them() -> None:
    later = frozenset(name for name in CELLS if not name.endswith("2"))
    found = fit_plans([plan(frozen=later)], by_condition(), "with")  # type: ignore[arg-type]
    assert len(found.planned) == 1
    assert found.added == ("ad2", "au2", "bd2", "bu2")
    assert any("4 runs were added after the plan was frozen (seed 2)" in note for note in found.notes)


def test_other_ways_to_count_and_plans_made_with_all_results_at_hand_plan_nothing() -> None:
    assert fit_plans([plan()], by_condition(), "without").planned == ()  # type: ignore[arg-type]
    late = fit_plans([plan(after_all=True, timing="after 8 of 8 runs had ended")], by_condition(), "with")  # type: ignore[arg-type]
    assert late.planned == ()
    assert any("All results were known" in note for note in late.notes)
