"""What is told beside an imported run: what its log does not hold, and what was put right."""

from collections.abc import Mapping

from app.commons.config import EpisodeConfig, RecordedMind
from app.commons.scenario import get_scenario
from app.interop.cast import Cast
from app.interop.logconfig import RunSettings
from app.interop.nodes import Memories
from app.interop.rows import LogRows
from app.models.base import RecordedCall


def models_of(config: EpisodeConfig) -> list[str | None]:
    """Return the recorded model of each agent, in order."""
    return [agent.mind.model for agent in config.agents if isinstance(agent.mind, RecordedMind)]


def notes_on(
    log: LogRows,
    settings: RunSettings,
    config: EpisodeConfig,
    cast: Cast,
    memories: Mapping[str, Memories],
    calls: list[RecordedCall],
    readings: Mapping[tuple[int, str], int | None],
    interrupted: bool,
) -> list[str]:
    """Say what the log does not hold, and what was put right."""
    played = len(log.months)
    notes = []
    if settings.own is not None:
        notes.append("It was exported by GovSim Observatory, with its whole configuration.")
    if interrupted:
        notes.append(f"The run was interrupted: it stops after month {played}, and what came then is unknown.")
    if not settings.configured:
        notes.append("There is no config.yaml: the game's numbers are the research code's defaults.")
        if settings.condition is None:
            notes.append("The condition was inferred from the prompts.")
        if not settings.models:
            notes.append("Nothing says which model played.")
    if settings.seed is None:
        notes.append("Nothing says which seed was used.")
    if settings.initial_stock not in (None, log.months[0].before):
        notes.append(
            f"config.yaml starts with {settings.initial_stock} units, the log with {log.months[0].before}: "
            "the log counts."
        )
    if settings.months is not None and played > settings.months:
        notes.append(f"config.yaml says {settings.months} months, the log has {played}: the log counts.")
    if settings.japanese:
        notes.append("The texts are in Japanese and are shown as they are.")
    if cast.assumed:
        notes.append(
            f"Nothing says how these agents are called; their usual names stand in: {', '.join(cast.assumed)}."
        )
    if cast.rewritten:
        notes.append(
            "These names are written otherwise in the log; a name here has no slash, no control or direction "
            f"character, and at most 40 characters: {', '.join(cast.rewritten)}."
        )
    if any(month.overseen for month in log.months):
        notes.append(
            "The log keeps what produced a contribution one line too early; here each contribution has its own prompt."
        )
        if len(set(models_of(config))) > 1 and settings.own is None:
            notes.append("The research code let the first agent's model write the contributions of all agents.")
    collapse = next((month.number for month in log.months if month.after < config.game.collapse_threshold), played)
    if collapse < played and get_scenario(config.scenario).playable:
        notes.append(f"The log goes on after the collapse in month {collapse}; the months after it are kept.")
    if log.cut_amounts:
        notes.append(f"Decimals of {log.cut_amounts} amounts that were asked for or agreed on were cut.")
    for action, count in list(log.unknown.items())[:5]:
        notes.append(f"{count} records of the unknown kind '{action}' were left out.")
    silent = sum(call.completion is None for call in calls)
    if silent:
        notes.append(f"{silent} of {len(calls)} prompts have no completion in the log.")
    otherwise = sum(
        readings[month.number, row.agent_id] not in (None, row.asked) for month in log.months for row in month.harvests
    )
    if otherwise:
        notes.append(f"In {otherwise} harvests the log recorded another number than the answer says; the log counts.")
    notes += _memory_notes(cast, memories, played)
    notes.append("The prompts of ratings and reflections are not in the log, only the memories that came of them.")
    return notes


def _memory_notes(cast: Cast, memories: Mapping[str, Memories], played: int) -> list[str]:
    notes = []
    for problem in ("is missing", "is empty", "is damaged"):
        names = [cast.names[agent] for agent, found in memories.items() if found.problem == problem]
        if names:
            notes.append(f"The file with the memories of {', '.join(names)} {problem}.")
    beyond = sum(not 1 <= item.month <= played for found in memories.values() for item in found.placed)
    if beyond:
        notes.append(f"{beyond} memories of months that the log does not hold were left out.")
    clipped = sum(found.clipped_ratings for found in memories.values())
    if clipped:
        notes.append(f"{clipped} importance ratings outside 1..10 were moved to its nearest end.")
    return notes
