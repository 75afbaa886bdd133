import pytest

from app.models.base import EndpointDown, Transient
from app.models.meter import LATENCY_BOUNDS_MS, Meter, MeteredModel
from tests.models.scripted import SAMPLING, ScriptedModel, key, said
from tests.models.test_recorded import ANSWER


async def test_each_request_is_counted_by_what_came_of_it() -> None:
    meter = Meter()
    failures = (Transient("answered 429", status=429), Transient("dropped the connection"), EndpointDown("no credit"))
    model = MeteredModel(ScriptedModel(ANSWER, *failures), "lab", meter)
    await model.complete(said(), SAMPLING, key())
    for failure in failures:
        with pytest.raises(type(failure)):
            await model.complete(said(), SAMPLING, key())
    use = meter.take().endpoints["lab"]
    assert use.outcomes == {"answered": 1, "429": 1, "no_answer": 1, "refused": 1}
    assert use.latencies.total() == 1
    assert meter.take().endpoints == {}


@pytest.mark.parametrize(("latency", "index"), [(0, 0), (100, 0), (101, 1), (160_000, 10), (160_001, 11)])
def test_latencies_are_counted_in_classes_that_include_their_bound(latency: int, index: int) -> None:
    meter = Meter()
    meter.asked("lab", "answered", latency)
    assert meter.take().endpoints["lab"].latencies == {index: 1}
    assert len(LATENCY_BOUNDS_MS) == 11


def test_what_could_not_be_stored_is_counted_again() -> None:
    meter = Meter()
    meter.asked("lab", "answered", 300)
    taken = meter.take()
    meter.asked("lab", "answered", 200)
    meter.give_back(taken.endpoints)
    use = meter.take().endpoints["lab"]
    assert (use.outcomes["answered"], use.latency_ms) == (2, 500)
