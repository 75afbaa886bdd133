"""How many calls to models an episode makes, before it is played (GovSim, section 3)."""

from collections.abc import Collection, Sequence

from app.commons.config import (
    EpisodeConfig,
    GenerativeFramework,
    GenerativeMind,
    HomePhase,
    TakeAwayPhase,
    TalkPhase,
)
from app.web.format import count

INSIGHTS = 5


def calls_of(config: EpisodeConfig) -> int:
    """Return the calls of *config* if all its months are played, every talk is full and agents draw five insights.

    A month of five generative agents: 5 harvests, 9 utterances, summary and limit, 5 plans, 5 memos, 15 ratings of what
    was talked about, 5 reflections and 25 ratings of insights. Batched ratings are 5 and 5; embeddings are a call more
    for each harvest, utterance and reflection.
    """
    return round(sum(_calls_of_month(config, set(config.present(month))) for month in range(1, config.game.months + 1)))


def _calls_of_month(config: EpisodeConfig, present: Collection[str]) -> float:
    agents = [agent.mind for agent in config.agents if agent.name in present]
    calls = sum(_calls_of_agent(mind, config, len(present)) for mind in agents if isinstance(mind, GenerativeMind))
    if config.phase(TakeAwayPhase) is not None:
        calls += 2 * isinstance(config.framework, GenerativeFramework)
    return calls


def _calls_of_agent(mind: GenerativeMind, config: EpisodeConfig, present: int) -> float:
    """Return the calls of one agent in a month of *present* agents; utterances in equal parts."""
    batched = mind.ratings == "batched"
    recalls = 1.0
    talk = config.phase(TalkPhase)
    if talk is not None:
        recalls += (talk.max_contributions - (talk.report != "none")) / present
    if config.phase(HomePhase) is not None:
        recalls += 1
    calls = recalls * (1 if mind.embedding is None else 2)
    if config.phase(TakeAwayPhase) is not None:
        calls += 2 + (1 if batched else 3)
    if config.phase(HomePhase) is not None:
        calls += 1 if batched else INSIGHTS
    return calls


def in_words(configs: Sequence[EpisodeConfig]) -> str:
    """Say what the runs of a launch would ask of models."""
    runs = count(len(configs), "run")
    total = sum(calls_of(config) for config in configs)
    if total == 0:
        return f"{runs}, no model calls: nothing to pay."
    each = f", {calls_of(configs[0]):,} each" if len(configs) > 1 else ""
    return f"{runs}, about {total:,} model calls{each} if every month is played."
