"""Writes small logs in the research code's format, quirks included, for the tests to read back and to break."""

import gzip
import json
from pathlib import Path
from typing import Any

import yaml

NAMES = ("John", "Kate", "Jack", "Emma", "Luke")


def interaction(prompt: str, completion: str | None) -> str:
    """A prompt and its completion as the research code shows them, unescaped."""
    shown = f"<div><strong>USER</strong>: {prompt}</div>"
    return shown if completion is None else f"{shown}<div><strong>ASSISTANT</strong>: {completion}</div>"


def harvest_prompt(name: str, month: int, memories: list[str], extra: str = "") -> str:
    lines = "".join(f"- {memory}\n" for memory in memories)
    return (
        f"You are {name}, and you fish. {extra}\nLocation: lake\nDate: 2024-{month:02}-01\n\n"
        f"Key memories of {name} (format: YYYY-MM-DD: memory):\n{lines}\n\nTask: How many tons of fish?"
    )


def talk_prompt(name: str, month: int, lines: list[tuple[str, str]]) -> str:
    said = "".join(f"-{speaker}: {text}\n" for speaker, text in lines)
    return (
        f"You are {name}, and you fish.\nLocation: restaurant\nDate: 2024-{month:02}-28\n\n"
        f"Key memories of {name} (format: YYYY-MM-DD: memory):\n\n\n"
        f"Scenario: a chat\nConversation so far:\n{said}\n\nTask: Say something."
    )


def framework_prompt(lines: list[tuple[str, str]], task: str) -> str:
    said = "".join(f"-{speaker}: {text}\n" for speaker, text in lines)
    return f"Conversation:\n{said}\n\n{task}"


def record(action: str, agent_id: str, month: int, **values: Any) -> dict[str, Any]:
    keys = (
        "resource_in_pool_before_harvesting", "resource_in_pool_after_harvesting", "concurrent_harvesting",
        "resource_collected", "wanted_resource", "html_interactions", "agent_name", "resource_limit", "utterance",
    )  # fmt: skip
    row = {"agent_id": agent_id, "round": month - 1, "action": action} | dict.fromkeys(keys)
    return row | values


def month_of(
    number: int,
    before: float,
    asked: list[float],
    *,
    got: list[float] | None = None,
    said: list[tuple[int, str]] = (),
    answers: list[str | None] | None = None,
    limit: float | None = None,
    names: tuple[str, ...] = NAMES,
    overseer: str | None = "Mayor",
    extra: str = "",
) -> list[dict[str, Any]]:
    """The records of one month; `said` are (agent, text), shifted as the research code shifts them."""
    got = asked if got is None else got
    answers = [f"Thinking aloud.\n\nAnswer: {amount:g} tons" for amount in asked] if answers is None else answers
    rows = [
        record(
            "harvesting",
            f"persona_{index}",
            number,
            resource_in_pool_before_harvesting=before,
            resource_in_pool_after_harvesting=before - sum(got),
            concurrent_harvesting=True,
            resource_collected=got[index],
            wanted_resource=asked[index],
            html_interactions=[
                interaction(
                    harvest_prompt(names[index], number, [f"2024-{number:02}-01: {before:g} tons."], extra),
                    answers[index],
                )
            ],
        )
        for index in range(len(asked))
    ]
    if not said:
        return rows
    report = [("framework", overseer, "The report.")] if overseer else []
    lines = report + [(f"persona_{agent}", names[agent], text) for agent, text in said]
    spoken = [(name, text) for _, name, text in lines]
    shown = [
        interaction(talk_prompt(name, number, spoken[:turn]), f"Response: {text}\nNext speaker: {names[0]}")
        for turn, (_, name, text) in enumerate(lines)
        if turn or not overseer
    ]
    shown.append(interaction(framework_prompt(spoken, "Sum it up."), "They talked."))
    for (agent_id, name, text), beside in zip(lines, shown, strict=False):
        rows.append(
            record(
                "utterance",
                agent_id,
                number,
                agent_name=name,
                utterance=text,
                resource_limit=limit,
                html_interactions=beside,
            )
        )
    limit_shown = interaction(framework_prompt(spoken, "Which limit?"), f"Answer: {limit}")
    for action, beside in (("conversation_summary", shown[-1]), ("conversation_resource_limit", limit_shown)):
        rows.append(
            record(
                action,
                "framework",
                number,
                agent_name="framework",
                resource_limit=limit,
                html_interactions=beside,
            )
        )
    return rows


