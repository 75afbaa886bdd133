"""What each column of the tables means."""

import csv
import io

from app.interop.bundle_tables import COLUMNS

COMMON = {
    "run": "id of the run",
    "config_hash": "SHA-256 of the canonical JSON of the run's configuration",
    "month": "month of the episode, from 1",
    "agent": "name of the agent",
    "phase": "part of the month",
    "stock_before": "units in the commons before the harvest",
    "share": "f_i(t): sustainable harvest per agent present, units",
    "purpose": "what it is for",
    "attempt": "1, or more where the answer before could not be read",
}
MEANINGS = {
    "run": {
        "name": "name that people gave it",
        "scenario": "fishery, pasture or pollution",
        "condition": "condition played",
        "seed": "seed of the environment",
        "minds": "scripted, generative, mixed or imported",
        "models": "what decided for the agents",
        "origin": "native: played here; imported: read from logs",
        "state": "how it ended",
        "engine_version": "version of the game's engine",
        "months": "T, length of the episode",
        "months_played": "months whose harvest is over",
        "survival_time": "month of collapse, else months played",
        "survived": "T months without collapse; empty when censored",
        "collapsed": "a harvest left less than the threshold",
        "censored": "stopped before collapse and before month T",
        "total_gain": "units collected by all agents",
        "mean_gain": "units collected per agent",
        "efficiency": "u = 1 - max(0, T f(1) - sum R_i) / (T f(1)), 0..1",
        "equality": "e = 1 - Gini of the agents' gains, 0..1",
        "over_usage": "part of harvests above f_i(t), 0..1",
        "over_usage_asked": "part of requests above f_i(t), 0..1",
        "unreadable": "harvest answers that could not be read",
        "events": "number of events",
        "calls": "number of calls",
        "prompt_tokens": "tokens sent, as far as reported",
        "completion_tokens": "tokens received, as far as reported",
        "cost": "US dollars of the calls with a known price",
        "unpriced_calls": "calls whose price is not known",
    },
    "months": {
        "date": "date told to the agents",
        "present": "number of agents present",
        "threshold": "f(t): largest harvest that grows back, units",
        "taken": "units harvested by all",
        "stock_after": "units left after the harvest",
        "stock_next": "units after regrowth",
        "oversubscribed": "more was asked for than there was",
        "collapsed": "the harvest left less than the threshold of collapse",
        "universalization": "the agents were told what happens if everybody does the same",
        "agreed_limit": "limit per agent read from the talk, for the next month; empty for none",
        "summary": "the talk in a sentence, as the framework wrote it",
    },
    "harvests": {
        "mind": "what decided",
        "limit": "limit agreed on in the month before, units",
        "asked": "units asked for; empty where unreadable",
        "wanted": "asked, within 0 and the stock; 0 where unreadable",
        "collected": "units received",
        "over_share": "collected more than f_i(t)",
        "over_limit": "collected more than the agreed limit",
        "readable": "whether the answer could be read",
        "attempts": "answers until then",
    },
    "talk": {
        "turn": "place in the month's talk, from 1",
        "speaker": "who speaks",
        "by_overseer": "the report of the catches",
        "text": "what was said",
        "ends": "the talk is over after this",
        "next_speaker": "who was named to speak next",
    },
    "memories": {
        "id": "number of the memory",
        "kind": "observation, reflection and so on",
        "text": "what is remembered",
        "created": "moment in the simulation",
        "expires": "moment from which it is not found any more",
        "importance": "1..10",
        "rated": "false where no rating could be read and 5 stands in",
        "always": "part of every prompt",
        "sources": "ids of the memories that it rests on",
    },
    "calls": {
        "key": "month/phase/agent/purpose/item/attempt",
        "item": "turn, memory or asked agent",
        "model": "endpoint and model asked",
        "model_revision": "the model that the endpoint says it used",
        "finish_reason": "why the answer ended",
        "prompt_tokens": "tokens sent",
        "completion_tokens": "tokens received",
        "latency_ms": "milliseconds until the answer",
        "transport_attempts": "requests made until it came",
        "cost": "US dollars; empty where the price is not known",
        "cached_tokens": "tokens of the prompt that the endpoint read from its cache; empty where it does not say",
        "exit_layer": "layers that drafted, of a local model (LayerSkip); empty where nothing was drafted",
        "draft_length": "tokens drafted at a time",
        "drafted": "tokens drafted",
        "accepted": "drafted tokens that the whole model accepted",
        "verifications": "passes of the whole model",
        "request_hash": "SHA-256 of what was sent",
    },
}


def codebook_csv() -> str:
    """Return the codebook: table, column, meaning."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("table", "column", "meaning"))
    for table, columns in COLUMNS.items():
        writer.writerows((table, column, MEANINGS[table].get(column) or COMMON[column]) for column in columns)
    return out.getvalue()
