"""What the run page says of a run, a mind, a month and a decision, in words."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from app.analysis.replay import AgentMonth, MonthReplay, Replay
from app.commons.config import EpisodeConfig, GenerativeMind, RecordedMind, ScriptedMind
from app.commons.corrections import LimitCorrection
from app.commons.scenario import Scenario
from app.store.records import RunRecord
from app.store.subskills import SubskillRun
from app.web.format import count, months


@dataclass(frozen=True)
class Badge:
    """A word and the kind that colours it."""

    kind: str
    text: str


def outcome_badge(record: RunRecord, told: Replay) -> Badge:
    """Return how a run ended, or how far it is: "Survived 12/12", "Collapsed in month 6", "Month 12 of 12".

    A month that is still played decides nothing; logs of others have no last event, so their record does.
    """
    played, total = told.months_played, told.months_total
    if record.view_only:
        return Badge("interrupted" if record.state == "interrupted" else "finished", count(played, "month"))
    over = told.finished or record.origin == "imported"
    if over and told.collapsed:
        return Badge("collapsed", f"Collapsed in month {played}")
    if over and played >= total:
        return Badge("survived", f"Survived {played}/{total}")
    if is_snapshot(record):
        return Badge("queued", f"Month {len(told.months)} of {total} (snapshot)")
    if record.state == "playing" and told.months:
        return Badge("playing", f"Month {len(told.months)} of {total}")
    return Badge(record.state, months(played, total))


@dataclass(frozen=True)
class Breach:
    """Where an agreement was first broken: the month, the first of those who did it, and all of them in words."""

    month: int
    agent: str
    text: str


def first_breach(told: Replay) -> Breach | None:
    """Return the first broken agreement; None where none was broken."""
    for month in told.months:
        names = [agent.name for agent in month.agents if agent.mark == "broken"]
        if names:
            shown = names if len(names) < 4 else [*names[:2], f"{len(names) - 2} others"]
            return Breach(month.month, names[0], f"{', '.join(shown)} in month {month.month}")
    return None


def is_snapshot(record: RunRecord) -> bool:
    """Tell whether *record* is a running run as it was when a link to it was made."""
    return record.reason_kind == "snapshot"


def state_word(record: RunRecord) -> str:
    """Return how the run is doing, and what was asked of it that has not happened yet."""
    if record.live and record.control == "stop":
        return "stopping"
    if record.live and record.control == "pause":
        return "pausing at the end of the month"
    if record.live and record.control == "end":
        return "stopping at the end of the month"
    if record.waiting:
        return "paused, tries again by itself"
    return record.state


def waiting_text(record: RunRecord | SubskillRun, at: datetime) -> str | None:
    """Say what is kept and when it is tried again, seen from the moment *at*; None if that does not happen by itself.

    "Everything up to month 4 is kept. Tries again at 14:05 UTC (in 2 min), attempt 3."
    """
    if not record.waiting or record.retry_at is None:
        return None
    months = record.months_played if isinstance(record, RunRecord) else 0
    kept = f"Everything up to month {months} is kept." if months else "Everything so far is kept."
    seconds = (record.retry_at - at).total_seconds()
    if seconds <= 0:
        return f"{kept} It is tried again now, attempt {record.retries}."
    wait = f"in {seconds:.0f} s" if seconds < 90 else f"in {seconds / 60:.0f} min"
    return f"{kept} Tries again at {record.retry_at:%H:%M} UTC ({wait}), attempt {record.retries}."


def mind_label(mind: ScriptedMind | GenerativeMind | RecordedMind) -> str:
    """Return what decides, in a word: a policy's name, a model's with its endpoint, or what a log names."""
    if isinstance(mind, ScriptedMind):
        return mind.policy
    if isinstance(mind, GenerativeMind):
        return mind.model
    return (mind.model or "unknown model").rsplit("/", 1)[-1]


def mind_text(mind: ScriptedMind | GenerativeMind | RecordedMind) -> str:
    """Return what decides and of what kind it is: "scripted, greedy", "lab/llama", "gpt-4o, imported"."""
    if isinstance(mind, ScriptedMind):
        return f"scripted, {mind.policy}"
    return mind_label(mind) + (", imported" if isinstance(mind, RecordedMind) else "")


def mind_counts(episode: EpisodeConfig) -> dict[str, int]:
    """Count the agents of each mind; beside models, a policy says that it is scripted, whatever they are called."""
    minds = [agent.mind for agent in episode.agents]
    mixed = any(not isinstance(mind, ScriptedMind) for mind in minds)
    prefix = "scripted: " if mixed else ""
    return Counter((prefix if isinstance(mind, ScriptedMind) else "") + mind_label(mind) for mind in minds)


def mark_text(agent: AgentMonth, month: int, unit: str, took: str) -> str:
    """Say what was agreed and what was done: "Agreed 8 t in month 4; asked for 28 t, got 4 t"."""
    if agent.collected is None:
        return "Not settled yet"
    if agent.limit is None:
        return f"No agreement for this month; {did_text(agent, unit, took)}"
    return f"Agreed {agent.limit} {unit} in month {month - 1}; {did_text(agent, unit, took)}"


def correction_note(said: LimitCorrection) -> str:
    """Say by whom a limit was corrected, where that may be told, and what was read: "corrected by Ada, was 8"."""
    by = f" by {said.author}" if said.author else ""
    return f"corrected{by}, was {'none' if said.read is None else said.read}"


def did_text(agent: AgentMonth, unit: str, took: str) -> str:
    """Say what was done: "caught 15 t", or "asked for 28 t, got 4 t" where these differ."""
    asked = agent.wanted if agent.asked is None else agent.asked
    if asked is None or asked == agent.collected:
        return f"{took} {agent.collected} {unit}"
    return f"asked for {asked} {unit}, got {agent.collected} {unit}"


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


def trend_text(month: MonthReplay | None, before: MonthReplay | None, unit: str) -> str:
    """Compare what two months' harvests left: "▼ 12 t less than after month 4."; empty where one is not known."""
    if month is None or before is None or month.stock_after is None or before.stock_after is None:
        return ""
    change = month.stock_after - before.stock_after
    if not change:
        return f"As much as after month {before.month}."
    sign, word = ("▲", "more") if change > 0 else ("▼", "less")
    return f"{sign} {abs(change)} {unit} {word} than after month {before.month}."


def growth_text(month: MonthReplay | None, unit: str) -> str:
    """Say what the stock became by itself: "The stock grows from 50 t to 100 t."; empty before that."""
    if month is None or month.stock_after is None or month.stock_next is None:
        return ""
    if month.stock_next == month.stock_after:
        return f"The stock stays at {month.stock_next} {unit}."
    return f"The stock grows from {month.stock_after} {unit} to {month.stock_next} {unit}."
