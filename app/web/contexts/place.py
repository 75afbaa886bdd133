"""The place in a run that an address names: read from its query, and written into links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from app.analysis.replay import MonthReplay, Replay

Tab = Literal["decision", "prompt", "completion", "memories", "reflection", "usage"]
TABS: tuple[tuple[Tab, str], ...] = (
    ("decision", "Decision"),
    ("prompt", "Prompt"),
    ("completion", "Completion"),
    ("memories", "Memories"),
    ("reflection", "Reflection"),
    ("usage", "Usage"),
)
FRAMEWORK = "framework"
"""What stands for an agent's name in the address of the reading of a talk, and in the keys of its calls."""
VIEWS = ("stage", "chat", "agents", "charts")


@dataclass(frozen=True)
class RunView:
    """The place in a run that an address names. `month` is 0 where nothing has happened yet.

    `framework` says that the reading of the month's talk is looked at instead of an agent; `call` is a call's key and
    `memory` a memory's number, as the address gives them: whoever reads these says whether there is such a one.
    """

    month: int
    message: str | None = None
    agent: int | None = None
    tab: Tab = "decision"
    view: str = "stage"
    notices: tuple[str, ...] = ()
    explicit: bool = False
    framework: bool = False
    call: str | None = None
    memory: int | None = None

    @property
    def somebody(self) -> bool:
        """Whether the inspector has something to show."""
        return self.framework or self.agent is not None


def read_view(query: Mapping[str, str], told: Replay) -> RunView:
    """Read the place in a run from the query of an address; what names nothing falls back, with a notice.

    Without `m`, a finished run opens at month 1 and a running one at its latest month.
    """
    notices: list[str] = []
    numbers = [month.month for month in told.months]
    default = 0 if not numbers else numbers[0] if told.finished else numbers[-1]
    message = query.get("msg") or None
    month = _month(query.get("m"), message, numbers, default, notices)
    if message is not None and not _is_message(message, told.month(month)):
        notices.append(f"Month {month} has no message “{_short(message)}”.")
        message = None
    framework = (query.get("agent") or "").casefold() == FRAMEWORK
    agent = None if framework else _agent(query.get("agent"), told.names, notices)
    tab = next((tab for tab, _ in TABS if tab == query.get("tab")), None)
    if query.get("tab") and tab is None:
        notices.append(f"There is no tab “{_short(query['tab'])}”. Shown: Decision.")
    memory = _memory(query.get("memory"), notices)
    view = query.get("view") if query.get("view") in VIEWS else None
    return RunView(
        month=month,
        message=message,
        agent=agent,
        tab=tab or "decision",
        view=view or ("agents" if agent is not None or framework else "chat" if message else "stage"),
        notices=tuple(notices),
        explicit=bool(query.get("m") or message),
        framework=framework,
        call=query.get("call") or None,
        memory=memory,
    )


def query_string(values: Mapping[str, str | int]) -> str:
    """Return *values* as a query that begins with a question mark."""
    return "?" + urlencode(values)


def _month(text: str | None, message: str | None, numbers: list[int], default: int, notices: list[str]) -> int:
    if not text and message and message.startswith("m"):
        text = message[1:].split("-", 1)[0]
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None
    if number in numbers:
        return number
    notices.append(f"This run has no month “{_short(text)}”" + (f". Shown: month {default}." if default else " yet."))
    return default


def _is_message(message: str, month: MonthReplay | None) -> bool:
    if month is None:
        return False
    if message == f"m{month.month}-home":
        return month.stock_next is not None
    return message == f"m{month.month}-end" or any(line.id == message for line in month.lines)


def _agent(text: str | None, names: Sequence[str], notices: list[str]) -> int | None:
    if not text:
        return None
    for index, name in enumerate(names):
        if name.casefold() == text.casefold():
            return index
    notices.append(f"No agent of this run is called “{_short(text)}”.")
    return None


def _memory(text: str | None, notices: list[str]) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 8:
        return int(text)
    notices.append(f"Memories are numbered: there is none called “{_short(text)}”.")
    return None


def no_such_call(key: str, month: int, whose: str) -> str:
    """Say that an address names a call that is not there."""
    return f"{whose} has no call “{_short(key)}” in month {month}."


def no_such_memory(number: int, month: int, whose: str) -> str:
    """Say that an address names a memory that is not there."""
    return f"{whose} has no memory {number} up to month {month}."


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
