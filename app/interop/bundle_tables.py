"""Makes the tables of a bundle from its records: `python make_tables.py` in the bundle's folder.

It needs Python 3.9 or later and nothing else, reads `runs/*/config.json`, `run.json`, `events.jsonl` and `calls.jsonl`,
and writes `tables/*.csv`. Equal records give equal tables, byte for byte. The metrics are those of Piatti et al. (2024,
section 3), computed from the events: R_i is what agent i collected in all, f(1) the sustainable harvest of month 1.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

RUN = (
    "name scenario condition seed minds models origin state engine_version months months_played survival_time survived "
    "collapsed censored total_gain mean_gain efficiency equality over_usage over_usage_asked unreadable events calls "
    "prompt_tokens completion_tokens cost unpriced_calls"
)
MONTHS = (
    "month date present stock_before threshold share taken stock_after stock_next oversubscribed collapsed "
    "universalization agreed_limit summary"
)
HARVESTS = "month agent mind stock_before share limit asked wanted collected over_share over_limit readable attempts"
TALK = "month turn speaker agent by_overseer text ends next_speaker"
MEMORIES = "month phase agent id kind purpose text created expires importance rated always sources"
CALLS = (
    "key month phase agent purpose item attempt model model_revision finish_reason prompt_tokens completion_tokens "
    "latency_ms transport_attempts cost cached_tokens exit_layer draft_length drafted accepted verifications "
    "request_hash"
)
COLUMNS = {
    name: ("run config_hash " + columns).split()
    for name, columns in (
        ("run", RUN), ("months", MONTHS), ("harvests", HARVESTS), ("talk", TALK), ("memories", MEMORIES),
        ("calls", CALLS),
    )
}  # fmt: skip


def tables(runs: Iterable[tuple[Any, Any, list[Any], list[Any]]]) -> dict[str, str]:
    """Return the tables as CSV text by name, from (config, run, events, calls) of each run."""
    made = {name: io.StringIO(newline="") for name in COLUMNS}
    writers = begin(made)
    for config, run, events, calls in runs:
        add(writers, config, run, events, calls)
    return {name: out.getvalue() for name, out in made.items()}


def begin(outs: Any) -> dict[str, Any]:
    """Return a writer for each table, from text files by name, with its columns written."""
    writers = {name: csv.writer(outs[name]) for name in COLUMNS}
    for name, columns in COLUMNS.items():
        writers[name].writerow(columns)
    return writers


def add(writers: dict[str, Any], config: Any, run: Any, events: list[Any], calls: list[Any]) -> None:
    """Write the rows of a run."""
    rows = {
        "run": [run_row(config, run, events, calls)],
        "months": month_rows(events),
        "harvests": harvest_rows(config, events),
        "talk": [event for event in events if event["kind"] == "said"],
        "memories": memory_rows(events),
        "calls": call_rows(calls),
    }
    first = {"run": run["id"], "config_hash": run["config_hash"]}
    for name, found in rows.items():
        for row in found:
            cells = {**row, **first}
            writers[name].writerow([cell(cells.get(column)) for column in COLUMNS[name]])


RUNS_AS_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def cell(value: Any) -> Any:
    """Return a value as a table has it: `true` and `false`, nothing where it is not known.

    A text that a spreadsheet would run as a formula gets an apostrophe before it, which makes it text there: texts were
    written by models and strangers. One that has such an apostrophe already gets another, so that taking one away
    where `RUNS_AS_FORMULA` matches after the first character gives every text back. Numbers stay as they are.
    """
    if isinstance(value, str) and RUNS_AS_FORMULA.match(value) and not NUMBER.fullmatch(value):
        return "'" + value
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def run_row(config: Any, run: Any, events: list[Any], calls: list[Any]) -> dict[str, Any]:
    """Return a run's row: what it is, and its metrics."""
    answers = [call["completion"] for call in calls if call["completion"] is not None]
    costs = [call["cost"] for call in calls if call["cost"] is not None]
    return {
        **{name: run[name] for name in ("name", "seed", "minds", "models", "origin", "state", "engine_version")},
        "scenario": config["scenario"],
        "condition": config["condition"],
        "months": config["game"]["months"],
        **metrics(config, events),
        "events": len(events),
        "calls": len(calls),
        "prompt_tokens": sum(answer["prompt_tokens"] or 0 for answer in answers),
        "completion_tokens": sum(answer["completion_tokens"] or 0 for answer in answers),
        "cost": sum(costs) if costs else None,
        "unpriced_calls": len(calls) - len(costs),
    }


def metrics(config: Any, events: list[Any]) -> dict[str, Any]:
    """Return the metrics of an episode; None where one is not defined."""
    months = harvests(events)
    game = config["game"]
    came = {name for month in months for name in month["collected"]}
    names = [agent["name"] for agent in config["agents"]]
    gains = [sum(month["collected"].get(name, 0) for month in months) for name in names if name in came or not months]
    collapsed = any(month["collapsed"] for month in months)
    complete = collapsed or len(months) >= game["months"]
    total = sum(gains)
    # f(1): the largest harvest after which the first month's stock grows back to what it was.
    stock = game["initial_stock"]
    first = 0 if stock > game["capacity"] else max(0, stock - ceil(stock / Fraction(str(game["growth"]))))
    optimum = game["months"] * first
    differences = sum(abs(one - other) for one in gains for other in gains)
    return {
        "months_played": len(months),
        "survival_time": next((month["month"] for month in months if month["collapsed"]), len(months)),
        "survived": not collapsed if complete else None,
        "collapsed": collapsed,
        "censored": not complete,
        "total_gain": total,
        "mean_gain": total / len(gains) if gains else None,
        "efficiency": 1 - max(0, optimum - total) / optimum if months and optimum else None,
        "equality": 1 - differences / (2 * len(gains) * total) if total else None,
        "over_usage": over_usage(months, "collected"),
        "over_usage_asked": over_usage(months, "asked"),
        "unreadable": sum(month["unreadable"] for month in months),
    }


