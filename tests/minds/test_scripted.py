from datetime import datetime
from random import Random

import pytest

from app.commons.config import GameConfig
from app.commons.events import Agreed, Collected, Said, Summarised
from app.commons.minds import Contribution, Moment
from app.commons.questions import ChoiceQuestion
from app.commons.scenario import get_scenario
from app.minds.policies import POLICIES, Outlook
from app.minds.scripted import ScriptedMind
from app.minds.scripted_talk import agree, agreed, propose, stance
from tests.support import played, scripted_config


def outlook(**changes: object) -> Outlook:
    return Outlook.model_validate(
        {"stock": 100, "present": 5, "limit": None, "others": None, "game": GameConfig(), **changes}
    )


@pytest.mark.parametrize("scenario", ["fishery", "pasture", "pollution"])
@pytest.mark.parametrize("limit", [0, 1, 7, 12])
def test_what_is_said_is_read_back(scenario: str, limit: int) -> None:
    words = get_scenario(scenario).words
    for seed in range(20):
        assert stance(propose(limit, words, Random(seed))) == limit
        assert stance(agree(limit, words, Random(seed))) == limit


def test_a_limit_needs_more_than_half_of_those_who_spoke() -> None:
    lines = [Contribution(speaker=name, text=text) for name, text in (("A", "at most 5"), ("B", "agree to 5"))]
    assert agreed([*lines, Contribution(speaker="C", text="No.")], ("A", "B", "C")) == 5
    assert agreed([*lines, *(Contribution(speaker=n, text="No.") for n in "CD")], ("A", "B", "C", "D")) is None


def test_only_the_last_word_counts() -> None:
    lines = [Contribution(speaker="A", text="at most 5"), Contribution(speaker="A", text="I agree to 3")]
    assert agreed(lines, ("A",)) == 3


def test_policies_differ_as_their_names_say() -> None:
    rng = Random(1)
    assert POLICIES["fair-share"](outlook(), rng) == 10
    assert POLICIES["fair-share"](outlook(limit=4), rng) == 4
    assert POLICIES["greedy"](outlook(limit=4), rng) == 16
    assert POLICIES["reciprocal"](outlook(others=1.0), rng) == 10
    assert POLICIES["reciprocal"](outlook(others=1.8), rng) == 18
    assert {POLICIES["random"](outlook(), Random(seed)) for seed in range(200)} == set(range(21))


def test_the_forgetful_keep_the_limit_mostly_and_break_it_now_and_then() -> None:
    takes = [POLICIES["forgetful"](outlook(limit=8), Random(seed)) for seed in range(300)]
    kept = sum(take == 8 for take in takes)
    assert 150 < kept < 210
    assert all(take > 8 for take in takes if take != 8)


async def test_a_mixed_village_agrees_and_somebody_breaks_the_agreement() -> None:
    events = await played(scripted_config())
    limits = {event.month: event.limit for event in events if isinstance(event, Agreed)}
    breaches = [
        event
        for event in events
        if isinstance(event, Collected)
        and limits.get(event.month - 1) is not None
        and event.collected > limits[event.month - 1]
    ]
    accusations = [event for event in events if isinstance(event, Said) and "we had agreed on" in event.text]
    assert any(limit is not None for limit in limits.values())
    assert breaches
    assert accusations


async def test_the_framework_sums_the_talk_up() -> None:
    events = await played(scripted_config(["fair-share"] * 5))
    first = next(event for event in events if isinstance(event, Summarised))
    assert first.text == (
        "John, Kate, Jack, Emma and Luke talked about the lake and settled on at most 10 tons of fish each."
    )


async def test_a_question_that_no_policy_knows_is_refused_and_not_answered_by_chance() -> None:
    config = scripted_config()
    mind = ScriptedMind("John", "greedy", config, get_scenario(config.scenario))
    moment = Moment(month=1, at=datetime(2024, 1, 1), present=config.names, month_over=datetime(2024, 2, 1))
    with pytest.raises(NotImplementedError, match="'vote'"):
        await mind.answer(ChoiceQuestion(purpose="vote", options=("yes", "no")), moment)
