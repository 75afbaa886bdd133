"""What conditions and their settings change in a month."""

import pytest

from app.commons.config import AgentConfig, EpisodeConfig, GameConfig, ScriptedMind, TalkPhase
from app.commons.events import Collected, Decided, Event, MonthStarted, Said
from app.commons.minds import CatchesSeen, LimitAgreed, ResultSeen, StockSeen
from app.commons.scenario import departures, get_condition
from app.engine.play import play
from app.jobs.launch import plan_configs
from app.jobs.launch_plan import LaunchPlan
from app.minds.build import build_minds
from tests.support import VILLAGE, no_model, played, scripted_config


def of(events: list[Event], kind: type, month: int) -> list:
    return [event for event in events if isinstance(event, kind) and event.month == month]


async def percepts_of(config: EpisodeConfig) -> list[tuple[str, int, object]]:
    """Play, and return what each agent was told, with its name and the month."""
    minds, framework = build_minds(config, {}, no_model)
    seen: list[tuple[str, int, object]] = []

    def listening(name, mind):
        inner = mind.perceive

        async def perceive(percept, moment):
            seen.append((name, moment.month, percept))
            return await inner(percept, moment)

        mind.perceive = perceive
        return mind

    await play(config, {name: listening(name, mind) for name, mind in minds.items()}, framework, lambda event: None)
    return seen


def planned(**changes: object) -> EpisodeConfig:
    plan = {"minds": [f"scripted:{policy}" for policy in VILLAGE]} | changes
    return plan_configs(LaunchPlan.model_validate(plan), no_model)[0]


@pytest.mark.parametrize("condition", ["newcomer", "newcomer_universalization"])
async def test_a_newcomer_is_there_from_month_4_on(condition: str) -> None:
    config = planned(condition=condition, minds=["scripted:fair-share"])
    events = await played(config)
    assert config.game.months == 15
    locals_, everybody = ("John", "Kate", "Jack", "Emma"), config.names
    for month in range(1, 16):
        there = everybody if month >= 4 else locals_
        [started] = of(events, MonthStarted, month)
        assert started.present == there
        assert started.share == started.threshold // len(there)
        assert started.universalization == (condition == "newcomer_universalization")
        assert tuple(event.agent for event in of(events, Decided, month)) == there
        assert tuple(event.agent for event in of(events, Collected, month)) == there
        assert {line.speaker for line in of(events, Said, month)} <= {*there, "Mayor"}
    assert [event.share for event in events if isinstance(event, MonthStarted)][:5] == [12, 12, 12, 10, 10]


async def test_universalization_tells_the_share_of_those_present() -> None:
    seen = await percepts_of(planned(condition="newcomer_universalization", minds=["scripted:fair-share"]))
    told = {(name, month): item.share for name, month, item in seen if isinstance(item, StockSeen)}
    assert (told["John", 3], told["John", 4], told["Luke", 4]) == (12, 10, 10)


async def test_the_typed_threshold_is_10_and_later_shared_by_those_who_were_there_first() -> None:
    config = planned(
        condition="newcomer_universalization",
        minds=["scripted:fair-share"],
        fidelity=["typed_universalization_threshold"],
    )
    seen = await percepts_of(config)
    told = {(name, month): item.share for name, month, item in seen if isinstance(item, StockSeen)}
    assert (told["John", 1], told["John", 2], told["John", 4], told["Luke", 5]) == (10, 12, 12, 12)
    # What is told is no fact of the game: thresholds and metrics stay as they are.
    started = [event.share for event in await played(config) if isinstance(event, MonthStarted)]
    assert started[:5] == [12, 12, 12, 10, 10]


@pytest.mark.parametrize(
    ("condition", "phases", "others_seen"),
    [
        ("no_communication", ["observe", "harvest", "settle", "regrow"], 0),
        ("no_communication_observed", ["observe", "harvest", "settle", "others", "regrow"], 5),
        ("no_communication_reflective", ["observe", "harvest", "settle", "others", "home", "regrow"], 5),
    ],
)
async def test_without_talk_catches_are_seen_only_where_the_condition_says_so(
    condition: str, phases: list[str], others_seen: int
) -> None:
    config = scripted_config(condition=condition)
    assert [phase.type for phase in config.phases] == phases
    events = await played(config)
    seen = await percepts_of(config)
    assert not any(isinstance(event, Said) for event in events)
    assert not any(isinstance(item, LimitAgreed) for _, _, item in seen)
    first = [item for _, month, item in seen if month == 1 and isinstance(item, CatchesSeen)]
    assert len(first) == others_seen
    got = {event.agent: event.collected for event in of(events, Collected, 1)}
    assert all(item.catches == got for item in first)
    assert sum(isinstance(item, ResultSeen) for _, month, item in seen if month == 1) == 5


