"""Random configurations keep the game's laws, and played twice they are the same to the byte."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.commons.config import EpisodeConfig, TalkPhase
from app.commons.dynamics import is_collapse, regrow, sustainability_threshold
from app.commons.events import (
    Collected,
    Decided,
    Ended,
    Event,
    Harvested,
    MonthEnded,
    MonthStarted,
    Remembered,
    Said,
)
from app.commons.fidelity import ALL_SWITCHES
from app.commons.metrics import episode_metrics, harvests
from app.commons.presence import presence
from app.commons.scenario import conditions
from app.jobs.launch import plan_configs
from app.jobs.launch_minds import POLICIES
from app.jobs.launch_plan import LaunchPlan
from tests.support import NAMES, no_model, played, texts

ALL_NAMES = (*NAMES, "Mia", "Noah", "Olga")
MAYBE = st.none() | st.booleans()


@st.composite
def configurations(draw: st.DrawFn) -> EpisodeConfig:
    condition = draw(st.sampled_from(list(conditions())))
    newcomer = conditions()[condition].last is not None
    names = ALL_NAMES[: draw(st.integers(3 if newcomer else 2, 8))]
    capacity = draw(st.integers(1, 200))
    stock = draw(st.integers(1, capacity))
    talk = draw(MAYBE)
    can_talk = conditions()[condition].talk if talk is None else talk
    plan = LaunchPlan(
        scenario=draw(st.sampled_from(["fishery", "pasture", "pollution"])),
        condition=condition,
        agents=list(names),
        minds=[f"scripted:{draw(st.sampled_from(POLICIES))}" for _ in names],
        months=draw(st.integers(4 if newcomer else 1, 8)),
        capacity=capacity,
        initial_stock=stock,
        growth=draw(st.sampled_from([1.1, 1.15, 1.5, 2.0, 3.0])),
        collapse_threshold=draw(st.integers(0, stock)),
        allocation=draw(st.sampled_from(["stochastic", "proportional"])),
        talk=talk,
        report=draw(st.sampled_from([None, "manager", "individual", "none"])) if can_talk else None,
        observe_others=draw(MAYBE),
        home=draw(MAYBE),
        disclose=draw(st.lists(st.sampled_from(["months", "collapse_threshold", "allocation"]), max_size=3)),
        fidelity=draw(st.just("research") | st.lists(st.sampled_from(ALL_SWITCHES), max_size=3)),
        seeds=[draw(st.integers(0, 2**31 - 1))],
    )
    return plan_configs(plan, no_model)[0]


def check_laws(config: EpisodeConfig, events: list[Event]) -> None:
    game = config.game
    talk = config.phase(TalkPhase)
    stock = game.initial_stock
    for number in range(1, events[-1].month + 1):
        month = [event for event in events if event.month == number]
        started = next(event for event in month if isinstance(event, MonthStarted))
        settled = next(event for event in month if isinstance(event, Harvested))
        ended = next(event for event in month if isinstance(event, MonthEnded))
        decided = {event.agent: event for event in month if isinstance(event, Decided)}
        collected = {event.agent: event.collected for event in month if isinstance(event, Collected)}
        assert started.present == config.present(number) == tuple(decided) == tuple(collected)
        assert started.stock == settled.stock_before == stock
        assert started.share == sustainability_threshold(stock, game) // len(started.present)
        for name, one in decided.items():
            assert one.wanted == min(max(one.asked or 0, 0), stock)
            assert 0 <= collected[name] <= one.wanted
        wanted = sum(one.wanted for one in decided.values())
        assert sum(collected.values()) == min(wanted, stock) == stock - settled.stock_after
        assert settled.collapsed == is_collapse(settled.stock_after, game)
        assert ended.stock_next == regrow(settled.stock_after, game)
        said = [event for event in month if isinstance(event, Said)]
        assert [line.turn for line in said] == list(range(1, len(said) + 1))
        assert {line.agent for line in said if not line.by_overseer} <= set(started.present)
        if talk is None:
            assert not said
        else:
            opening = len(started.present) - 1 if talk.report == "individual" else 0
            assert 0 < len(said) <= talk.max_contributions + opening
        assert {event.agent for event in month if isinstance(event, Remembered)} <= set(started.present)
        assert settled.collapsed or number == game.months or number < events[-1].month
        assert number == events[-1].month or not settled.collapsed
        stock = ended.stock_next
    last = events[-1]
    assert isinstance(last, Ended) and last.months_played == last.month
    assert sum(isinstance(event, Ended) for event in events) == 1


def check_metrics(config: EpisodeConfig, events: list[Event]) -> None:
    months = harvests(events)
    metrics = episode_metrics(months, config.game, config.names)
    assert metrics.total_gain == sum(event.collected for event in events if isinstance(event, Collected))
    assert set(metrics.gains) == set(config.present(len(months)))
    for ratio in (metrics.efficiency, metrics.equality, metrics.over_usage, metrics.over_usage_asked):
        assert ratio is None or 0 <= ratio <= 1
    there = presence(months, config)
    assert (there is None) == (config.present(1) == config.names)
    if there is not None and there.since is not None:
        assert there.since.months_played == len(months) - there.from_month + 1
        assert there.since.collapsed == metrics.collapsed


def play_twice(config: EpisodeConfig) -> None:
    again = EpisodeConfig.model_validate_json(config.model_dump_json())
    assert again == config and again.hash == config.hash
    events = asyncio.run(played(config))
    assert texts(events) == texts(asyncio.run(played(again)))
    check_laws(config, events)
    check_metrics(config, events)


@settings(max_examples=10, deadline=None)
@given(configurations())
def test_random_configurations_keep_the_laws_and_are_the_same_twice(config: EpisodeConfig) -> None:
    play_twice(config)


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(configurations())
def test_many_random_configurations_keep_the_laws_and_are_the_same_twice(config: EpisodeConfig) -> None:
    play_twice(config)
