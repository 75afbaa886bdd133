"""Writes a run in the format of the research code: log_env.json, config.yaml and persona_N/nodes.json.

What the importer puts right is put back: amounts are floats, the interaction behind a contribution stands one record
too early where an overseer opens the talk, the last contribution repeats the summary's (docs/export.md).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.commons.config import EpisodeConfig, ObservePhase, RecordedFramework, RecordedMind, TalkPhase
from app.commons.events import (
    Agreed,
    Collected,
    Decided,
    Ended,
    Event,
    Harvested,
    Memory,
    MonthStarted,
    Remembered,
    Said,
)
from app.interop.files import clean
from app.interop.interactions import write_interaction
from app.interop.own import SECTION, OwnSettings, recorded
from app.interop.rows import FRAMEWORK, LIMIT, MAX_AMOUNT, SUMMARY
from app.models.base import RecordedCall
from app.store.whole import WholeRun

SCENARIOS = {"fishery": "fishing", "pasture": "sheep", "pollution": "pollution", "trash": "trash"}
EXPERIMENTS = {
    "default": "baseline_concurrent",
    "universalization": "baseline_concurrent_universalization",
    "no_communication": "perturbation_no_language",
    "newcomer": "perturbation_outsider",
    "newcomer_universalization": "perturbation_outsider_universalization",
}
KINDS = {"event": "EVENT", "thought": "THOUGHT", "conversation": "CHAT"}


class NothingToExport(ValueError):
    """A run without a finished harvest; the message is a sentence."""


@dataclass
class _Month:
    number: int
    before: int = 0
    after: int = 0
    decided: dict[str, Decided] = field(default_factory=dict)
    collected: dict[str, int] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    agreed: bool = False
    limit: int | None = None
    harvested: bool = False


def research_files(whole: WholeRun) -> dict[str, str]:
    """Return the files of a run, by path inside its folder.

    Raises:
        NothingToExport: if no harvest of it is over.
    """
    config, events, calls = whole.run.episode, whole.parsed(), whole.calls()
    months = _months(events)
    if not months:
        raise NothingToExport(
            f"No harvest of run {whole.run.id} is over yet: there is nothing that the research format could hold."
        )
    files = {
        "log_env.json": _json(list(_records(config, months, _Interactions(calls, whole.run.dropped)))),
        "config.yaml": yaml.safe_dump(
            _settings(config, _own(whole, events, calls)), sort_keys=False, allow_unicode=True, width=120
        ),
    }
    for index, name in enumerate(config.names):
        files[f"persona_{index}/nodes.json"] = _json(_nodes(name, events, months))
    return files


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _months(events: Iterable[Event]) -> list[_Month]:
    """Return the months whose harvest is over; the format has no half ones."""
    months: list[_Month] = []
    for event in events:
        if isinstance(event, MonthStarted):
            months.append(_Month(event.month))
        elif isinstance(event, Decided) and event.agent is not None:
            months[-1].decided[event.agent] = event
        elif isinstance(event, Collected) and event.agent is not None:
            months[-1].collected[event.agent] = event.collected
        elif isinstance(event, Harvested):
            months[-1].before, months[-1].after = event.stock_before, event.stock_after
            months[-1].harvested = True
        elif isinstance(event, Said):
            months[-1].said.append(event)
        elif isinstance(event, Agreed):
            months[-1].agreed, months[-1].limit = True, event.limit
    return [month for month in months if month.harvested]


class _Interactions:
    """What was asked and answered, as text, by month, agent and purpose; "" where no model was asked."""

    def __init__(self, calls: Iterable[RecordedCall], dropped: str | None) -> None:
        self._dropped = dropped
        self._found: dict[tuple[int, str, str], dict[str, RecordedCall]] = {}
        for call in calls:
            # A later attempt of the same question takes the place of the one before: it is the one that counted.
            key = (call.key.month, call.key.agent, call.key.purpose)
            steps = self._found.setdefault(key, {})
            if call.key.item not in steps or steps[call.key.item].key.attempt < call.key.attempt:
                steps[call.key.item] = call

    def all(self, month: int, agent: str, purpose: str) -> list[str]:
        """Return the interactions of a question that was put in steps; the last one decides."""
        return [_shown(call, self._dropped) for call in self._found.get((month, agent, purpose), {}).values()] or [""]

    def one(self, month: int, agent: str, purpose: str, item: str = "") -> str:
        """Return one interaction."""
        call = self._found.get((month, agent, purpose), {}).get(item)
        return "" if call is None else _shown(call, self._dropped)


def _shown(call: RecordedCall, dropped: str | None) -> str:
    prompt = "\n\n".join(message.content for message in call.messages)
    return write_interaction(prompt if call.messages or not dropped else f"[{dropped}]", call.completion)


def _records(config: EpisodeConfig, months: Sequence[_Month], shown: _Interactions) -> Iterable[dict[str, Any]]:
    ids = {name: f"persona_{index}" for index, name in enumerate(config.names)}
    for round_, month in enumerate(months):
        for name in (name for name in config.names if name in month.decided):
            yield _record(
                ids[name],
                round_,
                "harvesting",
                resource_in_pool_before_harvesting=float(month.before),
                resource_in_pool_after_harvesting=float(month.after),
                concurrent_harvesting=True,
                resource_collected=float(month.collected[name]),
                wanted_resource=float(min(month.decided[name].asked or 0, MAX_AMOUNT)),
                html_interactions=shown.all(month.number, name, "harvest"),
            )
        limit = None if month.limit is None else float(min(month.limit, MAX_AMOUNT))
        summary = shown.one(month.number, FRAMEWORK, "summary")
        for event, beside in zip(month.said, _beside(month, shown, summary), strict=True):
            yield _record(
                ids.get(event.agent or "", FRAMEWORK),
                round_,
                "utterance",
                html_interactions=beside,
                agent_name=clean(event.speaker),
                resource_limit=limit,
                utterance=clean(event.text),
            )
        if month.said or month.agreed:
            for action, text in ((SUMMARY, summary), (LIMIT, shown.one(month.number, FRAMEWORK, "limit"))):
                yield _record(
                    FRAMEWORK, round_, action, html_interactions=text, agent_name=FRAMEWORK, resource_limit=limit
                )


def _beside(month: _Month, shown: _Interactions, summary: str) -> list[str]:
    """Return what the format has beside each contribution: in a talk that an overseer opens, the next one's."""
    behind = [
        "" if event.agent is None else shown.one(month.number, event.agent, "utterance", str(event.turn))
        for event in month.said
    ]
    return [*behind[1:], summary] if month.said and month.said[0].agent is None else behind


