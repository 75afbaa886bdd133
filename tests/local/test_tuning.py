"""Drafting is used where it pays, and how far is read off the model."""

import pytest

torch = pytest.importorskip("torch", reason="the extra [local] is not installed")

from app.local.requests import Decoding  # noqa: E402
from app.local.tuning import rounds_needed, tune  # noqa: E402
from tests.local.models import guessable  # noqa: E402


def test_rounds_are_counted_as_decoding_goes() -> None:
    assert rounds_needed([True] * 9, 2) == 3
    assert rounds_needed([False] * 4, 3) == 4
    assert rounds_needed([True, False, True, True, True], 4) == 2
    assert rounds_needed([], 4) == 0


def test_counted_rounds_are_those_that_decoding_takes() -> None:
    from app.local.decoder import Decoder
    from app.local.requests import Sampling
    from app.local.rounds import Row, decode_round
    from app.local.sampling import Chooser
    from app.local.tuning import _decoded, _right

    model = guessable()
    with torch.inference_mode():
        decoder = Decoder(model, 1, 200)
        prompt = list(range(1, 30))
        text, _ = _decoded(decoder, prompt, Decoding(8, 0), set())
        right = _right(decoder, prompt, text)
        for early, draft in ((1, 2), (2, 5), (6, 3)):
            decoder.run(decoder.embed(torch.tensor(prompt)), decoder.span([0], len(prompt)), 0, 8)
            row = Row(Chooser(Sampling()), len(prompt), text[0])
            tokens, rounds = [text[0]], 0
            while len(tokens) < len(text):
                tokens += decode_round(decoder, [row], Decoding(early, draft))[0]
                rounds += 1
            assert rounds == rounds_needed(right[early - 1], draft)


def test_a_model_whose_early_layers_know_nothing_is_decoded_plainly() -> None:
    model = guessable(later=30.0)
    assert tune(model, [list(range(1, 30))]) == Decoding(8, 0)
    assert tune(model, []) == Decoding(8, 0)


def test_tuned_values_are_in_range() -> None:
    found = tune(guessable(later=0.02), [list(range(1, 30)), [5, 6, 7, 8]])
    assert 1 <= found.exit_layer <= 8
    assert 0 <= found.draft_length <= 8


def test_a_text_that_ends_inside_a_draft_ends_there() -> None:
    from app.local.decoder import Decoder
    from app.local.tuning import _decoded

    with torch.inference_mode():
        decoder = Decoder(guessable(later=0.02), 1, 200)
        prompt = list(range(1, 30))
        whole, _ = _decoded(decoder, prompt, Decoding(8, 0), set())
        place = next(place for place in range(3, 40) if whole[place] not in whole[:place])
        plain, _ = _decoded(decoder, prompt, Decoding(8, 0), {whole[place]})
        drafted, rounds = _decoded(decoder, prompt, Decoding(4, 8), {whole[place]})
    assert plain == whole[: place + 1]
    assert drafted[: place + 1] == plain
    assert place + 1 <= len(drafted) <= place + 1 + 8
    assert len(rounds) <= place
