"""Which episodes a demonstration model learns from: all scenarios, conditions and prompt sets, and many numbers.

Stocks are drawn evenly from near collapse to the capacity, so that what is answered has to depend on them.
"""

from random import Random

from app.commons import config as configuration
from app.commons.chance import generator
from app.commons.config import EpisodeConfig, GameConfig, PhaseConfig, PolicyName, TalkPhase
from app.commons.scenario import conditions, get_scenario
from app.local.teacher import Slate

SCENARIOS = ("fishery", "pasture", "pollution")
PROMPT_SETS = ("base", "base", "paraphrase-1", "paraphrase-2")
CONDITIONS = (
    "default", "default", "default", "universalization", "universalization", "no_communication",
    "no_communication_observed", "no_communication_reflective", "newcomer", "newcomer_universalization",
)  # fmt: skip
POLICIES: tuple[PolicyName, ...] = ("greedy", "reciprocal", "forgetful")
ODD = 0.15
"""How many agents follow another policy than the fair one; nothing in their prompt says so."""
LOWEST_STOCK, LOW_STOCK = 5, 30
LOW = 0.3
"""How many episodes begin with at most LOW_STOCK units, whatever the capacity."""
NAMES = (
    "Ada", "Amir", "Ana", "Anton", "Bea", "Boris", "Carla", "Chen", "Dana", "David", "Elif", "Eva", "Farid", "Grace",
    "Hana", "Ivan", "Jonas", "Kofi", "Lena", "Maria", "Mei", "Nils", "Nora", "Omar", "Paul", "Priya", "Rosa", "Sam",
    "Sofia", "Tom", "Uma", "Vera", "Yusuf", "Zoe", "Agent A", "Agent B", "Agent C", "Agent D", "Agent E", "Agent F",
)  # fmt: skip


def draw_episode(seed: int, number: int, game: GameConfig | None = None) -> tuple[EpisodeConfig, dict[str, PolicyName]]:
    """Return episode *number* of *seed*, all agents language models, and the policy that each of them follows.

    With *game* it has these numbers instead of those drawn.
    """
    rng = generator(seed, "episode", number)
    scenario, condition = get_scenario(rng.choice(SCENARIOS)), conditions()[rng.choice(CONDITIONS)]
    drawn = _game(rng)
    game, names = game or drawn, _names(rng, scenario.agents)
    mind = configuration.GenerativeMind(
        model=Slate.name, prompts=rng.choice(PROMPT_SETS), ratings=rng.choice(("single", "single", "batched"))
    )
    roles = [condition.role(index, len(names), scenario.words) for index in range(len(names))]
    agents = tuple(
        configuration.AgentConfig(
            name=name, mind=mind, **{**dict(role), "joins": min(role.joins, 1 + number % game.months)}
        )
        for name, role in zip(names, roles, strict=True)
    )
    config = EpisodeConfig(
        scenario=scenario.id,
        condition=condition.id,
        game=game,
        agents=agents,
        framework=configuration.GenerativeFramework(model=Slate.name, prompts=mind.prompts),
        phases=_phases(rng, condition.phases()),
        seed=rng.randrange(2**31),
        disclose=rng.choice(((), (), (), ("months",), ("allocation", "collapse_threshold"))),
    )
    policies: dict[str, PolicyName] = {
        name: rng.choice(POLICIES) if rng.random() < ODD else "fair-share" for name in names
    }
    if condition.last is not None:
        # The newcomer's goals stand in its prompt, and those of the others in theirs.
        policies = dict.fromkeys(names, "fair-share")
        policies[names[-1]] = "greedy"
    return config, policies


def _game(rng: Random) -> GameConfig:
    capacity = 100 if rng.random() < 0.7 else rng.randint(40, 150)
    highest = LOW_STOCK if rng.random() < LOW else capacity
    return GameConfig(
        months=rng.choice((1, 1, 2, 2, 3, 4)) if rng.random() < 0.97 else 13,
        capacity=capacity,
        initial_stock=rng.randint(LOWEST_STOCK, highest),
        growth=2.0 if rng.random() < 0.85 else rng.choice((1.5, 2.5, 3.0)),
        collapse_threshold=rng.choice((LOWEST_STOCK, LOWEST_STOCK, 2)),
    )


def _names(rng: Random, usual: tuple[str, ...]) -> tuple[str, ...]:
    if rng.random() < 0.6:
        return usual
    count = 5 if rng.random() < 0.5 else rng.choice((3, 4, 6))
    return tuple(rng.sample(NAMES, count))


def _phases(rng: Random, phases: tuple[PhaseConfig, ...]) -> tuple[PhaseConfig, ...]:
    """Let the talk now and then begin with everybody's own report, or with none."""
    report = rng.choice(("manager", "manager", "manager", "individual", "none"))
    return tuple(
        phase.model_copy(update={"report": report}) if isinstance(phase, TalkPhase) else phase for phase in phases
    )
