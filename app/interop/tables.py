"""A run as tables, for statistics: run, months, harvests, talk, memories and calls; one row a thing that happened.

Every row begins with the run's id and the hash of its configuration, so that the tables of many runs can be put
together. Amounts are whole units, ratios 0..1, and what is not known is empty.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.commons.config import ScriptedMind
from app.commons.events import (
    Agreed,
    Collected,
    Decided,
    Harvested,
    MonthEnded,
    MonthStarted,
    Remembered,
    Said,
    Summarised,
)
from app.interop.bundle_tables import cell
from app.store.whole import WholeRun

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table: its name, its columns with the type of what they hold (str, int, float or bool), and its rows."""

    name: str
    columns: Mapping[str, type]
    rows: Sequence[Row]


RUN: Mapping[str, type] = {
    "name": str, "scenario": str, "condition": str, "seed": int, "minds": str, "models": str, "origin": str,
    "state": str, "engine_version": str, "months": int, "months_played": int, "survival_time": int, "survived": bool,
    "collapsed": bool, "censored": bool, "total_gain": int, "mean_gain": float, "efficiency": float,
    "equality": float, "over_usage": float, "over_usage_asked": float, "unreadable": int, "events": int, "calls": int,
    "prompt_tokens": int, "completion_tokens": int, "cost": float, "unpriced_calls": int, "dropped": str,
}  # fmt: skip
MONTHS: Mapping[str, type] = {
    "month": int, "date": str, "present": int, "stock_before": int, "threshold": int, "share": int, "taken": int,
    "stock_after": int, "stock_next": int, "oversubscribed": bool, "collapsed": bool, "universalization": bool,
    "agreed_limit": int, "summary": str,
}  # fmt: skip
HARVESTS: Mapping[str, type] = {
    "month": int, "agent": str, "mind": str, "stock_before": int, "share": int, "limit": int, "asked": int,
    "wanted": int, "collected": int, "over_share": bool, "over_limit": bool, "readable": bool, "attempts": int,
}  # fmt: skip
TALK: Mapping[str, type] = {
    "month": int, "turn": int, "speaker": str, "agent": str, "by_overseer": bool, "text": str, "ends": bool,
    "next_speaker": str,
}  # fmt: skip
MEMORIES: Mapping[str, type] = {
    "month": int, "phase": str, "agent": str, "id": int, "kind": str, "purpose": str, "text": str, "created": str,
    "expires": str, "importance": int, "rated": bool, "always": bool, "sources": str,
}  # fmt: skip
CALLS: Mapping[str, type] = {
    "key": str, "month": int, "phase": str, "agent": str, "purpose": str, "item": str, "attempt": int, "model": str,
    "model_revision": str, "finish_reason": str, "prompt_tokens": int, "completion_tokens": int, "latency_ms": int,
    "transport_attempts": int, "cost": float, "cached_tokens": int, "exit_layer": int, "draft_length": int,
    "drafted": int, "accepted": int, "verifications": int, "request_hash": str, "prompt": str,
    "completion": str, "thinking": str,
}  # fmt: skip


def tables(whole: WholeRun) -> list[Table]:
    """Return the tables of a run."""
    run = whole.run
    made = (
        ("run", RUN, [{name: getattr(run, name) for name in RUN}]),
        ("months", MONTHS, _months(whole)),
        ("harvests", HARVESTS, _harvests(whole)),
        ("talk", TALK, _talk(whole)),
        ("memories", MEMORIES, _memories(whole)),
        ("calls", CALLS, _calls(whole)),
    )
    first = {"run": run.id, "config_hash": run.config_hash}
    return [
        Table(name, {"run": str, "config_hash": str, **columns}, [first | row for row in rows])
        for name, columns, rows in made
    ]


def csv_text(table: Table) -> str:
    """Return a table as CSV (RFC 4180): a line of names, `true` and `false`, nothing where a value is not known.

    No text is a formula to a spreadsheet (`bundle_tables.cell`).
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([cell(row.get(name)) for name in table.columns])
    return out.getvalue()


def _months(whole: WholeRun) -> Iterable[Row]:
    rows: list[Row] = []
    for event in whole.parsed():
        if isinstance(event, MonthStarted):
            rows.append(
                {
                    "month": event.month,
                    "date": event.date.isoformat(),
                    "present": len(event.present),
                    "stock_before": event.stock,
                    "threshold": event.threshold,
                    "share": event.share,
                    "universalization": event.universalization,
                }
            )
        elif isinstance(event, Harvested):
            rows[-1] |= {
                "taken": event.stock_before - event.stock_after,
                "stock_after": event.stock_after,
                "oversubscribed": event.oversubscribed,
                "collapsed": event.collapsed,
            }
        elif isinstance(event, Agreed):
            rows[-1]["agreed_limit"] = event.limit
        elif isinstance(event, Summarised):
            rows[-1]["summary"] = event.text
        elif isinstance(event, MonthEnded):
            rows[-1]["stock_next"] = event.stock_next
    return rows


def _harvests(whole: WholeRun) -> Iterable[Row]:
    """One row an agent and month; `limit` is the one agreed on in the month before."""
    minds = {
        agent.name: f"scripted:{agent.mind.policy}" if isinstance(agent.mind, ScriptedMind) else agent.mind.model
        for agent in whole.run.episode.agents
    }
    rows: dict[tuple[int, str], Row] = {}
    stock, share, limit, agreed = 0, 0, None, None
    for event in whole.parsed():
        if isinstance(event, MonthStarted):
            stock, share, limit, agreed = event.stock, event.share, agreed, None
        elif isinstance(event, Agreed):
            agreed = event.limit
        elif isinstance(event, Decided) and event.agent is not None:
            rows[event.month, event.agent] = {
                "month": event.month,
                "agent": event.agent,
                "mind": minds[event.agent],
                "stock_before": stock,
                "share": share,
                "limit": limit,
                "asked": event.asked,
                "wanted": event.wanted,
                "readable": event.readable,
                "attempts": event.attempts,
            }
        elif isinstance(event, Collected) and event.agent is not None:
            rows[event.month, event.agent] |= {
                "collected": event.collected,
                "over_share": event.collected > share,
                "over_limit": None if limit is None else event.collected > limit,
            }
    return rows.values()


def _talk(whole: WholeRun) -> Iterable[Row]:
    return [event.model_dump(mode="json") for event in whole.parsed() if isinstance(event, Said)]


def _memories(whole: WholeRun) -> Iterable[Row]:
    return [
        event.memory.model_dump(mode="json")
        | {"month": event.month, "phase": event.phase, "agent": event.agent}
        | {"sources": " ".join(map(str, event.memory.sources))}
        for event in whole.parsed()
        if isinstance(event, Remembered)
    ]


def _calls(whole: WholeRun) -> Iterable[Row]:
    for summary, call in zip(whole.summaries(), whole.calls(), strict=True):
        completion = call.completion
        made = summary.decoding.model_dump() if summary.decoding else {}
        yield (
            made
            | summary.model_dump()
            | {
                "request_hash": call.request_hash,
                "prompt": "\n\n".join(f"[{message.role}]\n{message.content}" for message in call.messages) or None,
                "completion": None if completion is None else completion.text,
                "thinking": None if completion is None else completion.thinking,
            }
        )
