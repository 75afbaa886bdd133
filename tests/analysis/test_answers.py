from dataclasses import dataclass

from app.analysis.answers import AnswerCount, answers, in_words
from app.commons.events import Decided, Unreadable


@dataclass
class Calls:
    agent: str
    purpose: str
    finish_reason: str | None
    calls: int
    again: int = 0


def test_nothing_asked_is_nothing_wrong() -> None:
    assert answers([], []).total == AnswerCount()
    assert answers([], []).total.flawless and in_words(AnswerCount()) == ""


def test_what_went_wrong_is_counted_by_purpose_and_agent() -> None:
    events = [
        Decided(month=1, agent="Kate", asked=None, wanted=0, readable=False, attempts=3),
        Decided(month=1, agent="John", asked=3, wanted=3),
        Unreadable(month=1, phase="take_away", purpose="limit", attempts=3, fallback="none"),
        Unreadable(month=1, phase="home", agent="Kate", purpose="rating", item="insight-1", attempts=3, fallback="5"),
    ]
    calls = [
        Calls("Kate", "harvest", "stop", 2, again=1),
        Calls("Kate", "harvest", "length", 1, again=1),
        Calls("framework", "limit", "content_filter", 3, again=2),
        Calls("Kate", "rating", None, 3, again=2),
        Calls("John", "harvest", "max_tokens", 1),
    ]
    found = answers(events, calls)
    assert found.total == AnswerCount(calls=10, asked_again=6, unreadable=3, cut_off=2, refused=3)
    assert found.by_purpose["harvest"] == AnswerCount(calls=4, asked_again=2, unreadable=1, cut_off=2)
    assert found.by_agent["framework"] == AnswerCount(calls=3, asked_again=2, unreadable=1, refused=3)
    assert [(line.agent, line.purpose) for line in found.lines] == [
        ("Kate", "harvest"), ("framework", "limit"), ("Kate", "rating"), ("John", "harvest"),
    ]  # fmt: skip
    assert in_words(found.total) == "3 unreadable, 6 asked again, 2 cut off, 3 refused"
