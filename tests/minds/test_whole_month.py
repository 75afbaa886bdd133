"""Whole episodes with generative minds: how many calls, and that the order of answers changes nothing."""

from collections import Counter

import pytest

from app.commons.config import EpisodeConfig
from app.commons.events import Event, Remembered, Unreadable, event_json
from app.commons.scenario import get_scenario
from app.engine.play import play
from app.minds.framework import GenerativeFramework
from app.minds.generative import GenerativeMind
from tests.minds.samples import base_prompts, episode
from tests.minds.scripts import PurposeModel

STANDARD_MONTH = {
    "harvest": 5, "utterance": 9, "summary": 1, "limit": 1, "planning": 5, "interesting": 5, "rating": 40, "insight": 5,
}  # fmt: skip


async def played(config: EpisodeConfig, model: PurposeModel) -> list[Event]:
    scenario, prompts = get_scenario(config.scenario), base_prompts()
    minds = {
        agent.name: GenerativeMind(agent.name, scenario, config, agent.mind, prompts, model) for agent in config.agents
    }
    framework = GenerativeFramework(scenario, config, config.framework, prompts, model)
    events: list[Event] = []
    await play(config, minds, framework, events.append)
    return events


async def test_a_standard_month_makes_71_calls_by_purpose():
    model = PurposeModel()
    await played(episode(months=3), model)
    for month in (1, 2, 3):
        purposes = Counter(key.purpose for key in model.keys if key.month == month)
        assert purposes == STANDARD_MONTH
        assert sum(purposes.values()) == 71


async def test_the_standard_episode_makes_852_calls():
    model = PurposeModel()
    await played(episode(), model)
    assert len(model.keys) == 852
    assert len(set(map(str, model.keys))) == 852


async def test_ratings_split_into_conversations_thoughts_and_insights():
    model = PurposeModel()
    await played(episode(months=1), model)
    items = Counter(key.item.partition("-")[0] for key in model.keys if key.purpose == "rating")
    assert items == {"conversation": 5, "planning": 5, "interesting": 5, "insight": 25}
    phases = {key.purpose: key.phase for key in model.keys if key.purpose != "rating"}
    assert phases == {
        "harvest": "harvest", "utterance": "talk", "summary": "take_away", "limit": "take_away",
        "planning": "take_away", "interesting": "take_away", "insight": "home",
    }  # fmt: skip


async def test_without_communication_a_month_makes_5_calls():
    model = PurposeModel()
    await played(episode(condition="no_communication", months=2), model)
    assert Counter(key.month for key in model.keys) == {1: 5, 2: 5}
    assert set(model.purposes) == {"harvest"}


@pytest.mark.parametrize("scenario", ["fishery", "pasture", "pollution"])
async def test_answers_in_any_order_give_the_same_events(scenario: str):
    config = episode(scenario, "universalization", months=3)
    expected = [event_json(event) for event in await played(config, PurposeModel())]
    for seed in (1, 2, 3):
        assert [event_json(event) for event in await played(config, PurposeModel(shuffle=seed))] == expected


async def test_memory_ids_count_from_1_for_each_agent_and_sources_exist():
    events = await played(episode(months=2), PurposeModel(shuffle=5))
    for name in ("John", "Luke"):
        memories = [event.memory for event in events if isinstance(event, Remembered) and event.agent == name]
        ids = sorted(memory.id for memory in memories)
        assert ids == list(range(1, len(ids) + 1))
        assert all(source in ids and source < memory.id for memory in memories for source in memory.sources)
        assert any(memory.sources for memory in memories)


async def test_at_home_in_month_1_an_agent_looks_back_on_5_memories():
    model = PurposeModel()
    events = await played(episode(months=1), model)
    shown = [segment.memory for segment in model.requests["1/home/Kate/insight//1"][1].segments if segment.memory]
    kept = {
        event.memory.id: event.memory for event in events if isinstance(event, Remembered) and event.agent == "Kate"
    }
    assert sorted(kept[number].purpose for number in shown) == ["interesting", "limit", "planning", "result", "stock"]


async def test_rubbish_is_asked_three_times_and_counted():
    model = PurposeModel(spoil=lambda key: key.agent in ("Kate", "framework"))
    events = await played(episode(months=1), model)
    decided = {event.agent: event for event in events if event.kind == "decided"}
    assert (decided["Kate"].asked, decided["Kate"].wanted, decided["Kate"].attempts) == (None, 0, 3)
    assert decided["John"].readable
    missing = Counter((event.agent, event.purpose, event.attempts) for event in events if isinstance(event, Unreadable))
    assert missing[None, "summary", 3] == missing[None, "limit", 3] == 1
    assert missing["Kate", "planning", 3] == missing["Kate", "interesting", 3] == missing["Kate", "insight", 3] == 1
    said = [event for event in events if event.kind == "said" and event.speaker == "Kate"]
    assert said and all(event.text == "" for event in said)
    assert missing["Kate", "utterance", 3] == len(said)


async def test_an_unreadable_rating_is_5_and_flagged():
    model = PurposeModel(spoil=lambda key: key.purpose == "rating")
    events = await played(episode(months=1), model)
    rated = [event.memory for event in events if isinstance(event, Remembered) and not event.memory.always]
    assert {(memory.importance, memory.rated) for memory in rated} == {(5, False)}
    missing = [event for event in events if isinstance(event, Unreadable)]
    assert len(missing) == len(rated) == 40
    assert {event.fallback for event in missing} == {"5"}
