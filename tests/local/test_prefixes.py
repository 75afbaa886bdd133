"""Beginnings of prompts are found, and memory for them is bounded."""

import pytest

torch = pytest.importorskip("torch", reason="the extra [local] is not installed")

from app.local.decoder import Decoder  # noqa: E402
from app.local.prefixes import SHORTEST, Prefixes  # noqa: E402
from tests.local.models import guessable  # noqa: E402

LONG = list(range(1, 41))


@pytest.fixture
def decoder() -> Decoder:
    made = Decoder(guessable(), 2, 100)
    for cache in (*made.keys, *made.values):
        cache.copy_(torch.randn(cache.shape, generator=torch.Generator().manual_seed(1)))
    return made


def test_the_longest_beginning_is_restored_and_never_the_whole(decoder: Decoder) -> None:
    prefixes = Prefixes(10_000_000)
    prefixes.keep(decoder, 0, [*LONG[:20], 50, 51])
    prefixes.keep(decoder, 0, LONG)
    assert prefixes.restore(decoder, 1, [*LONG[:30], 60, 60]) == 30
    for cache in (*decoder.keys, *decoder.values):
        assert torch.equal(cache[1, :, :30], cache[0, :, :30])
        assert not torch.equal(cache[1, :, 30:32], cache[0, :, 30:32])
    assert prefixes.restore(decoder, 1, [*LONG[:20], 50, 51, 7]) == 22
    assert prefixes.restore(decoder, 1, LONG) == len(LONG) - 1
    assert prefixes.restore(decoder, 1, [*LONG[: SHORTEST - 1], 60, 60]) == 0
    assert prefixes.restore(decoder, 1, [60, *LONG]) == 0


def test_a_longer_prompt_takes_the_place_of_its_beginning(decoder: Decoder) -> None:
    prefixes = Prefixes(10_000_000)
    prefixes.keep(decoder, 0, LONG[:20])
    assert prefixes.held_bytes == 20 * decoder.token_bytes
    prefixes.keep(decoder, 0, LONG)
    assert prefixes.held_bytes == len(LONG) * decoder.token_bytes


def test_what_was_used_least_lately_goes_first(decoder: Decoder) -> None:
    prefixes = Prefixes(2 * 20 * decoder.token_bytes)
    first, second, third = ([start, *LONG[:19]] for start in (51, 52, 53))
    prefixes.keep(decoder, 0, first)
    prefixes.keep(decoder, 0, second)
    assert prefixes.restore(decoder, 1, [*first, 1]) == 20
    prefixes.keep(decoder, 0, third)
    assert prefixes.restore(decoder, 1, [*second, 1]) == 0
    assert [prefixes.restore(decoder, 1, [*one, 1]) for one in (first, third)] == [20, 20]


def test_a_prompt_that_is_too_large_drives_out_no_other(decoder: Decoder) -> None:
    prefixes = Prefixes(30 * decoder.token_bytes)
    prefixes.keep(decoder, 0, [50, *LONG[:19]])
    prefixes.keep(decoder, 0, LONG)
    assert prefixes.held_bytes == 20 * decoder.token_bytes
    assert prefixes.restore(decoder, 1, [50, *LONG[:19], 3]) == 20
    assert prefixes.restore(decoder, 1, [*LONG, 3]) == 0
