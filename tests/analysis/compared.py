"""Runs for comparisons, made from their outcomes."""

from app.analysis.corrections import ReadingCount
from app.analysis.groups import ComparedRun
from app.analysis.summary import Outcome, RunSummary


def outcome(month: int, *, collapsed: bool = False, complete: bool = True, gain: float | None = 60.0) -> Outcome:
    """Return an outcome with metrics that follow from its gain."""
    share = None if gain is None else gain / 120
    return Outcome(month, collapsed, complete, gain, share, share, share, share)


def run(
    name: str,
    came: Outcome,
    *,
    model: str = "a",
    scenario: str = "fishery",
    months: int = 12,
    worst: Outcome | None = None,
    **more: object,
) -> ComparedRun:
    """Return a compared run."""
    summary = RunSummary(
        months=months,
        capacity=100,
        initial=100,
        threshold=5,
        agents=5,
        outcome=came,
        worst=worst or came,
        unreadable=int(worst is not None),
        stocks=(50,) * came.month,
        gains=tuple((came.gain or 0.0) * month / came.month for month in range(1, came.month + 1)),
        ginis=(0.1,) * came.month,
        promises=(),
        limits=ReadingCount(read=0, corrected=0),
    )
    given = {
        "values": {"model": model, "scenario": scenario, "prompts": "base", "engine": "1"},
        "settings": {"model": model, "months": str(months)},
    } | more
    return ComparedRun(
        run=name, label=f"run {name}", summary=summary, config_hash=name, scenario=scenario, unit="tons",
        **given,  # type: ignore[arg-type]
    )  # fmt: skip
