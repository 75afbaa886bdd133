"""Reads log_env.json: a flat array of records, checked one by one and gathered into months."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.commons.config import MAX_MONTHS
from app.interop.files import UnreadableLog, clean

MAX_RECORDS = 200_000
MAX_AMOUNT = 10**15
"""Models do ask for absurd amounts; beyond this a number is taken for damage."""

FRAMEWORK = "framework"
SUMMARY, LIMIT = "conversation_summary", "conversation_resource_limit"


@dataclass(frozen=True)
class HarvestRow:
    """One agent's harvest: asked and collected units, and the logged interactions, of which the last decides."""

    agent_id: str
    asked: int
    collected: int
    interactions: tuple[object, ...]


@dataclass(frozen=True)
class TalkRow:
    """One contribution to the talk, with the interaction that the log keeps beside it (not the one behind it)."""

    agent_id: str
    name: str
    text: str
    interaction: object


@dataclass
class MonthRows:
    """A month of the log; the stock is in whole units. `number` counts from 1."""

    number: int
    before: int = 0
    after: int = 0
    limit: int | None = None
    harvests: list[HarvestRow] = field(default_factory=list)
    talk: list[TalkRow] = field(default_factory=list)
    framework: dict[str, object] = field(default_factory=dict)

    @property
    def overseen(self) -> bool:
        """Whether somebody who is no agent opens the talk."""
        return bool(self.talk) and self.talk[0].agent_id == FRAMEWORK


@dataclass
class LogRows:
    """A whole log, and what about it is worth telling."""

    months: list[MonthRows] = field(default_factory=list)
    cut_amounts: int = 0
    unknown: dict[str, int] = field(default_factory=dict)


def read_rows(data: Any) -> LogRows:
    """Return the months of a log.

    Raises:
        UnreadableLog: if a record has not the form it should have, or the numbers of a month do not agree.
    """
    if not isinstance(data, list):
        raise UnreadableLog("log_env.json is no list of records")
    if not data:
        raise UnreadableLog("log_env.json is an empty list: nothing was harvested")
    if len(data) > MAX_RECORDS:
        raise UnreadableLog(f"log_env.json has {len(data)} records; at most {MAX_RECORDS} can be imported")
    log = LogRows()
    for index, row in enumerate(data, 1):
        if not isinstance(row, dict):
            raise UnreadableLog(f"record {index} of log_env.json is no object")
        _take(row, _Place(index, row), log)
    for month in log.months:
        _check(month)
    return log


@dataclass(frozen=True)
class _Place:
    """A record and its number, for reading its values and for saying where one is wrong."""

    index: int
    row: Mapping[str, Any]

    def wrong(self, key: str, problem: str) -> UnreadableLog:
        return UnreadableLog(f"record {self.index} of log_env.json: {key} {problem}")

    def text(self, key: str, most: int) -> str:
        value = self.row.get(key)
        if not isinstance(value, str):
            raise self.wrong(key, "is missing" if value is None else "is no text")
        if len(value) > most:
            raise self.wrong(key, f"is longer than {most} characters")
        return clean(value)

    def number(self, key: str) -> float:
        value = self.row.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "is missing" if value is None else "is no number")
        if not -MAX_AMOUNT <= value <= MAX_AMOUNT:
            raise self.wrong(key, "is absurdly large, or no number")
        if value < 0:
            raise self.wrong(key, f"is negative ({value:g})")
        return value

    def whole(self, key: str) -> int:
        value = self.number(key)
        if value != int(value):
            raise self.wrong(key, f"is {value:g}; the game is played in whole units")
        return int(value)

    def cut(self, key: str, log: LogRows) -> int:
        """Return a number that a model gave, without its decimals."""
        value = self.number(key)
        log.cut_amounts += value != int(value)
        return int(value)


def _take(row: Mapping[str, Any], place: _Place, log: LogRows) -> None:
    action = place.text("action", 100)
    month = _month_of(place, log)
    if action == "harvesting":
        _take_harvest(place, month, log)
    elif action == "utterance":
        agent, name = place.text("agent_id", 40), place.text("agent_name", 1000)
        text = place.text("utterance", 1_000_000) if row.get("utterance") is not None else ""
        month.talk.append(TalkRow(agent, name, text, _single(row.get("html_interactions"))))
        _take_limit(place, month, log)
    elif action in (SUMMARY, LIMIT):
        month.framework[action] = _single(row.get("html_interactions"))
        _take_limit(place, month, log)
    else:
        log.unknown[action] = log.unknown.get(action, 0) + 1


def _month_of(place: _Place, log: LogRows) -> MonthRows:
    number = place.whole("round") + 1
    last = len(log.months)
    if number > MAX_MONTHS:
        raise place.wrong("round", f"is beyond month {MAX_MONTHS}")
    if number == last + 1:
        log.months.append(MonthRows(number))
    elif number != last:
        where = f"month {number} after month {last}" if last else f"begins with month {number}"
        raise UnreadableLog(f"log_env.json has its months out of order, or lacks some: {where} (record {place.index})")
    return log.months[-1]


def _take_harvest(place: _Place, month: MonthRows, log: LogRows) -> None:
    before = place.whole("resource_in_pool_before_harvesting")
    after = place.whole("resource_in_pool_after_harvesting")
    if month.harvests and (before, after) != (month.before, month.after):
        raise place.wrong("the stock", f"is not that of the other harvests of month {month.number}")
    month.before, month.after = before, after
    logged = place.row.get("html_interactions")
    row = HarvestRow(
        agent_id=place.text("agent_id", 40),
        asked=place.cut("wanted_resource", log),
        collected=place.whole("resource_collected"),
        interactions=tuple(logged[:50]) if isinstance(logged, list) else (logged,),
    )
    if any(row.agent_id == other.agent_id for other in month.harvests):
        raise place.wrong("agent_id", f"{row.agent_id!r} harvests twice in month {month.number}")
    if row.collected > row.asked:
        raise place.wrong("resource_collected", f"is more than was wanted ({row.collected} > {row.asked})")
    month.harvests.append(row)


def _take_limit(place: _Place, month: MonthRows, log: LogRows) -> None:
    if place.row.get("resource_limit") is not None:
        month.limit = place.cut("resource_limit", log)


def _single(logged: Any) -> object:
    return logged[-1] if isinstance(logged, list) and logged else logged


def _check(month: MonthRows) -> None:
    if not month.harvests:
        raise UnreadableLog(f"month {month.number} of log_env.json has no harvests")
    collected = sum(row.collected for row in month.harvests)
    if month.before - collected != month.after:
        raise UnreadableLog(
            f"month {month.number} of log_env.json does not add up: of {month.before} units {collected} "
            f"were collected, and {month.after} are said to be left"
        )