def _record(agent_id: str, round_: int, action: str, **values: Any) -> dict[str, Any]:
    keys = (
        "resource_in_pool_before_harvesting", "resource_in_pool_after_harvesting", "concurrent_harvesting",
        "resource_collected", "wanted_resource", "html_interactions", "agent_name", "resource_limit", "utterance",
    )  # fmt: skip
    return {"agent_id": agent_id, "round": round_, "action": action} | dict.fromkeys(keys) | values


def _nodes(name: str, events: Iterable[Event], months: Sequence[_Month]) -> list[dict[str, Any]]:
    talks = {month.number: [[clean(event.speaker), clean(event.text)] for event in month.said] for month in months}
    kept = [event for event in events if isinstance(event, Remembered) and event.agent == name and event.month in talks]
    kept.sort(key=lambda event: (event.memory.id, event.memory.created, event.memory.kind, event.memory.text))
    return [_node(event.memory, talks[event.month]) for event in kept]


def _node(memory: Memory, talk: list[list[str]]) -> dict[str, Any]:
    conversation = {"conversation": talk} if memory.kind == "conversation" else {}
    return {
        "id": memory.id,
        "type": KINDS[memory.kind],
        "subject": None,
        "predicate": None,
        "object": None,
        "description": clean(memory.text),
        "importance_score": memory.importance,
        **conversation,
        "created": f"{memory.created:%Y-%m-%d %H:%M:%S}",
        "expiration": f"{memory.expires:%Y-%m-%d %H:%M:%S}",
        "always_include": "true" if memory.always else "false",
    }


def _own(whole: WholeRun, events: Iterable[Event], calls: Iterable[RecordedCall]) -> OwnSettings:
    run = whole.run
    over = run.state != "interrupted" if run.origin == "imported" else any(isinstance(e, Ended) for e in events)
    return OwnSettings(
        config=recorded(run.episode),
        seed=run.seed,
        sampling=next((call.sampling for call in calls if call.sampling is not None), None),
        interrupted=not over,
    )


def _settings(config: EpisodeConfig, own: OwnSettings) -> dict[str, Any]:
    """Return config.yaml: the keys that the research code's tools read, and our own section."""
    talk, observe = config.phase(TalkPhase), config.phase(ObservePhase)
    scenario, game = SCENARIOS.get(config.scenario, config.scenario), config.game
    kind = EXPERIMENTS.get(config.condition, f"baseline_concurrent_{config.condition}")
    prefix = "fish" if scenario == "fishing" else scenario
    models = [mind.model for mind in (agent.mind for agent in own.config.agents) if isinstance(mind, RecordedMind)]
    sampling, framework = own.sampling, own.config.framework
    personas: dict[str, Any] = {
        f"persona_{index}": {"name": name, "goals": ""} for index, name in enumerate(config.names)
    }
    env = {
        "name": f"{prefix}_{kind}",
        "max_num_rounds": game.months,
        "initial_resource_in_pool": game.initial_stock,
        "poupulation_change_after_round": _growth(config),
        "language_nature": "none" if talk is None else "unconstrained",
        "num_agents": len(config.agents),
        "harvesting_order": "concurrent",
        "assign_resource_strategy": game.allocation,
        "inject_universalization": observe is not None and observe.universalization,
    }
    settings: dict[str, Any] = {
        "experiment": {
            "personas": personas | {"num": len(config.agents)},
            "scenario": scenario,
            "env": env,
            "agent": {"converse": {"max_conversation_steps": talk.max_contributions if talk else 10}},
        },
        "llm": {
            "path": models[0] if len(set(models)) == 1 else models,
            "temperature": sampling.temperature if sampling else None,
            "top_p": sampling.top_p if sampling else None,
        },
        "framework_model": {"path": framework.model if isinstance(framework, RecordedFramework) else None},
        "seed": own.seed,
        SECTION: own.model_dump(mode="json"),
    }
    return settings


def _growth(config: EpisodeConfig) -> str:
    game = config.game
    return (
        "double_100_cap" if (game.growth, game.capacity) == (2, 100) else f"times_{game.growth:g}_{game.capacity}_cap"
    )
