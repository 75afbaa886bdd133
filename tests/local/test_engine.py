"""What the engine decodes is what the full model says, however it is found."""

import threading
from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch", reason="the extra [local] is not installed")

from app.local.engine import Engine, Request  # noqa: E402
from app.local.llama import Llama  # noqa: E402
from app.local.requests import Cancelled, Decoding, Sampling, TooLong  # noqa: E402
from tests.local.models import every_way, greedy_by_whole_sequences, guessable, letters  # noqa: E402

NO_ENDS: tuple[int, ...] = ()


def prompts(count: int, longest: int = 40) -> list[list[int]]:
    random = torch.Generator().manual_seed(7)
    lengths = torch.randint(3, longest, (count,), generator=random).tolist()
    return [torch.randint(1, 61, (length,), generator=random).tolist() for length in lengths]


@pytest.fixture(scope="module")
def model() -> Llama:
    return guessable()


@pytest.fixture
def engines(model: Llama) -> Iterator["Maker"]:
    maker = Maker(model)
    yield maker
    maker.close()


class Maker:
    """Makes engines that are closed behind the test."""

    def __init__(self, model: Llama) -> None:
        self.model, self.made = model, list[Engine]()

    def __call__(self, decoding: Decoding | None = None, **more: object) -> Engine:
        self.made.append(Engine(self.model, letters, decoding=decoding, **({"ends": NO_ENDS} | more)))  # type: ignore[arg-type]
        return self.made[-1]

    def close(self) -> None:
        for engine in self.made:
            engine.close()


def test_plain_decoding_is_what_the_model_says(model: Llama, engines: Maker) -> None:
    engine = engines()
    for prompt in prompts(4):
        result = engine.submit(prompt, Sampling(max_tokens=25)).result(60)
        assert list(result.tokens) == greedy_by_whole_sequences(model, prompt, 25)
        assert (result.finish_reason, result.prompt_tokens, result.completion_tokens) == ("length", len(prompt), 25)
        assert (result.drafted, result.accepted, result.verifications) == (0, 0, 0)


@pytest.mark.parametrize("decoding", [Decoding(1, 1), Decoding(1, 4), Decoding(3, 2), Decoding(7, 8), Decoding(8, 3)])
def test_drafting_changes_no_token(engines: Maker, decoding: Decoding) -> None:
    same_as_plain(engines, [decoding], prompts(6))


@pytest.mark.long
def test_drafting_changes_no_token_for_any_layer_and_length(engines: Maker) -> None:
    same_as_plain(engines, every_way(8, 8), prompts(50))


def same_as_plain(engines: Maker, ways: list[Decoding], asked: list[list[int]]) -> None:
    plain = engines()
    expected = [plain.submit(prompt, Sampling(max_tokens=40)).result(120).tokens for prompt in asked]
    for way in ways:
        engine = engines(way)
        results = [engine.submit(prompt, Sampling(max_tokens=40)).result(120) for prompt in asked]
        assert [result.tokens for result in results] == expected, way
        assert sum(result.accepted for result in results) > 0, way
        assert all(result.drafted == way.draft_length * result.verifications for result in results)
        assert all(result.completion_tokens == 1 + result.accepted + result.verifications for result in results)
        engine.close()


def test_a_draft_of_the_whole_model_is_always_right(engines: Maker) -> None:
    result = engines(Decoding(8, 4)).submit(prompts(1)[0], Sampling(max_tokens=26)).result(60)
    assert (result.drafted, result.accepted, result.verifications) == (20, 20, 5)


def test_early_exit_alone_is_the_model_cut_off_there(model: Llama, engines: Maker) -> None:
    prompt = prompts(1)[0]
    tokens = list(prompt)
    with torch.inference_mode():
        for _ in range(12):
            tokens.append(int(model.logits(model(torch.tensor([tokens]))[2][0, -1]).argmax()))
    engine = engines(Decoding(3, 0))
    assert list(engine.submit(prompt, Sampling(max_tokens=12)).result(60).tokens) == tokens[len(prompt) :]
    assert engine.decoder.executions[3:] == [0] * 5


