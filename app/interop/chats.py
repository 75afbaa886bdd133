"""A run's answered prompts as chats, one JSON object a line: the form in which trainers of chat models take them.

Only answers that were read are in it: of one that was asked again the attempt that counted, none that stayed
unreadable, none that was cut off or withheld, none of a month that was not played to its end, where an answer may
still have been about to be asked again. What a reasoning model thought is left out.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.analysis.answers import CUT_OFF, FRAMEWORK, REFUSED
from app.commons.events import Decided, Ended, Event, MonthEnded, Unreadable
from app.models.base import CallKey, Completion, RecordedCall
from app.store.whole import WholeRun


class NoChats(ValueError):
    """A run holds no chat; the message says why."""


def chat_lines(whole: WholeRun) -> bytes:
    """Return the chats of a run as JSON lines, in the order in which the calls were recorded.

    Each has `messages` (`role` and `content`, the answer last) and where it comes from: `run`, `month`, `agent`,
    `purpose` and `model`.

    Raises:
        NoChats: nobody asked a model, nothing could be read, or a retention rule dropped the texts.
    """
    if whole.run.dropped is not None:
        raise NoChats(f"{whole.run.dropped} Nothing can be learnt from it any more.")
    lines = [json.dumps(_chat(whole, call)) for call in _read(whole.calls(), whole.parsed())]
    if not lines:
        raise NoChats("This run holds no answer of a model that could be read, in a month that was played to its end.")
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _read(calls: Iterable[RecordedCall], events: Sequence[Event]) -> Iterator[RecordedCall]:
    """Yield the calls whose answers counted."""
    last: dict[tuple[Any, ...], RecordedCall] = {}
    for call in calls:
        if call.completion is not None and call.key.purpose != "embedding":
            # A later attempt takes the place of an earlier one, whatever order they were recorded in.
            question = _question(call.key)
            if question not in last or last[question].key.attempt < call.key.attempt:
                last[question] = call
    unread = set(_unread(events))
    over = {event.month for event in events if isinstance(event, MonthEnded | Ended)}
    for call in last.values():
        key = call.key
        failed = {(key.month, key.agent, key.purpose, key.item), (key.month, key.agent, key.purpose)} & unread
        if key.month in over and not failed and _whole(call.completion):
            yield call


def _whole(completion: Completion | None) -> bool:
    return completion is not None and bool(completion.text) and completion.finish_reason not in CUT_OFF | REFUSED


def _question(key: CallKey) -> tuple[Any, ...]:
    return key.month, key.phase, key.agent, key.purpose, key.item


def _unread(events: Iterable[Event]) -> Iterator[tuple[Any, ...]]:
    for event in events:
        if isinstance(event, Unreadable):
            yield event.month, event.agent or FRAMEWORK, event.purpose, event.item
        elif isinstance(event, Decided) and not event.readable:
            yield event.month, event.agent, "harvest"


def _chat(whole: WholeRun, call: RecordedCall) -> dict[str, Any]:
    assert call.completion is not None
    messages = [{"role": message.role, "content": message.content} for message in call.messages]
    messages.append({"role": "assistant", "content": call.completion.text})
    key = call.key
    about = {"run": whole.run.id, "month": key.month, "agent": key.agent, "purpose": key.purpose, "model": call.model}
    return {"messages": messages, **about}
