"""Villages that need no key: three that end differently, and the short story that the home page tells."""

import asyncio
from collections.abc import Sequence

from app.analysis.replay import Replay, replay
from app.commons.config import AgentConfig, EpisodeConfig, PolicyName, ScriptedFramework, ScriptedMind
from app.commons.events import Event
from app.commons.scenario import get_condition, get_scenario
from app.engine.play import play
from app.minds.build import build_minds
from app.models.base import Model

EXPERIMENT = "Three sample villages"
PACE_MS = 500
"""Scripted minds answer in no time; at this pace a talk can be followed."""

# Five policies and a seed: one village lives off its lake for good, one empties it within months, and in one promises
# are made and broken until little is left to share. A test holds them to these fates.
SAMPLES: tuple[tuple[tuple[PolicyName, ...], int], ...] = (
    (("fair-share",) * 5, 1),
    (("greedy", "greedy", "random", "greedy", "fair-share"), 5),
    (("forgetful", "reciprocal", "fair-share", "greedy", "reciprocal"), 1),
)
SCENARIO, CONDITION = "fishery", "default"

EXAMPLE_NAME = "Example: promises and a lake"
# A whole tragedy in six months: a limit is agreed on at once, broken by more every month, and the lake collapses.
_EXAMPLE: tuple[tuple[PolicyName, ...], int] = (
    ("forgetful", "reciprocal", "fair-share", "greedy", "forgetful"),
    7,
)


def sample_configs() -> list[EpisodeConfig]:
    """Return the configurations of the sample runs."""
    return [_village(policies, seed) for policies, seed in SAMPLES]


def example_config() -> EpisodeConfig:
    """Return the configuration of the home page's example."""
    return _village(*_EXAMPLE)


class ExampleStory:
    """The home page's example, played by our own engine when it is first asked for; nothing of it is stored."""

    def __init__(self) -> None:
        self._told: Replay | None = None

    async def told(self) -> Replay:
        """Return the example as it is replayed."""
        if self._told is None:
            self._told = await asyncio.to_thread(lambda: asyncio.run(_tell(example_config())))
        return self._told


async def _tell(config: EpisodeConfig) -> Replay:
    events: list[Event] = []
    minds, framework = build_minds(config, {}, _no_model)
    await play(config, minds, framework, events.append)
    return replay(events, config)


def _no_model(name: str) -> Model:
    raise LookupError(f"scripted minds ask no model, and not {name}")


def _village(policies: Sequence[PolicyName], seed: int) -> EpisodeConfig:
    return EpisodeConfig(
        scenario=SCENARIO,
        condition=CONDITION,
        agents=tuple(
            AgentConfig(name=name, mind=ScriptedMind(policy=policy))
            for name, policy in zip(get_scenario(SCENARIO).agents, policies, strict=True)
        ),
        framework=ScriptedFramework(),
        phases=get_condition(CONDITION).phases(),
        seed=seed,
    )
