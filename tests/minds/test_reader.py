"""The answer reader, case by case; docs/answer-reader.md says the same in words."""

import time

import pytest

from app.minds.asking import whole_text
from app.minds.reader import (
    NO_LIMIT,
    Insight,
    Spoken,
    read_insights,
    read_limit,
    read_number,
    read_rating,
    read_sentence,
    read_utterance,
)
from app.models.base import Completion
from tests.minds.samples import NAMES

NUMBERS = [
    # the marker
    ("Answer: 10", 10),
    ("I think.\nAnswer: 5\nNo, wait.\nAnswer: 7 tons.", 7),
    ("answer : 12", 12),
    ("Final Answer: 10", 10),
    ("Answer：10", 10),
    ("回答: 10トン.", 10),
    ("but it willAnswer: 0 units.", 0),
    ("Answer: 10\nAnswer:", None),
    ("I will take 10 tons of fish this month.", None),
    ("The answer is 10.", None),
    ("10", 10),
    ("10 tons", 10),
    ("", None),
    ("   \n ", None),
    ("Answer:", None),
    ("Answer: N", None),
    ("Answer: none", None),
    # where the answer stands
    ("Answer:\n\n- 10 tons", 10),
    ("Answer:\n* 10", 10),
    ("Answer: 3 tons\n\nIn total we take 15.", 3),
    ("Answer: 10 tons. That leaves 90 for the others.", 10),
    ("Answer: I would catch 10 tons", 10),
    ("Answer: 10 tons in the 2nd month", 10),
    ("Answer:\n1. 10 tons", None),
    # kept as asked
    ("Answer: 0", 0),
    ("Answer: 150", 150),
    ("Answer: 1,000", 1000),
    ("Answer: 1 000 tons", 1000),
    ("Answer: 1'000", 1000),
    ("Answer: 1\u202f000", 1000),
    ("Answer: 12,345,678", 12_345_678),
    ("Answer: 1,00,000", None),
    ("Answer: 99999999999999999999", None),
    # decimals
    ("Answer: 9.7", 9),
    ("Answer: 1,000.5", 1000),
    ("Answer: .5", 0),
    ("Answer: 10,5", None),
    ("Answer: 1.000.000", None),
    # words
    ("Answer: ten tons", 10),
    ("Answer: Twenty-five", 25),
    ("Answer: one hundred and five", 105),
    ("Answer: two thousand five hundred", 2500),
    ("Answer: a hundred", 100),
    ("Answer: zero", 0),
    ("Answer: 2 dozen", 24),
    ("Answer: 1.5k", 1500),
    ("Answer: 10 (ten) tons", 10),
    ("Answer: 10 for each one", 10),
    ("Answer: ten-fifteen", None),
    ("Answer: 5 or ten", None),
    # units and markup
    ("Answer:10t", 10),
    ("Answer: 10%", 10),
    ("**Answer**: 10 tons.", 10),
    ("**Answer: 10 tons**", 10),
    ("### Answer:\n`10`", 10),
    ("Answer: $10$", 10),
    ("Answer: \\boxed{10}", 10),
    ("Answer: <b>10</b>", 10),
    ('Answer: "10"', 10),
    ("Answer: $10,000", None),
    # digits of other scripts
    ("Answer: ١٠", 10),
    ("Answer: １０トン", 10),
    ("Answer: १०", 10),
    ("Answer: 10²", None),
    # more than one number, or none that was chosen
    ("Answer: 5-10", None),
    ("Answer: 5 – 10", None),
    ("Answer: 5 to 10", None),
    ("Answer: between 5 and 10", None),
    ("Answer: 10 or 12", None),
    ("Answer: 10, 20", None),
    ("Answer: 100/5", None),
    ("Answer: 10/10", None),
    ("Answer: half of 20", None),
    ("Answer: one third", None),
    ("Answer: 10½", None),
    ("Answer: 5 * 5", None),
    ("Answer: 2x5", None),
    ("Answer: 1e3", None),
    ("Answer: 10:30", None),
    ("Answer: up to 10", None),
    ("Answer: at least 10", None),
    ("Answer: 10+", None),
    ("Answer: not 10", None),
    ("Answer: -5", None),
    ("Answer: −5", None),
    ("Answer: minus five", None),
    # thinking
    ("<think>Answer: 3</think>Answer: 4", 4),
    ("<think>Answer: 3", None),
    ("Answer: 3</think>\nAnswer: 8", 8),
    ("[THINK]Answer: 3[/THINK]Answer: 5", 5),
]

