"""Batched ratings: one call rates all that an agent keeps at once."""

import asyncio

import pytest

from app.commons.config import GenerativeMind as MindConfig
from app.commons.scenario import get_scenario
from app.engine.play import play
from app.minds.framework import GenerativeFramework
from app.minds.generative import GenerativeMind
from app.minds.reader import read_ratings
from app.models.base import CallKey, Completion, EndpointDown, Message
from tests.minds.samples import base_prompts, episode, talk, talk_moment
from tests.minds.scripts import PurposeModel, ScriptedModel, answer_to

FISHERY = get_scenario("fishery")
BATCHED = MindConfig(model="test/script", ratings="batched")
THOUGHTS = ("I should take ten.", "Jack took twenty.")


class BatchModel(PurposeModel):
    """Rates batches too: statement n gets n + 2, unless spoilt."""

    async def complete(self, messages: tuple[Message, ...], sampling: object, key: CallKey) -> Completion:
        answered = await super().complete(messages, sampling, key)  # type: ignore[arg-type]
        if key.item != "batch" or not answered.text:
            return answered
        count = sum(segment.kind == "memory" for segment in messages[1].segments)
        return Completion(text="\n".join(f"{n}. {n + 2}" for n in range(1, count + 1)))


def kate(model: object) -> GenerativeMind:
    return GenerativeMind("Kate", FISHERY, episode(), BATCHED, base_prompts(), model)  # type: ignore[arg-type]


async def talked(mind: GenerativeMind, summary_first: bool):
    jobs = [mind.take_away(talk(FISHERY), talk_moment()), mind.remember_talk(talk(FISHERY), "A talk.", talk_moment())]
    if summary_first:
        jobs.reverse()
    done = await asyncio.gather(*jobs)
    return done[::-1] if summary_first else done


@pytest.mark.parametrize("summary_first", [True, False])
async def test_thoughts_and_the_talk_are_rated_by_one_call(summary_first: bool) -> None:
    model = BatchModel()
    thoughts, conversation = await talked(kate(model), summary_first)
    assert [memory.importance for memory in thoughts.memories] == [3, 4]
    assert conversation.memories[0].importance == 5 and conversation.memories[0].rated
    assert sorted(map(str, model.keys)) == [
        "1/take_away/Kate/interesting//1",
        "1/take_away/Kate/planning//1",
        "1/take_away/Kate/rating/batch/1",
    ]
    request = model.requests["1/take_away/Kate/rating/batch/1"][1].content
    assert "Reply with 3 lines" in request and "\n3. " in request


async def test_unreadable_batches_are_asked_again_and_each_memory_is_flagged() -> None:
    model = BatchModel(spoil=lambda key: key.purpose == "rating")
    thoughts, conversation = await talked(kate(model), False)
    assert model.purposes["rating"] == 3
    kept = [*thoughts.memories, *conversation.memories]
    assert [(memory.importance, memory.rated) for memory in kept] == [(5, False)] * 3
    missing = [*thoughts.unreadable, *conversation.unreadable]
    assert [(item.purpose, item.item, item.attempts) for item in missing] == [
        ("rating", "planning", 3), ("rating", "interesting", 3), ("rating", "conversation", 3),
    ]  # fmt: skip


async def test_a_wrong_count_is_asked_again() -> None:
    insights = "1. One. (because of 1)\n2. Two. (because of 1)"
    model = ScriptedModel(*THOUGHTS, "1. 3\n2. 4\n3. 5", insights, "1. 7", "1. 7\n2. 8")
    mind = kate(model)
    await talked(mind, False)
    home = await mind.reflect(talk_moment())
    assert [memory.importance for memory in home.memories] == [7, 8]
    assert "numbered from 1 to 2" in model.requests[-1][-1].content


async def whole(shuffle: int | None, model: PurposeModel | None = None):
    config = episode(months=2)
    config = config.model_copy(
        update={"agents": tuple(agent.model_copy(update={"mind": BATCHED}) for agent in config.agents)}
    )
    model = model or BatchModel(shuffle=shuffle)
    prompts = base_prompts()
    minds = {
        agent.name: GenerativeMind(agent.name, FISHERY, config, agent.mind, prompts, model) for agent in config.agents
    }
    events: list[object] = []
    await play(config, minds, GenerativeFramework(FISHERY, config, config.framework, prompts, model), events.append)
    return events, model


async def test_a_month_takes_41_calls_and_the_same_events_in_any_order_of_answers() -> None:
    events, model = await whole(None)
    assert len(model.keys) == 2 * 41 and model.purposes["rating"] == 2 * 10
    for shuffle in (1, 2, 3):
        assert (await whole(shuffle))[0] == events


async def test_an_endpoint_that_fails_in_the_summary_ends_the_episode_and_leaves_nobody_waiting() -> None:
    class Failing(BatchModel):
        async def complete(self, messages: tuple[Message, ...], sampling: object, key: CallKey) -> Completion:
            if key.purpose == "summary":
                raise EndpointDown("Endpoint 'lab' is down.")
            return await super().complete(messages, sampling, key)

    async with asyncio.timeout(10):
        with pytest.raises(BaseExceptionGroup) as caught:
            await whole(None, Failing())
    assert caught.group_contains(EndpointDown)


def test_single_ratings_are_the_default_and_name_the_same_episode_as_before() -> None:
    assert "ratings" not in episode().model_dump_json() and "embedding" not in episode().model_dump_json()
    assert BATCHED.model_dump()["ratings"] == "batched"
    assert MindConfig.model_validate_json(BATCHED.model_dump_json()) == BATCHED
    assert answer_to(CallKey(month=1, phase="home", agent="Kate", purpose="limit")).endswith("10")


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("1. 7\n2. 3", 2, (7, 3)),
        ("2. 3\n1. 7", 2, (7, 3)),
        ("1) 7/10\n2) 3 out of 10", 2, (7, 3)),
        ("**1.** 7\n**2.** 3", 2, (7, 3)),
        ("1: seven\n2: three", 2, (7, 3)),
        ("- 1. 7\n- 2. 3", 2, (7, 3)),
        ("S1. 7\nS2. 3", 2, (7, 3)),
        ("Statement 1: 7\nStatement 2: 3", 2, (7, 3)),
        ("1. I should take ten: 7\n2. Jack took twenty: 3", 2, (7, 3)),
        ("<think>1. 2\n2. 2</think>1. 7\n2. 3", 2, (7, 3)),
        ("Here are the ratings:\n1. 7\n2. 3\nI hope this helps.", 2, (7, 3)),
        ("1. 7\n1. 7\n2. 3", 2, (7, 3)),
        ("1. 7", 2, None),
        ("1. 7\n2. 3\n3. 4", 2, None),
        ("1. 7\n2. 11", 2, None),
        ("1. 7\n2. 0", 2, None),
        ("1. 7\n2. 5-6", 2, None),
        ("1. 7\n2. 3\n2. 4", 2, None),
        ("1. 7\n2. important", 2, None),
        ("7\n3", 2, None),
        ("7, 3", 2, None),
        ("", 1, None),
    ],
)
def test_a_list_of_ratings_is_read_whole_or_not_at_all(text: str, count: int, expected: tuple[int, ...] | None) -> None:
    assert read_ratings(text, count) == expected