@pytest.mark.parametrize("decoding", [Decoding(8, 0), Decoding(2, 3), Decoding(2, 8)])
def test_ends_inside_a_draft(engines: Maker, decoding: Decoding) -> None:
    prompt = prompts(1)[0]
    whole = engines().submit(prompt, Sampling(max_tokens=40)).result(60)
    for place in range(1, 25):
        token = whole.tokens[place]
        cut = whole.tokens.index(token)
        ended = engines(decoding, ends=(token,)).submit(prompt, Sampling(max_tokens=40)).result(60)
        assert (ended.tokens, ended.finish_reason) == (whole.tokens[: cut + 1], "stop")
        if decoding.draft_length:
            assert ended.completion_tokens == 1 + ended.accepted + ended.verifications
        assert ended.text == letters(whole.tokens[:cut])
        short = engines(decoding).submit(prompt, Sampling(max_tokens=place)).result(60)
        assert (short.tokens, short.finish_reason) == (whole.tokens[:place], "length")
        stop = whole.text[place : place + 3]
        stopped = engines(decoding).submit(prompt, Sampling(max_tokens=40, stop=("~~", stop))).result(60)
        assert (stopped.text, stopped.finish_reason) == (whole.text.split(stop)[0], "stop")
        for engine in engines.made[1:]:
            engine.close()


def test_the_context_ends_a_text(engines: Maker) -> None:
    prompt = prompts(1)[0]
    engine = engines(Decoding(2, 8), room=len(prompt) + 10)
    result = engine.submit(prompt, Sampling(max_tokens=40)).result(60)
    assert (result.completion_tokens, result.finish_reason) == (10, "length")
    with pytest.raises(TooLong, match="context"):
        engine.submit(prompt * 20)
    for wrong in ([], [61], [-1]):
        with pytest.raises(ValueError, match="vocabulary"):
            engine.submit(wrong)


def test_each_early_layer_runs_once_a_place_and_checking_runs_the_others(engines: Maker) -> None:
    early, draft, prompt = 3, 4, prompts(1)[0]
    engine = engines(Decoding(early, draft))
    result = engine.submit(prompt, Sampling(max_tokens=30)).result(60)
    places = len(prompt) + result.verifications * (draft + 1)
    assert result.verifications > 1
    assert engine.decoder.executions == [places] * 8


def test_requests_together_give_what_they_give_alone(engines: Maker) -> None:
    asked = [
        (prompt, Sampling(max_tokens=10 + 3 * number, temperature=0.8 * (number % 2), top_p=0.9, seed=number))
        for number, prompt in enumerate(prompts(14))
    ]
    for decoding in (Decoding(8, 0), Decoding(2, 4)):
        alone, together = engines(decoding, prefix_bytes=0), engines(decoding, rows=5)
        expected = [alone.submit(*one).result(60) for one in asked]
        under_way = [together.submit(*one) for one in asked]
        assert [one.result(60) for one in under_way] == expected


def test_what_prompts_have_in_common_is_read_once(engines: Maker) -> None:
    common = prompts(3, 41)[0] * 3
    engine = engines(Decoding(2, 3))
    first = engine.submit([*common, 5, 6, 7], Sampling(max_tokens=9)).result(60)
    before = engine.decoder.executions[0]
    other = engine.submit([*common, 8, 9], Sampling(max_tokens=9)).result(60)
    again = engine.submit([*common, 5, 6, 7], Sampling(max_tokens=9)).result(60)
    assert (first.cached_tokens, other.cached_tokens, again.cached_tokens) == (0, len(common), len(common) + 2)
    assert again.tokens == first.tokens
    assert engine.decoder.executions[0] - before == 2 + 1 + 4 * (other.verifications + again.verifications)
    fresh = engines(prefix_bytes=0).submit([*common, 8, 9], Sampling(max_tokens=9)).result(60)
    assert (other.tokens, fresh.cached_tokens) == (fresh.tokens, 0)


