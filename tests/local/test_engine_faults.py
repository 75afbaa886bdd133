"""Whatever goes wrong with one text, the engine answers the next."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from math import inf, nan

import pytest

torch = pytest.importorskip("torch", reason="the extra [local] is not installed")

from app.local.engine import Engine  # noqa: E402
from app.local.requests import Cancelled, Decoding, Sampling  # noqa: E402
from tests.local.models import guessable, letters  # noqa: E402

PROMPT = [4, 5, 6, 7, 8]


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(guessable(), letters, decoding=Decoding(2, 3), ends=(), rows=2)
    yield made
    made.close()


def works(engine: Engine) -> bool:
    return engine.submit(PROMPT, Sampling(max_tokens=9)).result(60).completion_tokens == 9


def wait_for(event: threading.Event) -> None:
    assert event.wait(30)


@pytest.mark.parametrize("place", [1, 7, 20], ids=["first", "in a draft", "last"])
def test_a_reader_that_fails_at_any_piece_fails_alone(engine: Engine, place: int) -> None:
    read: list[str] = []

    def reader(piece: str) -> None:
        read.append(piece)
        if len(read) == place:
            raise RuntimeError("the reader went away")

    failing = engine.submit(PROMPT, Sampling(max_tokens=20), reader)
    with pytest.raises(RuntimeError, match="went away"):
        failing.result(60)
    assert works(engine)
    assert len(read) == place


def test_what_waits_for_a_row_is_cancelled_without_waiting(engine: Engine) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slow(piece: str) -> None:
        reached.set()
        go_on.wait(30)

    long = [engine.submit(PROMPT, Sampling(max_tokens=450), slow) for _ in range(2)]
    assert reached.wait(30)
    waiting = engine.submit(PROMPT, Sampling(max_tokens=5))
    others: list[bool] = []
    waiting.future.add_done_callback(lambda done: others.extend(one.future.done() for one in long))
    waiting.cancel()
    go_on.set()
    with pytest.raises(Cancelled):
        waiting.result(60)
    assert others == [False, False]
    for one in long:
        one.cancel()
        with pytest.raises(Cancelled):
            one.result(60)
    assert works(engine)


def test_the_future_is_not_ended_from_outside(engine: Engine) -> None:
    request = engine.submit(PROMPT, Sampling(max_tokens=30))
    assert not request.future.cancel()
    try:
        assert request.result(60).completion_tokens == 30
    except CancelledError:
        pytest.fail("The future was cancelled under the decoding thread.")


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_tokens=0),
        Sampling(temperature=-1),
        Sampling(temperature=nan),
        Sampling(temperature=inf),
        Sampling(temperature=1, top_p=0),
        Sampling(temperature=1, top_p=1.1),
        Sampling(temperature=1, seed=2**64),
    ],
    ids=repr,
)
def test_wrong_numbers_are_refused_before_they_reach_a_batch(engine: Engine, sampling: Sampling) -> None:
    with pytest.raises(ValueError, match=r"must be|at most|At least"):
        engine.submit(PROMPT, sampling)
    assert works(engine)


def test_extreme_numbers_are_decoded(engine: Engine) -> None:
    for sampling in (Sampling(9, 2e-5, 1e-9, seed=-(2**63)), Sampling(9, 1e30, 1.0, seed=2**64 - 1)):
        assert engine.submit(PROMPT, sampling).result(60).completion_tokens == 9


def test_a_defect_between_rounds_fails_what_is_under_way_only(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: int, target: int, length: int) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(engine.decoder, "move", broken)
    both = threading.Event()
    short = engine.submit(PROMPT, Sampling(max_tokens=3), lambda piece: wait_for(both))
    long = engine.submit(PROMPT, Sampling(max_tokens=400))
    both.set()
    assert short.result(60).completion_tokens == 3
    with pytest.raises(RuntimeError, match="out of memory"):
        long.result(60)
    assert works(engine)


def test_many_threads_ask_cancel_and_fail_at_once(engine: Engine) -> None:
    asked = [([1 + number % 7, 2, 3 + number % 5, 9], Sampling(12, 0.9, 0.95, seed=number)) for number in range(60)]
    alone = [engine.submit(*one).result(60).tokens for one in asked]

    def ask(number: int) -> tuple[int, ...] | None:
        def reader(piece: str) -> None:
            if number % 5 == 3:
                raise RuntimeError("gone")

        request = engine.submit(*asked[number], reader)
        if number % 5 == 1:
            request.cancel()
        try:
            return request.result(60).tokens
        except (Cancelled, RuntimeError):
            return None

    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(ask, range(60)))
    for number, tokens in enumerate(together):
        if number % 5 == 3:
            assert tokens is None
        elif number % 5 == 1:
            assert tokens in (None, alone[number])
        else:
            assert tokens == alone[number]
    assert works(engine)
