"""Three villages that need no key, chosen because they end differently."""

from app.commons.config import AgentConfig, EpisodeConfig, PolicyName, ScriptedFramework, ScriptedMind
from app.commons.scenario import get_condition, get_scenario

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


def sample_configs() -> list[EpisodeConfig]:
    """Return the configurations of the sample runs."""
    return [
        EpisodeConfig(
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
        for policies, seed in SAMPLES
    ]
