"""What a run of ours needs beside the research format: a section of its own in config.yaml.

The format says nothing of capacity, growth, threshold, phases or who was scripted. The section does, so that a run that
was exported comes back as it was; the research code and its tools do not look at it.
"""

from typing import Literal

from pydantic import ValidationError

from app.commons.config import (
    EpisodeConfig,
    FrameworkConfig,
    MindConfig,
    RecordedFramework,
    RecordedMind,
    SamplingConfig,
    ScriptedFramework,
    ScriptedMind,
)
from app.commons.frozen import Frozen
from app.interop.files import UnreadableLog

SECTION = "observatory"
SCRIPTED = "scripted:"


class OwnSettings(Frozen):
    """The section: the configuration with recorded minds, the seed if it is known, and how the calls were sampled."""

    version: Literal[1] = 1
    config: EpisodeConfig
    seed: int | None
    sampling: SamplingConfig | None
    interrupted: bool


def recorded(config: EpisodeConfig) -> EpisodeConfig:
    """Return *config* as an imported run has it: what decided is named, and can no longer be asked."""
    agents = tuple(
        agent.model_copy(update={"mind": RecordedMind(model=_mind_name(agent.mind))}) for agent in config.agents
    )
    framework = RecordedFramework(model=_framework_name(config.framework))
    return config.model_copy(update={"agents": agents, "framework": framework})


def read_own(section: object) -> OwnSettings:
    """Return the section of a config.yaml.

    Raises:
        UnreadableLog: if it is not what we write.
    """
    try:
        own = OwnSettings.model_validate(section)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadableLog(
            f"config.yaml has an {SECTION} section that cannot be used ({where}: {first['msg']}); "
            "remove the section to import without it"
        ) from None
    return own.model_copy(update={"config": recorded(own.config)})


def _mind_name(mind: MindConfig) -> str | None:
    return f"{SCRIPTED}{mind.policy}" if isinstance(mind, ScriptedMind) else mind.model


def _framework_name(framework: FrameworkConfig) -> str | None:
    return "scripted" if isinstance(framework, ScriptedFramework) else framework.model


def scripted_agents(own: OwnSettings | None) -> frozenset[str]:
    """Return the ids of the agents that followed a policy: they decided without a completion that could be read."""
    agents = enumerate(own.config.agents) if own else ()
    return frozenset(
        f"persona_{index}" for index, agent in agents if (_mind_name(agent.mind) or "").startswith(SCRIPTED)
    )
