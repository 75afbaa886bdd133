"""Scenarios and conditions: the words and presets around the one game, read from data files.

All scenarios are the same mathematics (GovSim, section 2); they differ in words alone. A scenario that is not
`playable` exists for imported runs of games that are not ours.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypeVar

from pydantic import Field, ValidationError

from app.commons.config import (
    STANDARD_PHASES,
    Disclosure,
    EpisodeConfig,
    HomePhase,
    ObservePhase,
    OthersPhase,
    PhaseConfig,
    ReportStyle,
    TalkPhase,
)
from app.commons.frozen import Frozen

REPORTS: Mapping[ReportStyle, str] = MappingProxyType(
    {"manager": "report by the overseer", "individual": "each reports its own catch", "none": "no report"}
)
DISCLOSURES: Mapping[Disclosure, str] = MappingProxyType(
    {"months": "length", "collapse_threshold": "collapse threshold", "allocation": "allocation rule"}
)


class UnknownName(ValueError):
    """A scenario or condition that does not exist; the message lists those that do."""


class Words(Frozen):
    """The words of a scenario. `{name}`-style placeholders are filled by whoever uses a sentence."""

    place: str = Field(description="where the harvest happens, as in 'the lake'")
    location: str = Field(description="the location an agent is told at harvest")
    resource: str = Field(description="what the stock is, as in 'fish'")
    unit: str = Field(description="one unit, as in 'ton'")
    units: str = Field(description="several units, as in 'tons'")
    unit_short: str = Field(description="the unit in a chart, as in 't'")
    amount: str = Field(description="an amount in words: '{n} tons of fish'")
    amount_one: str = Field(description="the same for exactly one: '1 ton of fish'")
    actor: str
    actors: str
    take: str = Field(description="what an agent does, as in 'catch'")
    took: str = Field(description="the same, past tense, as in 'caught'")
    taking: str = Field(description="the activity, as in 'fishing'")
    commons: str = Field(description="the whole, as in 'the fish population of the lake'")
    per_unit: str = Field(description="what one unit stands for and earns, a sentence")
    rules: str = Field(description="what happens in a month, sentences")
    regrowth: str = Field(description="what regrowth is, as in 'the fish reproduce'")
    stock_told: str = Field(description="the observation of the stock, with {amount}")
    share_told: str = Field(description="the universalization observation, with {amount}")
    result_told: str = Field(description="the observation of one's own result, with {name}, {asked}, {got}")
    report_line: str = Field(description="one line of the overseer's report, with {name} and {got}")
    own_report: str = Field(description="an agent's own report, spoken by itself, with {got}")
    others_told: str = Field(description="the observation of everybody's catch at home, with {report}")
    overseer: str = Field(description="who opens the talk, as in 'Mayor'")
    in_place: str = Field(description="follows an amount of stock, as in 'in the lake'")
    ask: str = Field(description="the harvest question")
    limit_told: str = Field(description="the memory of an agreed limit, with {amount}")
    limit_asked: str = Field(description="what an agreed limit is, as in 'the most that each ...'")


class Scenario(Frozen):
    """One scenario: its names, its default agents and its words."""

    id: str
    label: str
    summary: tuple[str, ...] = Field(description="the rules in three short lines, for the launch form")
    stock_meaning: str = Field(description="what the stock number says, for charts and imported runs")
    playable: bool = True
    agents: tuple[str, ...]
    words: Words


class Role(Frozen):
    """What a condition makes of an agent; `{place}`-like placeholders in its texts are words of the scenario."""

    joins: int = Field(default=1, description="the first month it is there")
    description: str = ""
    goals: tuple[str, ...] = ()

    def spoken(self, words: Words) -> "Role":
        """Return this role in the words of a scenario."""
        known = words.model_dump()
        texts = [text.format(**known) for text in (self.description, *self.goals)]
        return Role(joins=self.joins, description=texts[0], goals=tuple(texts[1:]))


class Condition(Frozen):
    """A named preset of what happens in a month, how long an episode lasts and who takes part."""

    id: str
    label: str
    summary: str
    universalization: bool = False
    talk: bool = True
    report: ReportStyle = "manager"
    observe_others: bool = Field(default=False, description="everybody learns everybody's catch at the month's end")
    home: bool = True
    months: int = Field(default=12, description="T unless a launch says otherwise")
    everybody: Role = Role()
    last: Role | None = Field(default=None, description="the role of the last agent, where it is another")

    def role(self, index: int, agents: int, words: Words) -> Role:
        """Return the role of agent number *index*, from 0, of *agents*."""
        role = self.last if self.last is not None and index == agents - 1 else self.everybody
        return role.spoken(words)

    def phases(self) -> tuple[PhaseConfig, ...]:
        """Return the phases of a month under this condition, in order."""
        chosen: list[PhaseConfig] = []
        for phase in STANDARD_PHASES:
            match phase:
                case ObservePhase():
                    chosen.append(ObservePhase(universalization=self.universalization))
                case TalkPhase():
                    chosen += [TalkPhase(report=self.report)] if self.talk else []
                case HomePhase():
                    chosen += [OthersPhase()] if self.observe_others else []
                    chosen += [phase] if self.home else []
                case _:
                    chosen += [phase] if self.talk or phase.type != "take_away" else []
        return tuple(chosen)


M = TypeVar("M", bound=Frozen)


@cache
def scenarios() -> dict[str, Scenario]:
    """Return every scenario by id, playable ones first, in the order of their file names."""
    found = []
    for entry in sorted(files("app.scenarios").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml") and entry.name != "conditions.toml":
            found.append(_read(Scenario, entry.name, tomllib.loads(entry.read_text(encoding="utf-8"))))
    found.sort(key=lambda scenario: not scenario.playable)
    return {scenario.id: scenario for scenario in found}


@cache
def conditions() -> dict[str, Condition]:
    """Return every condition that can be launched, by id, in the order of the data file; one can build on another."""
    data = tomllib.loads(files("app.scenarios").joinpath("conditions.toml").read_text(encoding="utf-8"))
    return {
        name: _read(Condition, "conditions.toml", {**data.get(values.pop("like", ""), {}), **values, "id": name})
        for name, values in data.items()
    }


def get_scenario(name: str) -> Scenario:
    """Return the scenario called *name*.

    Raises:
        UnknownName: if there is none; the message lists the playable ones.
    """
    known = scenarios()
    if name not in known:
        names = ", ".join(item.id for item in known.values() if item.playable)
        raise UnknownName(f"There is no scenario '{name}'. Choose one of: {names}.")
    return known[name]


def get_condition(name: str) -> Condition:
    """Return the condition called *name*.

    Raises:
        UnknownName: if there is none; the message lists those there are.
    """
    known = conditions()
    if name not in known:
        raise UnknownName(f"There is no condition '{name}'. Choose one of: {', '.join(known)}.")
    return known[name]


def departures(config: EpisodeConfig) -> tuple[str, ...]:
    """Return how *config* departs from the condition it names, in a few words each; empty for an unknown condition."""
    condition = conditions().get(config.condition)
    if condition is None:
        return ()
    talk = config.phase(TalkPhase)
    found = []
    if (talk is not None) != condition.talk:
        found.append("no talk" if talk is None else "with talk")
    if talk is not None and talk.report != condition.report:
        found.append(REPORTS[talk.report])
    if (config.phase(OthersPhase) is not None) != condition.observe_others:
        found.append("catches not seen" if condition.observe_others else "catches seen at home")
    if (config.phase(HomePhase) is not None) != condition.home:
        found.append("nobody looks back" if condition.home else "looking back at home")
    if config.disclose:
        found.append("told: " + ", ".join(DISCLOSURES[name] for name in config.disclose))
    if personas(config):
        found.append("own personas")
    return tuple(found)


def personas(config: EpisodeConfig) -> dict[str, Role]:
    """Return the roles of the agents that are not what *config*'s condition makes of them, by name."""
    condition = conditions().get(config.condition) or get_condition("default")
    words = get_scenario(config.scenario).words
    roles = {
        agent.name: Role(joins=agent.joins, description=agent.description, goals=agent.goals) for agent in config.agents
    }
    return {
        name: role
        for index, (name, role) in enumerate(roles.items())
        if role != condition.role(index, len(roles), words)
    }


def amount(words: Words, units: int) -> str:
    """Say *units* in the words of the scenario: "8 tons of fish", "1 ton of fish"."""
    return (words.amount_one if units == 1 else words.amount).format(n=units)


def _read(model: type[M], where: str, data: dict[str, object]) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ValueError(f"app/scenarios/{where} is not valid: {error}") from error
