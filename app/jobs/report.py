"""A run as one JSON object: what `govsim run --json` prints and the API returns."""

import json
from typing import Any

from app.commons.events import parse_event
from app.commons.metrics import harvests
from app.commons.presence import Presence, presence
from app.store.connect import Database
from app.store.money import rounded_cost
from app.store.queries import events_after
from app.store.records import RunRecord

METRICS = (
    "months_played",
    "survival_time",
    "survived",
    "collapsed",
    "censored",
    "gains",
    "total_gain",
    "mean_gain",
    "efficiency",
    "equality",
    "over_usage",
    "unreadable",
)


def run_object(run: RunRecord) -> dict[str, Any]:
    """Return a run's id, state, configuration, outcome and metrics; ratios in 0..1, null where undefined."""
    return {
        "id": run.id,
        "state": run.state,
        "reason": run.reason,
        "config": json.loads(run.config),
        "config_hash": run.config_hash,
        "outcome": outcome(run),
        "metrics": {name: getattr(run, name) for name in METRICS},
        "calls": run.calls,
        "prompt_tokens": run.prompt_tokens,
        "completion_tokens": run.completion_tokens,
        "cost_usd": rounded_cost(run.cost) if run.cost is not None and not run.unpriced_calls else None,
    }


def outcome(run: RunRecord) -> str:
    """Return how the episode came out: survived, collapsed, censored, view_only, or undecided while it goes on."""
    if run.view_only:
        return "view_only"
    if run.collapsed:
        return "collapsed"
    if run.survived:
        return "survived"
    if run.state in ("cancelled", "interrupted"):
        return "censored"
    return "undecided"


async def presence_of(database: Database, run: RunRecord) -> Presence | None:
    """Return the metrics that take note of who was there when, from a run's events; None where everybody always was."""
    if run.view_only or all(agent.joins == 1 for agent in run.episode.agents):
        return None
    events = [parse_event(text) for _, text in await events_after(database, run.id)]
    return presence(harvests(events), run.episode)
