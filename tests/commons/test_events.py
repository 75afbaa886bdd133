from datetime import date, datetime

import pytest
from pydantic import ValidationError

from app.commons.events import Decided, Memory, MonthStarted, Remembered, Said, event_json, parse_event

EVENTS = [
    MonthStarted(month=1, date=date(2024, 1, 1), stock=100, threshold=50, share=10, present=("A", "B")),
    Decided(month=1, agent="A", asked=None, wanted=0, readable=False, attempts=3),
    Said(month=1, turn=2, speaker="A", agent="A", text="Grüße \u2028 <script>\x00", next_speaker="B"),
    Remembered(
        month=1,
        phase="home",
        agent="A",
        memory=Memory(
            id=1,
            kind="thought",
            purpose="insight",
            text="x",
            created=datetime(2024, 1, 31),
            expires=datetime(2024, 4, 3),
            importance=5,
            sources=(1, 2),
        ),
    ),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_events_survive_their_canonical_json(event) -> None:
    text = event_json(event)
    assert parse_event(text) == event
    assert event_json(parse_event(text)) == text


def test_canonical_json_is_sorted_and_has_no_spaces() -> None:
    assert event_json(EVENTS[1]) == (
        '{"agent":"A","asked":null,"attempts":3,"kind":"decided","month":1,"phase":"harvest","readable":false,"wanted":0}'
    )


@pytest.mark.parametrize("text", ["", "{}", '{"kind":"unheard of","month":1}', '{"kind":"said","month":0}'])
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_event(text)
