"""Each switch of `fidelity` gives the research code's behaviour, and nothing else."""

from datetime import datetime, timedelta

import pytest

from app.commons.config import EpisodeConfig
from app.commons.events import Memory, Remembered, Summarised, event_json
from app.commons.fidelity import ALL_SWITCHES
from app.minds.first_dot import summary_to_first_dot, thought_to_first_dot
from app.minds.memory import MemoryStream
from app.minds.retrieval import Retriever
from app.models.base import CallKey
from tests.minds.samples import episode, moment, talk_moment
from tests.minds.scripts import PurposeModel
from tests.minds.test_whole_month import played


def switched(*switches: str, months: int = 2) -> EpisodeConfig:
    return EpisodeConfig.model_validate(episode(months=months).model_dump() | {"fidelity": switches})


async def memories(config: EpisodeConfig) -> list[tuple[str, Memory]]:
    events = await played(config, PurposeModel())
    return [(event.agent or "", event.memory) for event in events if isinstance(event, Remembered)]


@pytest.mark.parametrize(
    ("text", "thought", "summary"),
    [
        ("10.5 tons are too much. We agreed.", "10", "10."),
        ("Nothing ends here", "Nothing ends here", "Nothing ends here."),
        ("<think>Hm. So.</think>**All** of us\nheld back. Good.", "All of us held back", "All of us held back."),
        (". and more", None, None),
        ("", None, None),
    ],
)
def test_texts_end_at_the_first_dot(text: str, thought: str | None, summary: str | None):
    assert (thought_to_first_dot(text), summary_to_first_dot(text)) == (thought, summary)


async def test_cut_at_first_dot_cuts_thoughts_and_summaries_but_no_insights():
    events = await played(switched("cut_at_first_dot"), PurposeModel())
    kept = {event.memory.purpose: event.memory.text for event in events if isinstance(event, Remembered)}
    assert kept["planning"].endswith("of month 2: 10")
    assert kept["insight"].endswith("lesson 5 of month 2.")
    assert {event.text for event in events if isinstance(event, Summarised)} == {
        f"framework keeps the summary of month {month}: 10." for month in (1, 2)
    }


async def test_the_oldest_memory_can_be_the_most_recent():
    stream = MemoryStream()
    start = talk_moment(1)
    kept = []
    for minute in range(3):
        when = start.model_copy(update={"at": start.at + timedelta(minutes=minute)})
        kept.append(stream.think("planning", "the same words", when, 5, rated=True))
    now = moment(2).at
    key = CallKey(month=2, phase="harvest", agent="Kate", purpose="embedding")
    [newest] = await Retriever(stream).retrieve(["lake"], 1, now, key)
    [oldest] = await Retriever(stream, oldest_most_recent=True).retrieve(["lake"], 1, now, key)
    assert (newest.memory, oldest.memory) == (kept[-1], kept[0])


def test_observations_can_expire_before_home():
    stream = MemoryStream(["observations_expire_before_home"])
    stream.observe("stock", "100 tons", moment(1))
    assert stream.retrievable(talk_moment(1).at)
    home = datetime(2024, 1, 31)
    stream.observe_others("everybody took ten", moment(1, home))
    assert stream.retrievable(home) == []


def test_what_is_seen_of_the_others_lasts_until_the_next_month_is_over():
    stream = MemoryStream()
    seen = stream.observe_others("everybody took ten", moment(1, datetime(2024, 1, 31)))
    assert stream.retrievable(datetime(2024, 2, 29)) == [seen]
    assert stream.retrievable(datetime(2024, 3, 1)) == []


def test_every_limit_can_stay_in_mind():
    stream = MemoryStream(["keep_every_limit"])
    for month in (1, 2):
        stream.agree(f"at most {10 - month}", talk_moment(month))
    assert [memory.always for memory in stream.retrievable(moment(3).at)] == [True, True]


async def test_thoughts_about_a_talk_can_be_dated_to_the_first_for_all_but_the_first_agent():
    kept = await memories(switched("date_thoughts_to_the_first", months=1))
    for name, memory in kept:
        if memory.purpose in ("planning", "interesting"):
            day = 30 if name == "John" else 1
            assert memory.created.day == day
            assert memory.expires == memory.created + timedelta(days=63)
        elif memory.purpose in ("limit", "conversation"):
            assert memory.created.day == 30
        elif memory.purpose == "insight":
            assert memory.created.day == 31


async def test_research_fidelity_makes_another_episode_and_no_switch_the_same_one():
    plain = [event_json(event) for event in await played(episode(months=2), PurposeModel())]
    assert [event_json(event) for event in await played(switched(), PurposeModel())] == plain
    assert [event_json(event) for event in await played(switched(*ALL_SWITCHES), PurposeModel())] != plain
