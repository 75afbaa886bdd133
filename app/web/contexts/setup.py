"""A run's configuration as its page lists it. Where a log was read from is not part of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.commons.config import (
    GameConfig,
    GenerativeFramework,
    GenerativeMind,
    RecordedFramework,
    SamplingConfig,
    TalkPhase,
)
from app.commons.fidelity import fidelity_text
from app.commons.scenario import Scenario, departures
from app.store.records import RunRecord
from app.web.contexts.words import mind_text


@dataclass(frozen=True)
class Setting:
    """A line of the configuration; `changed` where it differs from the default."""

    label: str
    value: str
    changed: bool = False


def settings_of(run: RunRecord, scenario: Scenario, condition: str) -> list[Setting]:
    """Return what *run* was played with: the game, its minds, and what is needed to play it again."""
    episode = run.episode
    return [
        Setting("Scenario", scenario.label),
        Setting("Condition", condition, episode.condition != "default"),
        *_game(episode.game, scenario.words.units),
        *_talk(episode.phase(TalkPhase)),
        *(Setting("Played otherwise", text, True) for text in (departures(episode) if run.origin == "native" else ())),
        *([Setting("Fidelity", fidelity_text(episode.fidelity), True)] if episode.fidelity else ()),
        *(Setting(f"Mind of {agent.name}", mind_text(agent.mind)) for agent in episode.agents),
        *_memory(run),
        *_models(run),
        Setting("Environment seed", "not known" if run.seed is None else str(run.seed)),
        Setting("Configuration hash", run.config_hash),
        Setting("Engine version", run.engine_version or "not known"),
        *(Setting(f"Prompt set {name}", digest, name != "base") for name, digest in run.prompts.items()),
    ]


def _game(game: GameConfig, units: str) -> Iterator[Setting]:
    standard = GameConfig()
    for label, name, unit in (
        ("Months", "months", ""),
        ("Capacity", "capacity", f" {units}"),
        ("Initial stock", "initial_stock", f" {units}"),
        ("Growth", "growth", ""),
        ("Collapse below", "collapse_threshold", f" {units}"),
        ("Allocation", "allocation", ""),
    ):
        value = getattr(game, name)
        text = f"×{value:g}" if isinstance(value, float) else str(value)
        yield Setting(label, text + unit, value != getattr(standard, name))


def _talk(talk: TalkPhase | None) -> Iterator[Setting]:
    if talk is not None:
        standard = TalkPhase()
        turns = talk.max_contributions
        yield Setting("Contributions to a talk", f"at most {turns}", turns != standard.max_contributions)
        yield Setting("Report before the talk", talk.report, talk.report != standard.report)


def _memory(run: RunRecord) -> Iterator[Setting]:
    """How the agents' memories are rated and found, where it is not the usual way."""
    for agent in run.episode.agents:
        if isinstance(agent.mind, GenerativeMind) and agent.mind.ratings != "single":
            yield Setting(f"Ratings of {agent.name}", agent.mind.ratings, True)
        if isinstance(agent.mind, GenerativeMind) and agent.mind.embedding:
            yield Setting(f"Relevance for {agent.name}", agent.mind.embedding, True)


def _models(run: RunRecord) -> Iterator[Setting]:
    framework = run.episode.framework
    match framework:
        case GenerativeFramework():
            yield Setting("Framework", framework.model)
        case RecordedFramework():
            yield Setting("Framework", f"{framework.model or 'unknown model'}, imported")
        case _:
            yield Setting("Framework", "scripted")
    asked = {agent.name: agent.mind for agent in run.episode.agents if isinstance(agent.mind, GenerativeMind)}
    users: dict[SamplingConfig, list[str]] = {}
    for name, mind in asked.items():
        users.setdefault(mind.sampling, []).append(name)
    if isinstance(framework, GenerativeFramework):
        users.setdefault(framework.sampling, []).append("framework")
    for sampling, names in users.items():
        # One sampling for all needs no names.
        who = "" if len(users) == 1 else f" ({', '.join(names)})"
        yield from _sampling(sampling, who)


def _sampling(sampling: SamplingConfig, who: str) -> Iterator[Setting]:
    standard = SamplingConfig()
    for label, name in (
        ("Temperature", "temperature"),
        ("Top-p", "top_p"),
        ("Max tokens", "max_tokens"),
        ("Request seed", "seed"),
    ):
        value = getattr(sampling, name)
        text = "not sent" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        yield Setting(label + who, text, value != getattr(standard, name))
