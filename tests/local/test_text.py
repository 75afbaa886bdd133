"""Text from tokens: pieces are final, characters whole, and nothing comes behind a stop string."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.local.text import GrowingText


def utf8(tokens: Sequence[int]) -> str:
    return bytes(tokens).decode("utf-8", errors="replace")


@given(st.text(), st.lists(st.text(min_size=1, max_size=4), max_size=3))
def test_pieces_make_the_text_up_to_the_first_stop_string(text: str, stop: list[str]) -> None:
    growing = GrowingText(utf8, stop)
    said = ""
    for byte in text.encode():
        said += growing.push(byte)
        if growing.stopped:
            break
    said += growing.finish()
    places = [place for one in stop if (place := text.find(one)) >= 0]
    if "\ufffd" not in text:
        assert said == growing.text
        assert len(said) <= len(text)
        assert text.startswith(said)
        assert not any(one in said for one in stop)
        assert growing.stopped == bool(places)
        if not places:
            assert said == text


@pytest.mark.parametrize(("text", "stop", "left"), [("a END b", ("END",), "a "), ("xENxEND", ("END",), "xENx")])
def test_what_could_become_a_stop_string_is_held_back(text: str, stop: tuple[str, ...], left: str) -> None:
    growing = GrowingText(utf8, stop)
    pieces = []
    for byte in text.encode():
        pieces.append(growing.push(byte))
        if growing.stopped:
            break
    assert "".join(pieces) == left
    assert growing.finish() == ""
    assert growing.stopped


def test_a_cut_off_character_is_shown_as_such_at_the_end() -> None:
    growing = GrowingText(utf8, ())
    assert growing.push("é".encode()[0]) == ""
    assert growing.finish() == "\ufffd"
