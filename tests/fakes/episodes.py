"""Random configurations: every scenario and condition, two to eight agents, scripted or asking a model."""

from hypothesis import strategies as st

from app.commons.config import (
    AgentConfig,
    EpisodeConfig,
    GameConfig,
    GenerativeFramework,
    GenerativeMind,
    MindConfig,
    SamplingConfig,
    ScriptedFramework,
    ScriptedMind,
)
from app.commons.scenario import conditions, get_condition
from app.jobs.launch_minds import POLICIES
from tests.fakes.villagers import EMBEDDER

NAMES = ("John", "Kate", "Jack", "Emma", "Luke", "Ann-Sofie", "Ö", "Agent 8")


@st.composite
def games(draw: st.DrawFn) -> GameConfig:
    """Draw the numbers of a game."""
    capacity = draw(st.integers(5, 300))
    stock = draw(st.integers(1, capacity))
    return GameConfig(
        months=draw(st.integers(1, 3)),
        capacity=capacity,
        initial_stock=stock,
        growth=draw(st.sampled_from([1.1, 1.5, 2.0, 2.75])),
        collapse_threshold=draw(st.integers(0, min(stock, 20))),
        allocation=draw(st.sampled_from(["stochastic", "proportional"])),
    )


@st.composite
def episodes(draw: st.DrawFn) -> EpisodeConfig:
    """Draw a configuration."""
    condition = draw(st.sampled_from(sorted(conditions())))
    temperature = draw(st.sampled_from([None, 0.0, 0.7]))
    models = st.sampled_from(["lab/one", "lab/two"])
    ratings = draw(st.sampled_from(["single", "batched"]))
    embedding = draw(st.sampled_from([None, EMBEDDER]))
    sampling = SamplingConfig(temperature=temperature)
    asking = models.map(
        lambda name: GenerativeMind(model=name, sampling=sampling, ratings=ratings, embedding=embedding)
    )
    scripted = st.sampled_from(POLICIES).map(lambda policy: ScriptedMind(policy=policy))
    kind: st.SearchStrategy[MindConfig] = draw(st.sampled_from([asking, scripted, asking | scripted]))
    minds = draw(st.lists(kind, min_size=2, max_size=8))
    asks = any(isinstance(mind, GenerativeMind) for mind in minds)
    return EpisodeConfig(
        scenario=draw(st.sampled_from(["fishery", "pasture", "pollution"])),
        condition=condition,
        phases=get_condition(condition).phases(),
        game=draw(games()),
        agents=tuple(AgentConfig(name=name, mind=mind) for name, mind in zip(NAMES, minds, strict=False)),
        framework=GenerativeFramework(model=draw(models)) if asks else ScriptedFramework(),
        seed=draw(st.integers(0, 2**31 - 1)),
    )
