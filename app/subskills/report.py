"""Tests as JSON objects: what `govsim subskills --json` prints and the API returns."""

from collections.abc import Sequence
from typing import Any

from app.store.subskills import SubskillCase, SubskillRun
from app.subskills.results import results


def run_object(run: SubskillRun, cases: Sequence[SubskillCase]) -> dict[str, Any]:
    """Return what tests are, how far they are and their results; shares and intervals in 0..1."""
    return summary_object(run) | {
        "results": [
            {
                "test": result.test,
                "label": result.label,
                "cases": result.cases,
                "answered": result.score.total,
                "passed": result.score.passed,
                "unreadable": result.unreadable,
                "share": result.score.share,
                "low": result.score.low,
                "high": result.score.high,
                "prompts": result.score.prompts,
                "effective": result.score.effective,
            }
            for result in results(run.tests, cases)
        ]
    }


def summary_object(run: SubskillRun) -> dict[str, Any]:
    """Return the same without the results."""
    return {
        "id": run.id,
        "model": run.model,
        "scenario": run.scenario,
        "origin": run.origin,
        "test_set": run.test_set,
        "set": run.set_id,
        "seed": run.seed,
        "cases": run.cases,
        "sampling": None if run.sent is None else run.sent.model_dump(),
        "prompts": run.prompts,
        "created_at": run.created_at.isoformat(),
        "state": run.state,
        "reason": run.reason,
        "total": run.total,
        "done": run.done,
        "passed": run.passed,
        "unreadable": run.unreadable,
        "calls": run.calls,
        "prompt_tokens": run.prompt_tokens,
        "completion_tokens": run.completion_tokens,
        "cost_usd": run.cost if not run.unpriced_calls else None,
        "notes": run.notes,
    }