def test_pieces_are_the_text_and_come_from_the_first_token_on(engines: Maker) -> None:
    pieces: list[str] = []
    prompt = prompts(1)[0]
    result = engines(Decoding(2, 3)).submit(prompt, Sampling(max_tokens=20), pieces.append).result(60)
    assert "".join(pieces) == result.text
    assert len(pieces[0]) == 1
    assert len(pieces) == 20


def test_a_failing_or_cancelled_request_harms_no_other(engines: Maker) -> None:
    engine = engines(Decoding(2, 3), rows=3)
    asked = prompts(6)
    expected = [engine.submit(prompt, Sampling(max_tokens=30)).result(60).tokens for prompt in asked]
    reached = threading.Event()
    held: list[Request] = []

    def breaks(piece: str) -> None:
        raise RuntimeError("the reader went away")

    def cancels(piece: str) -> None:
        reached.wait(30)
        held[0].cancel()

    broken = engine.submit(asked[0], Sampling(max_tokens=200), breaks)
    held.append(engine.submit(asked[1], Sampling(max_tokens=200), cancels))
    reached.set()
    others = [engine.submit(prompt, Sampling(max_tokens=30)) for prompt in asked]
    with pytest.raises(RuntimeError, match="went away"):
        broken.result(60)
    with pytest.raises(Cancelled):
        held[0].result(60)
    assert [one.result(60).tokens for one in others] == expected


def test_a_defect_in_a_round_fails_that_round_only(engines: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines(Decoding(2, 3))
    prompt = prompts(1)[0]
    expected = engine.submit(prompt, Sampling(max_tokens=12)).result(60).tokens
    run, calls = engine.decoder.run, iter(range(100))

    def failing(*args: object, **more: object) -> object:
        if next(calls) == 3:
            raise RuntimeError("out of memory")
        return run(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.decoder, "run", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        engine.submit(prompt, Sampling(max_tokens=12)).result(60)
    assert engine.submit(prompt, Sampling(max_tokens=12)).result(60).tokens == expected


def test_closing_ends_what_waits(engines: Maker) -> None:
    engine = engines(rows=1)
    started = threading.Event()
    first = engine.submit(prompts(1)[0], Sampling(max_tokens=400), lambda piece: started.set())
    second = engine.submit(prompts(1)[0], Sampling(max_tokens=400))
    assert started.wait(30)
    engine.close()
    for one in (first, second):
        with pytest.raises(Cancelled):
            one.result(10)
    with pytest.raises(Cancelled):
        engine.submit([1, 2])


def test_bfloat16_drafts_too(model: Llama) -> None:
    engine = Engine(guessable().to(torch.bfloat16), letters, decoding=Decoding(2, 3), ends=())
    try:
        result = engine.submit(prompts(1)[0], Sampling(max_tokens=30)).result(60)
        assert result.completion_tokens == 30
        assert result.accepted > 0
    finally:
        engine.close()


@pytest.mark.parametrize("decoding", [Decoding(0, 1), Decoding(9, 1), Decoding(2, 9), Decoding(2, -1)])
def test_layers_and_lengths_out_of_range_are_refused(model: Llama, decoding: Decoding) -> None:
    with pytest.raises(ValueError, match="must be"):
        Engine(model, letters, decoding=decoding)


@pytest.mark.long
def test_a_thousand_requests_leave_memory_where_it_was(engines: Maker) -> None:
    import psutil

    engine = engines(Decoding(2, 3), prefix_bytes=2_000_000)
    asked = prompts(100)

    def all_once() -> int:
        under_way = [engine.submit(prompt, Sampling(max_tokens=10)) for prompt in asked]
        for one in under_way[::7]:
            one.cancel()
        for one in under_way:
            one.future.exception(60)
        return int(psutil.Process().memory_info().rss)

    before = [all_once() for _ in range(3)][-1]
    after = [all_once() for _ in range(10)][-1]
    assert after - before < 8_000_000
    assert engine._prefixes.held_bytes <= 2_000_000
