"""Which calls an episode makes of which model, before it is played (GovSim, section 3)."""

from collections import defaultdict
from collections.abc import Collection

from app.commons.config import (
    EpisodeConfig,
    GenerativeFramework,
    GenerativeMind,
    HomePhase,
    TakeAwayPhase,
    TalkPhase,
)

INSIGHTS = 5

Calls = defaultdict[tuple[str, str], float]
"""Calls by model and purpose; parts of calls where agents share them out, as utterances."""


def calls_of(config: EpisodeConfig) -> int:
    """Return the calls of *config* if all its months are played, every talk is full and agents draw five insights.

    A month of five generative agents: 5 harvests, 9 utterances, summary and limit, 5 plans, 5 memos, 15 ratings of what
    was talked about, 5 reflections and 25 ratings of insights. Batched ratings are 5 and 5; embeddings are a call more
    for each harvest, utterance and reflection.
    """
    return round(sum(sum(calls_of_month(config, month).values()) for month in range(1, config.game.months + 1)))


def calls_of_month(config: EpisodeConfig, month: int) -> Calls:
    """Return the calls of *month* by model and purpose."""
    present = set(config.present(month))
    calls: Calls = defaultdict(float)
    for agent in config.agents:
        if agent.name in present and isinstance(agent.mind, GenerativeMind):
            _add_agent(calls, agent.mind, config, present)
    if config.phase(TakeAwayPhase) is not None and isinstance(config.framework, GenerativeFramework):
        for purpose in ("summary", "limit"):
            calls[config.framework.model, purpose] += 1
    return calls


def critical_path(config: EpisodeConfig) -> int:
    """Return how many calls of *config* must follow one another: U + 5 a month of U utterances, 1 without talk."""
    talk = config.phase(TalkPhase)
    steps = 1
    if talk is not None:
        steps += talk.max_contributions - (talk.report != "none")
    steps += 2 * (config.phase(TakeAwayPhase) is not None) + 2 * (config.phase(HomePhase) is not None)
    return steps * config.game.months


def _add_agent(calls: Calls, mind: GenerativeMind, config: EpisodeConfig, present: Collection[str]) -> None:
    """Add the calls of one agent in a month; utterances in equal parts."""
    batched = mind.ratings == "batched"
    rating = "ratings" if batched else "rating"
    # Harvest, utterances and reflection look for memories first.
    recalls: dict[str, float] = {"harvest": 1.0}
    talk = config.phase(TalkPhase)
    if talk is not None:
        recalls["utterance"] = (talk.max_contributions - (talk.report != "none")) / len(present)
    if config.phase(HomePhase) is not None:
        recalls["insight"] = 1.0
        calls[mind.model, rating] += 1 if batched else INSIGHTS
    for purpose, number in recalls.items():
        calls[mind.model, purpose] += number
        if mind.embedding is not None:
            calls[mind.embedding, "embedding"] += number
    if config.phase(TakeAwayPhase) is not None:
        for purpose in ("planning", "interesting"):
            calls[mind.model, purpose] += 1
        calls[mind.model, rating] += 1 if batched else 3