async def test_who_sees_the_others_answers_them() -> None:
    minds = ["scripted:reciprocal"] + ["scripted:greedy"] * 4
    blind = await played(planned(condition="no_communication", minds=minds))
    seeing = await played(planned(condition="no_communication_observed", minds=minds))

    def second(events: list[Event]) -> int | None:
        return next(event.asked for event in of(events, Decided, 2) if event.agent == "John")

    assert (second(blind) or 0) < (second(seeing) or 0)


async def test_each_reports_its_own_catch_and_the_talk_is_as_long_as_after_the_overseers_report() -> None:
    config = planned(report="individual")
    events = await played(config)
    lines = of(events, Said, 1)
    got = [event.collected for event in of(events, Collected, 1)]
    assert [line.speaker for line in lines[:5]] == list(config.names)
    for line, amount in zip(lines[:5], got, strict=True):
        assert not line.by_overseer and f" {amount} ton" in line.text
    assert [line.next_speaker for line in lines[:5]] == [*config.names[1:], config.names[0]]
    free = [event for event in of(await played(planned()), Said, 1) if not event.by_overseer]
    assert [line.speaker for line in lines[5:]] == [line.speaker for line in free]
    longest = max(len(of(events, Said, month)) for month in range(1, events[-1].month + 1))
    assert longest <= 5 + 9


async def test_without_a_report_nobody_knows_the_others_catches() -> None:
    minds = ["scripted:reciprocal"] + ["scripted:greedy"] * 4
    for report, same in (("none", True), ("individual", False)):
        events = await played(planned(condition="default", report=report, home=False, minds=minds))
        john = [event.asked for event in events if isinstance(event, Decided) and event.agent == "John"]
        share = [event.share for event in events if isinstance(event, MonthStarted)]
        assert (john == share[: len(john)]) == same, report


def test_settings_are_independent_of_each_other() -> None:
    def phases(**changes: object) -> list[str]:
        return [phase.type for phase in planned(**changes).phases if phase.type in ("talk", "others", "home")]

    assert phases(talk=False) == ["home"]
    assert phases(talk=False, observe_others=True) == ["others", "home"]
    assert phases(home=False) == ["talk"]
    assert phases(observe_others=True, home=False) == ["talk", "others"]
    assert phases(condition="no_communication", talk=True) == ["talk"]
    talk = planned(condition="no_communication", talk=True).phase(TalkPhase)
    assert talk is not None and talk.report == "manager"
    assert planned(condition="no_communication", home=True, observe_others=True).phases == (
        get_condition("no_communication_reflective").phases()
    )


def test_departures_from_a_condition_are_named() -> None:
    assert departures(planned()) == ()
    assert departures(planned(condition="newcomer")) == ()
    found = departures(planned(talk=False, observe_others=True, disclose=["months"]))
    assert found == ("no talk", "catches seen at home", "told: length")
    assert departures(planned(report="individual")) == ("each reports its own catch",)
    assert departures(planned(personas={"Kate": {"goals": ["be rich"]}})) == ("own personas",)


def test_what_is_the_default_is_no_part_of_the_hash() -> None:
    plain = scripted_config()
    agent = plain.agents[0].model_copy(update={"joins": 1, "description": "", "goals": ()})
    spelt = plain.model_copy(update={"agents": (agent, *plain.agents[1:]), "disclose": (), "fidelity": ()})
    assert spelt.hash == plain.hash
    # The name that this configuration had before there were such settings.
    assert plain.hash == "740988e3ac4346d7f4c6d0b8552d30cb02ff8ec22a7d7bc11c6a89329aa3de90"
    changed = [
        plain.model_copy(update={"fidelity": ("cut_at_first_dot",)}),
        plain.model_copy(update={"disclose": ("months",)}),
        plain.model_copy(update={"agents": (*plain.agents[:4], plain.agents[4].model_copy(update={"joins": 2}))}),
        plain.model_copy(update={"agents": (plain.agents[0].model_copy(update={"goals": ("x",)}), *plain.agents[1:])}),
    ]
    assert len({plain.hash, *(config.hash for config in changed)}) == 5


def test_order_and_repetition_of_switches_make_no_other_configuration() -> None:
    given = scripted_config().model_dump() | {
        "fidelity": ["oldest_most_recent", "cut_at_first_dot", "cut_at_first_dot"]
    }
    assert EpisodeConfig.model_validate(given).fidelity == ("cut_at_first_dot", "oldest_most_recent")
    everything = EpisodeConfig.model_validate(given | {"fidelity": "research"})
    assert len(everything.fidelity) == 6


@pytest.mark.parametrize(
    ("joins", "said"),
    [((2, 2), "nobody is there in month 1"), ((1, 13), "joins in month 13, and the episode has only")],
)
def test_an_agent_who_never_comes_is_refused(joins: tuple[int, int], said: str) -> None:
    agents = [
        AgentConfig(name=f"A{number}", mind=ScriptedMind(policy="random"), joins=month)
        for number, month in enumerate(joins)
    ]
    with pytest.raises(ValueError, match=said):
        EpisodeConfig(scenario="fishery", agents=tuple(agents), game=GameConfig())
