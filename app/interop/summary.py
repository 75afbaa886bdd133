"""What `govsim import --dry-run --json` says of a log."""

from typing import Any

from app.interop.research import ImportedRun


def summary(imported: ImportedRun) -> dict[str, Any]:
    """Return the run in one flat object: ratios in 0..1, gains in units by agent, None where something is undefined.

    A censored run has `survived` None and the months observed as `survival_time`.
    """
    metrics = imported.metrics
    return {
        "path": str(imported.folder),
        "scenario": imported.config.scenario,
        "condition": imported.config.condition,
        "model": imported.model,
        "seed": imported.seed,
        "months_played": metrics.months_played,
        "survival_time": metrics.survival_time,
        "survived": metrics.survived,
        "collapsed": metrics.collapsed,
        "censored": metrics.censored,
        "gains": dict(metrics.gains),
        "total_gain": metrics.total_gain,
        "mean_gain": metrics.mean_gain,
        "efficiency": metrics.efficiency,
        "equality": metrics.equality,
        "over_usage": metrics.over_usage,
        "unreadable": metrics.unreadable,
    }
