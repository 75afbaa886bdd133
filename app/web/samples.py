"""Three villages that need no key, chosen because they end differently."""

from app.commons.config import AgentConfig, EpisodeConfig, PolicyName, ScriptedFramework, ScriptedMind
from app.commons.scenario import get_condition, get_scenario

EXPERIMENT = "Three sample villages"

# Scenario, condition, the five agents' policies, seed.
SAMPLES: tuple[tuple[str, str, tuple[PolicyName, ...], int], ...] = (
    ("fishery", "default", ("fair-share",) * 5, 1),
    ("pasture", "default", ("forgetful", "reciprocal", "fair-share", "greedy", "reciprocal"), 1),
    ("pollution", "no_communication", ("greedy", "random", "greedy", "greedy", "fair-share"), 1),
)


def sample_configs() -> list[EpisodeConfig]:
    """Return the configurations of the sample runs."""
    return [
        EpisodeConfig(
            scenario=scenario,
            condition=condition,
            agents=tuple(
                AgentConfig(name=name, mind=ScriptedMind(policy=policy))
                for name, policy in zip(get_scenario(scenario).agents, policies, strict=True)
            ),
            framework=ScriptedFramework(),
            phases=get_condition(condition).phases(),
            seed=seed,
        )
        for scenario, condition, policies, seed in SAMPLES
    ]
