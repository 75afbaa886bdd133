"""Moments, talks, memories and episodes that the tests of the minds share."""

from datetime import datetime
from pathlib import Path

from app.commons.calendar import after_month, month_start, talk_day
from app.commons.config import AgentConfig, EpisodeConfig, GameConfig, GenerativeFramework, GenerativeMind
from app.commons.events import Memory
from app.commons.minds import Contribution, Moment, TalkState
from app.commons.scenario import Scenario, amount, get_condition, get_scenario
from app.minds.prompt_folders import load_folder, load_set
from app.minds.prompts import PromptSet

NAMES = ("John", "Kate", "Jack", "Emma", "Luke")
BASE = Path(__file__).parents[2] / "templates" / "prompts" / "base"
GOLDEN = Path(__file__).parent / "golden"


def prompt_set(name: str) -> PromptSet:
    return load_set([BASE.parent], name)


def base_prompts() -> PromptSet:
    return load_folder(BASE)


def episode(
    scenario: str = "fishery",
    condition: str = "default",
    months: int = 12,
    names: tuple[str, ...] = NAMES,
    **game: object,
) -> EpisodeConfig:
    mind = GenerativeMind(model="test/script")
    chosen, words = get_condition(condition), get_scenario(scenario).words
    roles = [chosen.role(index, len(names), words) for index in range(len(names))]
    return EpisodeConfig(
        scenario=scenario,
        condition=condition,
        game=GameConfig.model_validate({"months": months, **game}),
        agents=tuple(AgentConfig(name=name, mind=mind, **dict(role)) for name, role in zip(names, roles, strict=True)),
        framework=GenerativeFramework(model="test/script"),
        phases=chosen.phases(),
    )


def moment(month: int = 1, day: datetime | None = None, present: tuple[str, ...] = NAMES) -> Moment:
    at = day or datetime.combine(month_start(month), datetime.min.time())
    return Moment(month=month, at=at, present=present, month_over=after_month(month))


def talk_moment(month: int = 1, present: tuple[str, ...] = NAMES) -> Moment:
    return moment(month, datetime.combine(talk_day(month), datetime.min.time()).replace(hour=12), present)


def talk(scenario: Scenario) -> TalkState:
    words = scenario.words
    catches = {"John": 10, "Kate": 8, "Jack": 20, "Emma": 10, "Luke": 9}
    report = " ".join(words.report_line.format(name=name, got=amount(words, got)) for name, got in catches.items())
    lines = (
        Contribution(speaker=words.overseer, text=report),
        Contribution(speaker="John", text="Twenty is a lot, Jack.\nLet us all stay at ten."),
        Contribution(speaker="Jack", text="Ten is fine with me."),
    )
    return TalkState(lines=lines, catches=catches, stock_after=43)


def memories(scenario: Scenario) -> tuple[Memory, ...]:
    """What John may remember at the start of February."""
    words = scenario.words
    february, january = moment(2), talk_moment(1)
    told = (
        (january, "planning", "I want to see whether Jack keeps to ten.", False, 6),
        (january, "limit", words.limit_told.format(amount=amount(words, 10)), True, 10),
        (february, "stock", words.stock_told.format(amount=amount(words, 86)), True, 10),
        (february, "universalization", words.share_told.format(amount=amount(words, 8)), True, 10),
    )
    return tuple(
        Memory(
            id=number,
            kind="thought",
            purpose=purpose,
            text=text,
            created=when.at,
            expires=when.month_over,
            importance=importance,
            always=always,
        )
        for number, (when, purpose, text, always, importance) in enumerate(told, start=4)
    )