# What the token limit cut: only whole lines and sentences count.
CUT = [
    ("I think 10 is right. Answer: 1", None),
    ("Step by step, the lake holds 100 tons and", None),
    ("Answer: 10", None),
    ("Answer: 10\n", 10),
    ("Answer: 10\nThis leaves 90 tons for", 10),
    ("Answer: 10 tons. That leaves", 10),
    ("Answer: 10.", None),
    ("Answer: 12\nOn second thoughts, Answer: 1", 12),
    ("<think>Answer: 10\nand then", None),
    ("10", None),
    ("", None),
]

RATINGS = [
    ("Answer: 8", 8), ("8", 8), ("Answer: 8/10", 8), ("Answer: 10 out of 10", 10), ("Answer: 7.5", 7),
    ("Answer: 85", None), ("Answer: 0", None), ("Answer: 11", None), ("Answer: 3/5", None), ("Answer: 5-6", None),
    ("very much", None), ("", None),
]  # fmt: skip

LIMITS = [
    ("Answer: 10", 10), ("Answer: 0 tons", 0), ("Answer: at most 10 tons", 10), ("Answer: no more than 10", 10),
    ("Answer: none", NO_LIMIT), ("Answer: **None.**", NO_LIMIT), ("none", NO_LIMIT), ("Answer: N/A", NO_LIMIT),
    ("Answer: no limit was agreed", NO_LIMIT), ("Answer: No agreement.", NO_LIMIT),
    ("Answer: none (10 was proposed)", None), ("Answer: fewer than 10", None), ("Answer: 8-10", None),
    ("Answer: they will see", None), ("They agreed on 10.", None), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NUMBERS)
def test_a_number_is_read_or_it_is_not(text: str, expected: int | None):
    assert read_number(text) == expected


@pytest.mark.parametrize(("text", "expected"), CUT)
@pytest.mark.parametrize("reason", ["length", "max_tokens"])
def test_what_was_still_being_written_at_the_token_limit_is_no_answer(text: str, expected: int | None, reason: str):
    assert read_number(whole_text(Completion(text=text, finish_reason=reason))) == expected
    assert whole_text(Completion(text=text, finish_reason="stop")) == text


def test_a_sentence_or_an_utterance_that_was_cut_is_unreadable():
    assert read_sentence(whole_text(Completion(text="We agreed that everybody", finish_reason="length"))) is None
    said = "Response: We should all keep to"
    assert read_utterance(whole_text(Completion(text=said, finish_reason="length")), NAMES) is None


def test_the_table_has_at_least_sixty_cases():
    assert len(NUMBERS) + len(RATINGS) + len(LIMITS) + len(CUT) >= 60


@pytest.mark.parametrize(("text", "expected"), RATINGS)
def test_a_rating_lies_between_1_and_10(text: str, expected: int | None):
    assert read_rating(text) == expected


