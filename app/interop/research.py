"""Reads a run of the research code: a folder with log_env.json becomes events, calls and metrics. No database here.

The format, its quirks and how each is handled: docs/import.md.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.commons.config import (
    STANDARD_PHASES,
    AgentConfig,
    EpisodeConfig,
    GameConfig,
    ObservePhase,
    PhaseConfig,
    RecordedFramework,
    RecordedMind,
    TalkPhase,
)
from app.commons.events import Event
from app.commons.metrics import EpisodeMetrics, episode_metrics, harvests
from app.commons.scenario import conditions, get_scenario
from app.interop.cast import Cast, find_cast, first_prompt, scenario_of_words
from app.interop.files import UnreadableLog, find_logs, log_bytes, parse_json
from app.interop.logconfig import RunSettings, model_label, read_settings
from app.interop.nodes import read_memories, tells_universalization
from app.interop.notes import models_of, notes_on
from app.interop.own import OwnSettings, scripted_agents
from app.interop.recorded_calls import calls_of, read_harvests
from app.interop.rows import LogRows, read_rows
from app.interop.story import events_of
from app.models.base import RecordedCall

__all__ = ["ImportedRun", "UnreadableLog", "find_logs", "read_log"]

OTHER_GAME = (
    "This is another game: the stock counts trash in the house, more is worse, and it grows by itself. "
    "Survival, efficiency and over-usage are not defined for it."
)


@dataclass(frozen=True)
class ImportedRun:
    """A run of the research code, read whole.

    `seed` and `model` (one text for the models of all agents) are None where nothing says them; `view_only` says
    why the paper's metrics do not apply, if they do not; `notes` tell what the log does not hold and what was repaired.
    """

    folder: Path
    config: EpisodeConfig
    events: tuple[Event, ...]
    calls: tuple[RecordedCall, ...]
    metrics: EpisodeMetrics
    model: str | None
    seed: int | None
    interrupted: bool
    view_only: str | None
    log_sha256: str
    notes: tuple[str, ...]

    @property
    def origin(self) -> str:
        """The name of the folder it came from."""
        return self.folder.name


def read_log(folder: Path) -> ImportedRun:
    """Read the run in *folder*.

    Raises:
        UnreadableLog: if it cannot be imported; the message names the folder and says why in one sentence.
    """
    try:
        return _read(folder)
    except UnreadableLog as error:
        raise UnreadableLog(f"{folder.name}: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadableLog(f"{folder.name}: the run cannot be one of this game: {where} {first['msg']}.") from error


def _read(folder: Path) -> ImportedRun:
    data = log_bytes(folder)
    log = read_rows(parse_json(data, "log_env.json"))
    settings = read_settings(folder)
    scenario = settings.scenario or scenario_of_words(log)
    view_only = None if get_scenario(scenario).playable else OTHER_GAME
    cast = find_cast(log, settings, scenario)
    memories = {
        agent_id: read_memories(folder, agent_id, first_month) for agent_id, first_month in cast.arrivals.items()
    }
    config = _own_config(settings.own, log, cast) if settings.own else _config(log, settings, scenario, cast)
    readings = read_harvests(log, scripted_agents(settings.own))
    events = events_of(log, config, cast, memories, readings, playable=view_only is None)
    calls = calls_of(log, config, cast, memories, settings.sampling, own=settings.own is not None)
    metrics = _metrics(events, config, view_only)
    complete = metrics.censored is False or (view_only is not None and settings.configured)
    if settings.own is not None:
        complete = not settings.own.interrupted
    return ImportedRun(
        folder=folder,
        config=config,
        events=tuple(events),
        calls=tuple(calls),
        metrics=metrics,
        model=model_label(models_of(config)),
        seed=settings.seed,
        interrupted=not complete,
        view_only=view_only,
        log_sha256=hashlib.sha256(data).hexdigest(),
        notes=tuple(notes_on(log, settings, config, cast, memories, calls, readings, not complete)),
    )


def _config(log: LogRows, settings: RunSettings, scenario: str, cast: Cast) -> EpisodeConfig:
    """Return the configuration: what config.yaml says, else what the log shows, else the research code's defaults."""
    played, newcomers = len(log.months), len(set(cast.arrivals.values())) > 1
    stock = log.months[0].before
    condition = settings.condition or _condition_of_log(log, newcomers)
    models = settings.models if len(settings.models) > 1 else settings.models * len(cast.names)
    if models and len(models) < len(cast.names):
        raise UnreadableLog(f"config.yaml names {len(models)} models for {len(cast.names)} agents")
    return EpisodeConfig(
        scenario=scenario,
        condition=condition,
        game=GameConfig(
            months=max(settings.months or (15 if newcomers else 12), played),
            capacity=max(month.before for month in log.months),
            initial_stock=stock,
            collapse_threshold=min(5, stock),
            allocation=settings.allocation or "stochastic",
        ),
        agents=tuple(
            AgentConfig(
                name=name,
                mind=RecordedMind(model=models[index] if models else None),
                joins=cast.arrivals[agent_id],
            )
            for index, (agent_id, name) in enumerate(cast.names.items())
        ),
        framework=RecordedFramework(model=settings.framework_model),
        phases=_phases(condition, log, settings.max_contributions or 10),
        seed=42 if settings.seed is None else settings.seed,
    )


def _own_config(own: OwnSettings, log: LogRows, cast: Cast) -> EpisodeConfig:
    """Return the configuration of a run that we exported; the log must be one that it can have."""
    config, game = own.config, own.config.game
    called = {f"persona_{index}": name for index, name in enumerate(config.names)}
    fits = (
        cast.names.items() <= called.items()
        and len(log.months) <= game.months
        and log.months[0].before == game.initial_stock
        and max(month.before for month in log.months) <= game.capacity
    )
    if not fits:
        raise UnreadableLog("the observatory section of config.yaml is of another run than log_env.json")
    return config


def _condition_of_log(log: LogRows, newcomers: bool) -> str:
    told = tells_universalization(first_prompt(log))
    if newcomers:
        return "newcomer_universalization" if told else "newcomer"
    if told:
        return "universalization"
    return "default" if any(month.talk for month in log.months) else "no_communication"


def _phases(condition: str, log: LogRows, most: int) -> tuple[PhaseConfig, ...]:
    known = conditions().get(condition)
    phases = known.phases() if known else STANDARD_PHASES
    overseen = any(month.overseen for month in log.months)
    chosen: list[PhaseConfig] = []
    for phase in phases:
        if isinstance(phase, ObservePhase):
            phase = ObservePhase(universalization="universalization" in re.split(r"[+_]", condition))
        elif isinstance(phase, TalkPhase):
            phase = TalkPhase(report="manager" if overseen else "none", max_contributions=most)
        chosen.append(phase)
    return tuple(chosen)


def _metrics(events: list[Event], config: EpisodeConfig, view_only: str | None) -> EpisodeMetrics:
    metrics = episode_metrics(harvests(events), config.game, config.names)
    if view_only is not None:
        names = ("survival_time", "survived", "collapsed", "censored", "efficiency", "over_usage", "over_usage_asked")
        return metrics.model_copy(update=dict.fromkeys(names))
    return metrics
