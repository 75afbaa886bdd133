"""Whether prompts and answers fit into the models that a launch names."""

from collections.abc import Callable, Iterator

from app.commons.config import EpisodeConfig, GenerativeFramework, GenerativeMind, SamplingConfig
from app.jobs.estimate import LONGEST_PROMPT

ContextOf = Callable[[str], int | None]


def too_long(config: EpisodeConfig, context_of: ContextOf) -> list[str]:
    """Return a sentence for each model into which a long prompt and the longest answer do not fit together.

    *context_of* tells how many tokens a model takes, prompt and answer together; where it is unknown, nothing is said.
    """
    found: dict[str, str] = {}
    for model, sampling in _askings(config):
        context = context_of(model)
        if context is None or context >= LONGEST_PROMPT + sampling.max_tokens:
            continue
        room = context - LONGEST_PROMPT
        advice = f"lower the longest answer to {room // 100 * 100:,}" if room >= 200 else "choose another model"
        found[model] = (
            f"{model} takes {context:,} tokens; a prompt of about {LONGEST_PROMPT:,} and an answer of up to "
            f"{sampling.max_tokens:,} do not fit: {advice}."
        )
    return list(found.values())


def _askings(config: EpisodeConfig) -> Iterator[tuple[str, SamplingConfig]]:
    for agent in config.agents:
        if isinstance(agent.mind, GenerativeMind):
            yield agent.mind.model, agent.mind.sampling
    if isinstance(config.framework, GenerativeFramework):
        yield config.framework.model, config.framework.sampling