@pytest.mark.parametrize(("text", "expected"), LIMITS)
def test_no_limit_is_told_from_an_unreadable_one(text: str, expected: int | str | None):
    assert read_limit(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Response: Hi all.\nEnd of talk: no\nNext speaker: Kate", Spoken("Hi all.", False, "Kate")),
        ("**Response:** A\n\nB\n\n**End of talk:** no\n**Next speaker:** *kate*", Spoken("A\n\nB", False, "Kate")),
        ('- Response: "Bye."\n- End of Talk: YES\n- Next Speaker: none', Spoken("Bye.", True, None)),
        ("Response: a\nEnd of talk: no\nNext speaker: Zoe", Spoken("a", False, None)),
        ("Response: a\nEnd of talk: no\nNext speaker: Kate or Jack", Spoken("a", False, None)),
        ("<think>Response: no\nEnd of talk: yes</think>Response: b\nEnd of talk: no", Spoken("b", False, None)),
        ("Response: first\nResponse: second\nEnd of talk: no\nNext speaker: Luke", Spoken("second", False, "Luke")),
        ("Response: nul\x00 and half\ud800 signs\nEnd of talk: yes", Spoken("nul and half signs", True, None)),
        ("Response:\nEnd of talk: no\nNext speaker: Kate", None),
        ("Response: a\nEnd of talk: perhaps", None),
        ("Response: a", None),
        ("Hi all.", None),
        ("", None),
    ],
)  # fmt: skip
def test_an_utterance_needs_a_response_and_whether_it_ends_the_talk(text: str, expected: Spoken | None):
    assert read_utterance(text, NAMES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We keep to 10.5 tons each. And more.", "We keep to 10.5 tons each."),
        ("We agreed", "We agreed"),
        ("Here is the sentence:\nWe agreed.", "We agreed."),
        ('Here it is:\n\n"We agreed on 10 tons."', "We agreed on 10 tons."),
        ("Summary: They met, e.g. Kate and Luke. Bye.", "They met, e.g. Kate and Luke."),
        ("- No. 5 was fine. The rest was not.", "No. 5 was fine."),
        ("Was it enough? The answer was no. They left.", "Was it enough?"),
        ("魚は10.5トンまで。次は", "魚は10.5トンまで。"),
        ("**We** agreed\non ten. Later.", "We agreed on ten."),
        ("<think>Hm. So.</think>We agreed.", "We agreed."),
        ("...", None),
        ("", None),
    ],
)
def test_a_sentence_is_the_first_one_and_whole(text: str, expected: str | None):
    assert read_sentence(text) == expected


def test_insights_are_numbered_lines_with_the_statements_they_rest_on():
    text = "Insights:\n1. Trust pays. (because of 2, 5)\n2) **Ten** is enough (because of 9 and 1).\n3. No reason\nBye"
    assert read_insights(text, statements=5) == (
        Insight("Trust pays.", (2, 5)),
        Insight("Ten is enough", (1,)),
        Insight("No reason", ()),
    )


def test_there_is_at_most_one_insight_for_each_statement():
    found = read_insights("\n".join(f"{n}. insight {n} (because of 1)" for n in range(1, 9)), statements=3)
    assert found is not None
    assert [insight.text for insight in found] == ["insight 1", "insight 2", "insight 3"]


@pytest.mark.parametrize("text", ["", "I have nothing to say.", "1.", "1. ..."])
def test_a_text_without_a_numbered_line_holds_no_insights(text: str):
    assert read_insights(text, statements=5) is None


@pytest.mark.parametrize(
    "text",
    [
        "a" + "_" * 40_000 + "b", "." * 40_000 + "x", "A. " * 13_000, "Answer: " + "1 " * 20_000,
        "Answer: " + "ten " * 10_000, "<think>" * 6_000, "Answer: " + "9" * 40_000, "Response:" * 5_000,
        "Answer: 1" + " " * 40_000 + "x", "\n " * 20_000 + "x", "(" * 20_000 + " because of" * 3_000,
    ],
)  # fmt: skip
def test_no_text_keeps_the_reader_busy(text: str):
    started = time.process_time()
    for read in (read_number, read_rating, read_limit, read_sentence):
        read(text)
    read_utterance(text, NAMES)
    read_insights(text, 10)
    assert time.process_time() - started < 2