def two_months() -> list[dict[str, Any]]:
    """Month 1: everybody takes 10 and they talk; month 2: 150 is asked of 100, and the lake is empty."""
    return [
        *month_of(
            1, 100.0, [10.0] * 5, said=[(0, "Ten each?"), (1, "Yes </div> <b>ten</b>."), (0, "Good.")], limit=10.0
        ),
        *month_of(2, 100.0, [30.0] * 5, got=[20.0, 21.0, 19.0, 20.0, 20.0], said=[(0, "It is gone.")], limit=None),
    ]


def config(**changes: Any) -> dict[str, Any]:
    """A configuration as hydra writes it."""
    data: dict[str, Any] = {
        "experiment": {
            "personas": {f"persona_{index}": {"name": name, "goals": ""} for index, name in enumerate(NAMES)}
            | {"num": 5},
            "name": "fishing_${code_version}/${group_name}",
            "scenario": "fishing",
            "env": {
                "name": "fish_baseline_concurrent",
                "max_num_rounds": 12,
                "initial_resource_in_pool": 100,
                "assign_resource_strategy": "stochastic",
                "inject_universalization": False,
            },
            "agent": {"converse": {"max_conversation_steps": 10}},
        },
        "code_version": "v6.4",
        "llm": {"path": "some/model", "temperature": 0.0, "top_p": 1.0},
        "seed": 7,
    }
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = data
        for key in way:
            inner = inner[key]
        inner[last] = value
    return data


def node(number: int, kind: str, text: str, created: str, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "subject": None,
        "description": text,
        "importance_score": 10 if kind == "EVENT" else 6,
        "created": f"{created} 01:00:00",
        "expiration": "2024-12-31 01:00:00",
        "always_include": "true" if kind == "EVENT" else "false",
    } | values


def month_nodes(agent: int) -> list[dict[str, Any]]:
    """The memories of month 1: agents other than the first date their thoughts to the 1st."""
    thoughts = "2024-01-30" if agent == 0 else "2024-01-01"
    return [
        node(1, "EVENT", "100 tons.", "2024-01-01"),
        node(2, "EVENT", "I got 10.", "2024-01-30"),
        node(3, "CHAT", "They talked.", "2024-01-30", conversation=[["Mayor", "The report."]]),
        node(4, "THOUGHT", "Plan ahead.", thoughts),
        node(5, "THOUGHT", "How interesting.", thoughts),
        node(6, "THOUGHT", "At most 10.", "2024-01-30", always_include="true"),
        node(7, "THOUGHT", "An insight.", "2024-01-31", importance_score=85),
    ]


def write_run(
    folder: Path,
    rows: Any,
    *,
    settings: dict[str, Any] | None = None,
    source: dict[str, Any] | None = None,
    nodes: bool = True,
    packed: bool = False,
) -> Path:
    """Write a run folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rows).encode()
    if packed:
        (folder / "log_env.json.gz").write_bytes(gzip.compress(text))
    else:
        (folder / "log_env.json").write_bytes(text)
    if settings is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    if source is not None:
        (folder / "source.json").write_text(json.dumps(source))
    for agent in range(5 if nodes else 0):
        place = folder / f"persona_{agent}"
        place.mkdir(exist_ok=True)
        (place / "nodes.json").write_text(json.dumps(month_nodes(agent)))
    return folder
