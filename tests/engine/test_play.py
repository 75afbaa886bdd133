import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.commons.config import GameConfig
from app.commons.events import Agreed, Collected, Decided, Ended, Harvested, MonthEnded, MonthStarted, Said
from app.commons.metrics import episode_metrics, harvests
from app.engine.play import play
from app.minds.build import build_minds
from tests.support import no_model, played, scripted_config, texts

POLICIES = st.lists(
    st.sampled_from(["fair-share", "greedy", "reciprocal", "forgetful", "random"]), min_size=2, max_size=8
)
GAMES = st.builds(
    lambda months, capacity, growth, rule: GameConfig(
        months=months,
        capacity=capacity,
        initial_stock=capacity,
        growth=growth,
        collapse_threshold=min(5, capacity),
        allocation=rule,
    ),
    st.integers(1, 6),
    st.integers(1, 200),
    st.sampled_from([1.1, 1.5, 2.0, 3.0]),
    st.sampled_from(["stochastic", "proportional"]),
)


@settings(max_examples=40, deadline=None)
@given(POLICIES, GAMES, st.integers(0, 1000), st.sampled_from(["default", "universalization", "no_communication"]))
def test_the_game_keeps_its_laws(policies, game, seed, condition) -> None:
    config = scripted_config(policies, game=game, seed=seed, condition=condition)
    events = asyncio.run(played(config))
    asked = {(e.month, e.agent): e for e in events if isinstance(e, Decided)}
    for event in events:
        if isinstance(event, MonthStarted):
            assert 0 <= event.stock <= game.capacity
        elif isinstance(event, Collected):
            assert 0 <= event.collected <= event.wanted <= max(0, asked[event.month, event.agent].asked)
        elif isinstance(event, Harvested):
            taken = sum(e.collected for e in events if isinstance(e, Collected) and e.month == event.month)
            assert event.stock_before - event.stock_after == taken
            assert event.stock_after >= 0
        elif isinstance(event, MonthEnded):
            assert event.stock_after <= event.stock_next <= game.capacity
    assert isinstance(events[-1], Ended)
    assert sum(isinstance(event, Ended) for event in events) == 1


async def test_same_configuration_same_bytes() -> None:
    assert texts(await played(scripted_config(seed=7))) == texts(await played(scripted_config(seed=7)))
    assert texts(await played(scripted_config(seed=7))) != texts(await played(scripted_config(seed=8)))


async def test_two_interleaved_episodes_do_not_touch_each_other() -> None:
    alone = [texts(await played(scripted_config(seed=seed))) for seed in (1, 2)]
    together = await asyncio.gather(*(played(scripted_config(seed=seed)) for seed in (1, 2)))
    assert [texts(events) for events in together] == alone


class Dawdling:
    """A mind that answers late, each time by another while, without changing what it says."""

    def __init__(self, inner, order: list[int]) -> None:
        self.inner = inner
        self.order = order

    def __getattr__(self, name: str):
        async def later(*arguments):
            for _ in range(self.order.pop() if self.order else 0):
                await asyncio.sleep(0)
            return await getattr(self.inner, name)(*arguments)

        return later


@pytest.mark.parametrize("shuffle", [[5, 1, 4, 2, 0] * 80, [0, 3, 1, 7, 2] * 80])
async def test_the_order_in_which_minds_answer_changes_nothing(shuffle: list[int]) -> None:
    config = scripted_config(seed=3)
    minds, framework = build_minds(config, {}, no_model)
    late = {name: Dawdling(mind, list(shuffle)) for name, mind in minds.items()}
    events: list = []
    await play(config, late, framework, events.append)
    assert texts(events) == texts(await played(config))


async def test_fair_shares_sustain_the_stock_for_all_months() -> None:
    config = scripted_config(["fair-share"] * 5)
    metrics = episode_metrics(harvests(await played(config)), config.game, config.names)
    assert (metrics.survived, metrics.survival_time, metrics.efficiency, metrics.equality) == (True, 12, 1.0, 1.0)


async def test_greed_collapses_and_the_rest_of_the_month_still_happens() -> None:
    events = await played(scripted_config(["greedy"] * 5))
    collapse = next(e for e in events if isinstance(e, Harvested) and e.collapsed)
    later = [e for e in events if e.month == collapse.month and isinstance(e, Said)]
    assert later, "the talk of the month of the collapse was left out"
    assert events[-1] == Ended(month=collapse.month, collapsed=True, months_played=collapse.month)


async def test_without_communication_nobody_speaks() -> None:
    events = await played(scripted_config(condition="no_communication"))
    assert not [e for e in events if isinstance(e, Said | Agreed)]


async def test_the_talk_starts_with_the_report_and_the_first_agent_and_stays_within_its_cap() -> None:
    events = await played(scripted_config())
    for month in {e.month for e in events}:
        talk = [e for e in events if isinstance(e, Said) and e.month == month]
        assert [line.turn for line in talk] == list(range(1, len(talk) + 1))
        assert len(talk) <= 10
        assert talk[0].by_overseer
        assert talk[1].speaker == "John"


@pytest.mark.parametrize("scenario", ["fishery", "pasture", "pollution"])
async def test_scenarios_differ_in_words_alone(scenario: str) -> None:
    def numbers(events):
        return [(e.month, e.stock_before, e.stock_after) for e in events if isinstance(e, Harvested)]

    assert numbers(await played(scripted_config(scenario=scenario))) == numbers(await played(scripted_config()))
