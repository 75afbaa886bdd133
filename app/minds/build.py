"""From configuration to minds: one table for the kinds of mind, and where prompt sets are found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from app.commons import config as configuration
from app.commons.config import EpisodeConfig
from app.commons.minds import Framework, Mind
from app.commons.scenario import Scenario, get_scenario
from app.minds.framework import GenerativeFramework
from app.minds.generative import GenerativeMind
from app.minds.prompt_folders import load_set
from app.minds.prompts import ENDING, PromptError, PromptSet
from app.minds.scripted import ScriptedFramework, ScriptedMind
from app.minds.wording import further_pieces
from app.models.base import Model

OpenModel = Callable[[str], Model]


class NotPlayable(ValueError):
    """An imported run cannot be played: what decided for its agents is not here."""


def build_minds(
    config: EpisodeConfig, prompts: Mapping[str, PromptSet], open_model: OpenModel
) -> tuple[dict[str, Mind], Framework]:
    """Return the minds of an episode by agent name, and its framework.

    Args:
        config: the episode.
        prompts: the prompt sets it names.
        open_model: opens a model by its name ENDPOINT/MODEL, embedding models as well.

    Raises:
        NotPlayable: if a mind is a recorded one.
        app.models.base.ModelNotConfigured: from `open_model`.
    """
    scenario = get_scenario(config.scenario)
    minds = {agent.name: _mind(agent, config, scenario, prompts, open_model) for agent in config.agents}
    framework = config.framework
    if isinstance(framework, configuration.ScriptedFramework):
        return minds, ScriptedFramework(scenario)
    if isinstance(framework, configuration.GenerativeFramework):
        model = open_model(framework.model)
        wording = prompts[framework.prompts]
        return minds, GenerativeFramework(wording.in_words(scenario), config, framework, wording, model)
    raise NotPlayable("An imported run cannot be played again.")


def _mind(
    agent: configuration.AgentConfig,
    config: EpisodeConfig,
    scenario: Scenario,
    prompts: Mapping[str, PromptSet],
    open_model: OpenModel,
) -> Mind:
    mind = agent.mind
    if isinstance(mind, configuration.ScriptedMind):
        return ScriptedMind(agent.name, mind.policy, config, scenario)
    if isinstance(mind, configuration.GenerativeMind):
        wording = prompts[mind.prompts]
        model = open_model(mind.model)
        embedding = open_model(mind.embedding) if mind.embedding else None
        return GenerativeMind(agent.name, wording.in_words(scenario), config, mind, wording, model, embedding)
    raise NotPlayable(f"{agent.name} is from an imported run and cannot be played again.")


def require_pieces(config: EpisodeConfig, files: Mapping[str, Mapping[str, str]]) -> None:
    """Make sure that the prompt sets of *config*'s agents, given by name as files, have what its condition needs.

    Raises:
        PromptError: naming the set and the file it lacks.
    """
    minds = [agent.mind for agent in config.agents]
    for name in sorted({mind.prompts for mind in minds if isinstance(mind, configuration.GenerativeMind)}):
        for piece in sorted(further_pieces(config)):
            if piece + ENDING not in files[name]:
                raise PromptError(
                    f"The prompt set '{name}' has no file '{piece}{ENDING}', which this condition needs. "
                    "Add it, or copy it from 'base'."
                )


def load_prompt_sets(folders: Sequence[Path], names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return all files of the named prompt sets, those of the sets they extend included.

    The first of *folders* that has a set of a name wins.

    Raises:
        PromptError: if a set is missing or cannot be used.
    """
    return {name: load_set(folders, name).files for name in sorted(names)}
