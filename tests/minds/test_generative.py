"""A single generative mind and the framework: what is asked, what is kept, what happens to unreadable answers."""

import pytest

from app.commons.events import Unreadable
from app.commons.minds import LimitAgreed, ResultSeen, StockSeen
from app.commons.questions import NumberQuestion, TextQuestion
from app.commons.scenario import get_scenario
from app.minds.framework import GenerativeFramework
from app.minds.generative import GenerativeMind
from app.models.base import EndpointDown, Model
from tests.minds.samples import base_prompts, episode, moment, talk, talk_moment
from tests.minds.scripts import PurposeModel, ScriptedModel, ScriptRanOut

FISHERY = get_scenario("fishery")
HARVEST = NumberQuestion(purpose="harvest", low=0, high=100, unit="tons")


def mind(model: Model, name: str = "Kate") -> GenerativeMind:
    config = episode()
    return GenerativeMind(name, FISHERY, config, config.agents[1].mind, base_prompts(), model)


def framework(model: Model) -> GenerativeFramework:
    config = episode()
    return GenerativeFramework(FISHERY, config, config.framework, base_prompts(), model)


async def test_observations_are_kept_without_asking_a_model():
    kate = mind(ScriptedModel())
    stock = await kate.perceive(StockSeen(stock=100, share=10), moment())
    result = await kate.perceive(ResultSeen(asked=20, wanted=20, collected=1), talk_moment())
    agreed = await kate.perceive(LimitAgreed(limit=10), talk_moment())
    kept = [*stock.memories, *result.memories, *agreed.memories]
    assert [(memory.id, memory.purpose, memory.always) for memory in kept] == [
        (1, "stock", True), (2, "universalization", True), (3, "result", True), (4, "limit", True),
    ]  # fmt: skip
    assert [memory.text for memory in kept] == [
        "The month begins with 100 tons of fish in the lake.",
        "If every fisherman catches more than 10 tons of fish this month, there will be fewer fish in the lake next "
        "month than there are now.",
        "Kate asked for 20 tons of fish this month and brought home 1 ton of fish.",
        "The fishermen agreed that each of them catches at most 10 tons of fish a month.",
    ]


async def test_no_agreed_limit_leaves_nothing_behind():
    assert (await mind(ScriptedModel()).perceive(LimitAgreed(limit=None), talk_moment())).memories == ()


async def test_a_harvest_answer_is_kept_as_asked():
    assert (await mind(ScriptedModel("Answer: 1,000")).answer(HARVEST, moment())).value == 1000


async def test_an_unreadable_answer_is_asked_again_with_itself_and_a_reminder():
    model = ScriptedModel("I take 10 or 20.", "", "Answer: 10")
    answer = await mind(model).answer(HARVEST, moment())
    assert (answer.value, answer.attempts) == (10, 3)
    assert [str(key) for key in model.keys] == [f"1/harvest/Kate/harvest//{attempt}" for attempt in (1, 2, 3)]
    roles = [message.role for message in model.requests[2]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    first_reply, reminder, empty_reply = (message.content for message in model.requests[2][2:5])
    assert first_reply == "I take 10 or 20."
    assert "Answer: N" in reminder
    assert empty_reply == "(The reply was empty.)"


async def test_after_three_attempts_a_harvest_is_unreadable():
    answer = await mind(ScriptedModel("?", "?", "?")).answer(HARVEST, moment())
    assert (answer.value, answer.attempts, answer.readable) == (None, 3, False)


async def test_a_model_that_runs_out_of_script_fails_the_test():
    with pytest.raises(ScriptRanOut):
        await mind(ScriptedModel("?")).answer(HARVEST, moment())


async def test_a_question_without_words_is_refused():
    with pytest.raises(NotImplementedError, match="vote"):
        await mind(ScriptedModel()).answer(TextQuestion(purpose="vote"), moment())


async def test_an_unreadable_utterance_is_empty_and_the_talk_goes_on():
    said = await mind(ScriptedModel("x", "y", "z")).speak(talk(FISHERY), 4, talk_moment())
    assert (said.text, said.ends, said.next_speaker) == ("", False, None)
    assert said.unreadable == (
        Unreadable(
            month=1, phase="talk", agent="Kate", purpose="utterance", item="4", attempts=3, fallback="nothing said"
        ),
    )


async def test_a_thought_that_cannot_be_read_is_left_out_and_the_other_is_rated():
    model = PurposeModel(spoil=lambda key: key.purpose == "interesting")
    kept = await mind(model).take_away(talk(FISHERY), talk_moment())
    assert [(memory.purpose, memory.rated) for memory in kept.memories] == [("planning", True)]
    assert [(problem.purpose, problem.fallback) for problem in kept.unreadable] == [("interesting", "none")]
    assert model.purposes == {"planning": 1, "interesting": 3, "rating": 1}


async def test_a_conversation_has_its_id_before_the_thoughts_about_it():
    kate = mind(ScriptedModel("Plan.", "Fun.", "Answer: 3", "Answer: 4", "Answer: 6"))
    thoughts = await kate.take_away(talk(FISHERY), talk_moment())
    talked = await kate.remember_talk(talk(FISHERY), "They agreed.", talk_moment())
    assert [memory.id for memory in thoughts.memories] == [2, 3]
    assert [(memory.id, memory.importance) for memory in talked.memories] == [(1, 6)]
    assert talked.memories[0].text == "A talk between John, Kate, Jack, Emma and Luke about the lake: They agreed."


async def test_insights_name_the_memories_they_rest_on():
    model = ScriptedModel("1. Go slow. (because of 2)\n2. Talk helps. (because of 1, 2)", "Answer: 9", "Answer: 8")
    kate = mind(model)
    await kate.perceive(StockSeen(stock=100), moment())
    await kate.perceive(ResultSeen(asked=5, wanted=5, collected=5), talk_moment())
    kept = await kate.reflect(talk_moment())
    assert [(memory.text, memory.sources, memory.importance) for memory in kept.memories] == [
        ("Go slow.", (2,), 9),
        ("Talk helps.", (1, 2), 8),
    ]
    assert [key.item for key in model.keys] == ["", "insight-1", "insight-2"]


async def test_a_mind_without_memories_asks_nothing_at_home():
    assert (await mind(ScriptedModel()).reflect(moment())).memories == ()


async def test_an_endpoint_that_is_down_is_never_turned_into_an_answer():
    class Down(ScriptedModel):
        async def complete(self, messages, sampling, key):
            raise EndpointDown("test is down")

    with pytest.raises(EndpointDown):
        await mind(Down()).take_away(talk(FISHERY), talk_moment())


@pytest.mark.parametrize(
    ("answers", "limit", "missing"),
    [
        (["Answer: 10"], 10, 0),
        (["They could not agree.\nAnswer: none"], None, 0),
        (["?", "Answer: 8 tons"], 8, 0),
        (["?", "?", "?"], None, 1),
    ],
)
async def test_the_framework_reads_the_limit(answers: list[str], limit: int | None, missing: int):
    model = ScriptedModel(*answers)
    reading = await framework(model).agreed_limit(talk(FISHERY), talk_moment())
    assert reading.value == limit
    assert len(reading.unreadable) == missing
    assert str(model.keys[-1]) == f"1/take_away/framework/limit//{len(answers)}"


async def test_the_framework_sums_the_talk_up_in_one_sentence():
    reading = await framework(ScriptedModel("They settled on 10.5 tons. Then they left.")).summarise(
        talk(FISHERY), talk_moment()
    )
    assert reading.value == "They settled on 10.5 tons."
