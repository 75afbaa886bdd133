import pytest

from app.commons.config import SamplingConfig
from app.models.base import Completion, EndpointDown, RecordMismatch, request_hash
from app.models.prices import PriceTag
from app.models.recorded import RecordedModel
from tests.models.scripted import SAMPLING, MemoryLog, ScriptedModel, key, said

ANSWER = Completion(text="Answer: 8", prompt_tokens=1_000_000, completion_tokens=0)
GPT = PriceTag("https://api.openai.com/v1", "gpt-4o-mini")


async def test_a_new_call_is_asked_and_recorded_with_its_cost() -> None:
    log, inner = MemoryLog(), ScriptedModel(ANSWER)
    model = RecordedModel(inner, log, GPT)
    assert await model.complete(said(), SAMPLING, key()) is ANSWER
    call = log.calls[key()]
    assert (call.model, call.messages, call.sampling, call.completion) == ("lab/m", said(), SAMPLING, ANSWER)
    assert call.request_hash == request_hash("lab/m", said(), SAMPLING)
    assert call.cost is not None and 0 < call.cost < 10


async def test_a_recorded_call_is_answered_without_asking() -> None:
    log = MemoryLog()
    await RecordedModel(ScriptedModel(ANSWER), log, GPT).complete(said(), SAMPLING, key())
    nobody = ScriptedModel()
    assert await RecordedModel(nobody, log, GPT).complete(said(), SAMPLING, key()) == ANSWER
    assert nobody.asked == 0


async def test_another_attempt_is_another_call() -> None:
    log, inner = MemoryLog(), ScriptedModel(ANSWER, ANSWER)
    model = RecordedModel(inner, log, GPT)
    await model.complete(said(), SAMPLING, key())
    await model.complete(said(), SAMPLING, key().again())
    assert inner.asked == 2 and len(log.calls) == 2


async def test_another_request_under_a_recorded_key_is_never_answered() -> None:
    log = MemoryLog()
    await RecordedModel(ScriptedModel(ANSWER), log, GPT).complete(said(), SAMPLING, key())
    nobody = ScriptedModel()
    for messages, sampling in ((said("Other words?"), SAMPLING), (said(), SamplingConfig(temperature=1))):
        with pytest.raises(RecordMismatch, match=r"'1/harvest/Kate/harvest//1' was recorded for another request"):
            await RecordedModel(nobody, log, GPT).complete(messages, sampling, key())
    assert nobody.asked == 0 and log.calls[key()].messages == said()


async def test_a_failed_call_leaves_no_record() -> None:
    log = MemoryLog()
    with pytest.raises(EndpointDown):
        await RecordedModel(ScriptedModel(EndpointDown("down")), log, GPT).complete(said(), SAMPLING, key())
    assert log.calls == {}