def harvests(events: list[Any]) -> list[dict[str, Any]]:
    """Return the finished harvests: share, asked and collected by agent, whether that was a collapse."""
    found = []
    month: dict[str, Any] = {}
    for event in events:
        kind = event["kind"]
        if kind == "month_started":
            month = {"share": event["share"], "asked": {}, "collected": {}, "unreadable": 0}
        elif kind == "decided":
            month["asked"][event["agent"]] = event["asked"]
            month["unreadable"] += not event["readable"]
        elif kind == "collected":
            month["collected"][event["agent"]] = event["collected"]
        elif kind == "harvested":
            found.append({**month, "month": event["month"], "collapsed": event["collapsed"]})
    return found


def over_usage(months: list[dict[str, Any]], which: str) -> float | None:
    """Return the part of harvest actions above the sustainable share; an unreadable answer asks for nothing."""
    actions = [(amount or 0) > month["share"] for month in months for amount in month[which].values()]
    return sum(actions) / len(actions) if actions else None


def month_rows(events: list[Any]) -> list[dict[str, Any]]:
    """Return a row a month."""
    rows = []
    for event in events:
        kind = event["kind"]
        if kind == "month_started":
            names = ("month", "date", "threshold", "share", "universalization")
            row = {name: event[name] for name in names}
            rows.append({**row, "present": len(event["present"]), "stock_before": event["stock"]})
        elif kind == "harvested":
            rows[-1]["taken"] = event["stock_before"] - event["stock_after"]
            rows[-1].update({name: event[name] for name in ("stock_after", "oversubscribed", "collapsed")})
        elif kind == "agreed":
            rows[-1]["agreed_limit"] = event["limit"]
        elif kind == "summarised":
            rows[-1]["summary"] = event["text"]
        elif kind == "month_ended":
            rows[-1]["stock_next"] = event["stock_next"]
    return rows


def harvest_rows(config: Any, events: list[Any]) -> Iterable[dict[str, Any]]:
    """Return a row an agent and month; `limit` is the one agreed on in the month before."""
    minds = {agent["name"]: mind(agent["mind"]) for agent in config["agents"]}
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    stock, share, limit, agreed = 0, 0, None, None
    for event in events:
        kind, key = event["kind"], (event["month"], event["agent"])
        if kind == "month_started":
            stock, share, limit, agreed = event["stock"], event["share"], agreed, None
        elif kind == "agreed":
            agreed = event["limit"]
        elif kind == "decided":
            row = {name: event[name] for name in ("month", "agent", "asked", "wanted", "readable", "attempts")}
            more = {"mind": minds[event["agent"]], "stock_before": stock, "share": share, "limit": limit}
            rows[key] = {**row, **more}
        elif kind == "collected":
            got = event["collected"]
            over = None if limit is None else got > limit
            rows.setdefault(key, {}).update({"collected": got, "over_share": got > share, "over_limit": over})
    return rows.values()


def mind(settings: Any) -> str | None:
    """Return what decides: a model's name, or `scripted:` and a policy."""
    if settings["type"] == "scripted":
        return "scripted:" + str(settings["policy"])
    model: str | None = settings.get("model")
    return model


def memory_rows(events: list[Any]) -> list[dict[str, Any]]:
    """Return a row a memory."""
    rows = []
    for event in events:
        if event["kind"] == "remembered":
            sources = " ".join(map(str, event["memory"]["sources"]))
            place = {name: event[name] for name in ("month", "phase", "agent")}
            rows.append({**event["memory"], **place, "sources": sources})
    return rows


def call_rows(calls: list[Any]) -> list[dict[str, Any]]:
    """Return a row a call, without its texts."""
    rows = []
    for call in calls:
        key = call["key"]
        names = ("month", "phase", "agent", "purpose", "item", "attempt")
        row = {"key": "/".join(str(key[name]) for name in names), **key}
        row.update({name: call[name] for name in ("model", "cost", "request_hash")})
        completion = call["completion"] or {}
        row.update({"transport_attempts": 0, **completion, **completion.get("decoding", {})})
        rows.append(row)
    return rows


def read(folder: Path) -> tuple[Any, Any, list[Any], list[Any]]:
    """Return the records of the run in *folder*."""
    files = {name: (folder / name).read_text("utf-8") for name in ("config.json", "run.json")}
    logs = [
        [json.loads(line) for line in (folder / name).read_text("utf-8").split("\n") if line]
        for name in ("events.jsonl", "calls.jsonl")
    ]
    return json.loads(files["config.json"]), json.loads(files["run.json"]), logs[0], logs[1]


def main(folder: Path) -> None:
    """Write the tables of the bundle in *folder*."""
    runs = [read(run) for run in sorted((folder / "runs").iterdir())]
    (folder / "tables").mkdir(exist_ok=True)
    for name, text in tables(runs).items():
        (folder / "tables" / (name + ".csv")).write_bytes(text.encode("utf-8", "replace"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
