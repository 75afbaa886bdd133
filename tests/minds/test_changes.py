"""What a prompt says otherwise than an earlier one, and where an answer was read."""

from hypothesis import given
from hypothesis import strategies as st

from app.minds.changes import LONGEST, changes
from app.minds.reading import reading_of
from app.models.base import Message, Segment, SegmentKind


def prompt(*parts: tuple[SegmentKind, str]) -> list[Message]:
    return [Message(role="user", segments=tuple(Segment(kind=kind, text=text) for kind, text in parts))]


def test_words_added_and_removed_stand_where_they_changed() -> None:
    found = changes(
        prompt(("rules", "The rules."), ("situation", "It is February. 80 tons are left.")),
        prompt(("rules", "The rules."), ("situation", "It is January. 100 tons are left.")),
    )
    assert [(one.op, one.text) for one in found] == [
        ("same", "The rules."),
        ("same", "It is "),
        ("removed", "January"),
        ("added", "February"),
        ("same", ". "),
        ("removed", "100"),
        ("added", "80"),
        ("same", " tons are left."),
    ]


def test_a_memory_that_moved_up_is_not_new() -> None:
    old, kept, new = ("memory", "Old. "), ("memory", "Kept. "), ("memory", "New. ")
    found = changes(prompt(kept, new), prompt(old, kept))  # type: ignore[arg-type]
    assert [(one.op, one.text) for one in found] == [("removed", "Old. "), ("same", "Kept. "), ("added", "New. ")]


def test_unchanged_text_is_shortened_and_huge_texts_are_bounded() -> None:
    same = "word " * 2000
    [stretch] = changes(prompt(("rules", same)), prompt(("rules", same)))
    assert stretch.left_out > 9000 and len(stretch.text) < 200
    found = changes(prompt(("talk", "a b " * 50_000)), prompt(("talk", "c d " * 50_000)))
    assert [one.op for one in found] == ["removed", "added"]
    assert all(len(one.text) <= LONGEST + 10 for one in found)


TEXTS = st.lists(st.tuples(st.sampled_from(["rules", "memory"]), st.text("ab .", max_size=30)), max_size=4)


@given(TEXTS, TEXTS)
def test_same_and_added_together_are_the_prompt(
    now: list[tuple[SegmentKind, str]], old: list[tuple[SegmentKind, str]]
) -> None:
    found = changes(prompt(*now), prompt(*old))
    assert "".join(one.text for one in found if one.op != "removed") == "".join(text for _, text in now)


def test_the_number_that_was_read_is_found_in_the_text() -> None:
    text = "I could take 10.\n**Answer:** 10 tons"
    reading = reading_of("harvest", text)
    assert reading is not None and reading.value == 10
    assert reading.start == text.rindex("10")
    assert text[reading.start : reading.end] == "10"


def test_how_a_completion_was_read_is_said_in_words() -> None:
    unread, short, none = (
        reading_of(*one)
        for one in (("harvest", "I do not know what to do."), ("harvest", "7"), ("limit", "Answer: no limit"))
    )
    assert unread is not None and not unread.readable and "no “Answer:”" in unread.how
    assert short is not None and (short.value, short.start, short.end) == (7, 0, 1)
    assert none is not None and none.readable and none.value is None and none.how.endswith("no limit.")
    assert reading_of("utterance", "Answer: 5") is None
