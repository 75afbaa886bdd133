import pytest

from app.analysis.replay import Replay, initials, replay
from app.commons.events import Collected, Event
from app.web.contexts.words import mark_text
from tests.analysis.stories import config, two_months
from tests.support import played, scripted_config


def told(length: int | None = None) -> Replay:
    return replay(two_months()[:length], config())


def test_a_month_holds_its_stock_before_after_and_next() -> None:
    month = told().months[0]
    assert (month.stock, month.stock_after, month.stock_next) == (100, 68, 100)
    assert (month.threshold, month.share, month.date) == (50, 16, "2024-01-01")
    assert month.total == 32


def test_an_agreement_judges_the_month_after_the_talk() -> None:
    first, second = told().months
    assert {agent.mark for agent in first.agents} == {"none"}
    assert [(agent.name, agent.mark, agent.over) for agent in second.agents] == [
        ("John", "kept", 0),
        ("Kate", "broken", 80),
        ("Jack", "none", 0),  # unreadable: a broken model keeps no promise
    ]
    assert second.breaches == 1


def test_a_talk_without_agreement_judges_nothing_afterwards() -> None:
    events = two_months()
    silent = [event for event in events if event.kind != "agreed"]
    assert {agent.mark for agent in replay(silent, config()).months[1].agents} == {"none"}


def test_what_could_not_be_read_is_told() -> None:
    jack = told().months[1].agent("Jack")
    assert jack is not None
    assert (jack.asked, jack.wanted, jack.readable, jack.collected) == (None, 0, False, 0)
    assert [answer.agent for answer in told().months[1].unreadable] == ["Jack"]


def test_wanted_and_received_differ_when_too_much_is_asked() -> None:
    kate = told().months[1].agent("Kate")
    assert kate is not None
    assert (kate.wanted, kate.collected, kate.over_share) == (90, 89, True)
    assert told().months[1].oversubscribed


def test_gains_add_up() -> None:
    assert told().gains == {"John": 19, "Kate": 101, "Jack": 10}
    assert [agent.gain for agent in told().months[0].agents] == [10, 12, 10]


def test_messages_have_stable_ids_and_keep_their_text() -> None:
    lines = told().months[0].lines
    assert [line.id for line in lines] == ["m1-u1", "m1-u2", "m1-u3"]
    assert lines[1].text == "Ten each? <b>Please</b>"
    assert lines[0].overseer and lines[2].ends


def test_the_end_is_known() -> None:
    assert told().finished and told().collapsed and told().months_played == 2
    assert told().months[1].ended


def test_memories_are_kept_with_their_month() -> None:
    entry = told().memories[0]
    assert (entry.agent, entry.month, entry.memory.purpose) == ("Kate", 1, "limit")


@pytest.mark.parametrize("length", range(len(two_months()) + 1))
def test_every_beginning_of_an_episode_can_be_told(length: int) -> None:
    part = told(length)
    assert part.months_played <= 2
    for month in part.months:
        for agent in month.agents:
            assert (agent.mark == "pending") == (agent.collected is None)


def test_nothing_has_no_months() -> None:
    assert told(0).months == ()
    assert told(0).gains == {"John": 0, "Kate": 0, "Jack": 0}


async def test_a_played_episode_balances() -> None:
    episode = scripted_config(condition="universalization")
    story = replay(await played(episode), episode)
    assert story.months_played == len(story.months) > 0
    for month in story.months:
        assert month.stock is not None and month.stock_after is not None
        assert month.stock - month.total == month.stock_after
    assert sum(story.gains.values()) == sum(month.total for month in story.months)


@pytest.mark.parametrize(
    ("names", "letters"),
    [
        (("John", "Kate", "Jack", "Emma", "Luke"), ("Jo", "Ka", "Ja", "Em", "Lu")),
        (("Jo", "Jo Ann", "Joan"), ("Jo", "Ja", "Jn")),
        (("太郎", "次郎"), ("太郎", "次郎")),
        (("A", "A b", "A c"), ("A1", "Ab", "Ac")),
        (("-", "+"), ("?1", "?2")),
    ],
)
def test_initials_tell_names_apart(names: tuple[str, ...], letters: tuple[str, ...]) -> None:
    assert initials(names) == letters


def test_an_agreement_is_broken_by_what_is_asked_also_where_too_little_was_left() -> None:
    def dry(event: Event) -> Event:
        less = isinstance(event, Collected) and (event.month, event.agent) == (2, "Kate")
        return event.model_copy(update={"collected": 4}) if less else event

    month = replay(map(dry, two_months()), config()).month(2)
    assert month is not None
    kate = month.agent("Kate")
    assert kate is not None
    assert (kate.collected, kate.mark, kate.over, month.breaches) == (4, "broken", 80, 1)
    assert mark_text(kate, 2, "t", "caught") == "Agreed 10 t in month 1; asked for 90 t, got 4 t"
