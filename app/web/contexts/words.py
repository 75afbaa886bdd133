"""What the run page says of a run, a mind, a month and a decision, in words."""

from dataclasses import dataclass

from app.analysis.replay import AgentMonth, MonthReplay, Replay
from app.commons.config import GenerativeMind, RecordedMind, ScriptedMind
from app.commons.scenario import Scenario
from app.store.records import RunRecord


@dataclass(frozen=True)
class Badge:
    """A word and the kind that colours it."""

    kind: str
    text: str


def outcome_badge(record: RunRecord, told: Replay) -> Badge:
    """Return how a run ended, or how far it is: "Survived 12/12", "Collapsed in month 6", "6 of 12 months"."""
    played, total = told.months_played, told.months_total
    if record.view_only:
        return Badge("interrupted" if record.state == "interrupted" else "finished", f"{played} months")
    if told.collapsed:
        return Badge("collapsed", f"Collapsed in month {played}")
    if played >= total:
        return Badge("survived", f"Survived {played}/{total}")
    return Badge(record.state, f"{played} of {total} months")


def mind_label(mind: ScriptedMind | GenerativeMind | RecordedMind) -> str:
    """Return what decides, in a word: a policy's name, or a model's."""
    if isinstance(mind, ScriptedMind):
        return mind.policy
    if isinstance(mind, GenerativeMind):
        return mind.model.split("/", 1)[1]
    return (mind.model or "unknown model").rsplit("/", 1)[-1]


def mark_text(agent: AgentMonth, month: int, unit: str, took: str) -> str:
    """Say what was agreed and what was done: "Agreed 8 t in month 4; caught 15 t"."""
    if agent.collected is None:
        return "Not settled yet"
    if agent.limit is None:
        return f"No agreement for this month; {took} {agent.collected} {unit}"
    return f"Agreed {agent.limit} {unit} in month {month - 1}; {took} {agent.collected} {unit}"


def stock_sentence(month: MonthReplay | None, scenario: Scenario, capacity: int) -> str:
    """Say how much is left, what it was, and what it becomes."""
    unit = scenario.words.unit_short
    if month is None:
        return "Nothing has happened yet."
    if month.stock is None:
        return "The stock of this month is not known."
    if month.stock_after is None:
        return f"{month.stock} of {capacity} {unit} before the harvest."
    text = f"{month.stock_after} of {capacity} {unit} left, {month.total} {unit} taken from {month.stock} {unit}."
    if month.collapsed:
        return text + " Collapse: too little is left."
    if month.stock_next is not None:
        return text + f" Next month: {month.stock_next} {unit}."
    return text
