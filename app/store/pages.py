"""A run's calls with their prompts, page by page: each text of the prompts is told once, where it was sent first.

Prompts repeat: of a month's calls most quote the same rules and memories. A page therefore names the texts of its
requests by their numbers in the run, and tells only those that the reader does not know yet. Numbers are given in the
order of first appearance, so what a reader knows is told by one number.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from app.models.base import Message, Retrieval
from app.store.codec import segment_numbers, unpack, unpack_messages
from app.store.connect import Database
from app.store.records import CallSummary
from app.store.tables import CallRow, SegmentRow

PAGE_CHARACTERS = 2_000_000
"""A page ends after the call with which its texts are longer than this, however few its calls are."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SentText(_Frozen):
    """A piece of a request: what it is, the number of its text, the memory it quotes and how that was found."""

    kind: str
    text: int
    memory: int | None = None
    retrieval: Retrieval | None = None


class SentMessage(_Frozen):
    """One message of a request: its texts, joined without separators."""

    role: str
    texts: tuple[SentText, ...]


class WholeCall(CallSummary):
    """A call with what was asked, by the numbers of its texts, and what was answered."""

    request_hash: str
    request: tuple[SentMessage, ...] = Field(description="empty where a retention rule dropped it")
    completion: str | None
    thinking: str | None


@dataclass(frozen=True)
class CallPage:
    """Calls in the order they were recorded, and the texts of their requests that the reader did not know.

    Attributes:
        calls: of this page.
        texts: by number: those that are new to the reader.
        known: the reader knows all texts of lower numbers afterwards.
        following: the call after which more follow; None at the end.
    """

    calls: tuple[WholeCall, ...] = ()
    texts: dict[int, str] = field(default_factory=dict)
    known: int = 0
    following: int | None = None

    def showing(self, shows: Callable[[WholeCall], bool], told: Callable[[WholeCall], WholeCall]) -> "CallPage":
        """Return the page with the calls that *shows* lets through, as *told*, and no text that only others sent."""
        calls = tuple(told(call) for call in self.calls if shows(call))
        sent = {part.text for call in calls for message in call.request for part in message.texts}
        texts = {number: text for number, text in self.texts.items() if number in sent}
        # A text that is withheld here may be sent again by a call that is shown.
        known = min(self.texts.keys() - texts.keys(), default=self.known)
        return replace(self, calls=calls, texts=texts, known=known)


async def call_page(
    database: Database, run_id: str, *, after: int = 0, known: int = 0, limit: int = 200, last: int | None = None
) -> CallPage:
    """Return up to *limit* calls of a run after number *after*.

    Args:
        database: to read from.
        run_id: the run; one that is not there has no calls.
        after: the number (`seq`) of the last call that the reader has.
        known: how many texts the reader knows: those of lower numbers are left out.
        limit: how many calls at most.
        last: the last call that may be told; None for all.
    """
    query = select(CallRow.__table__).where(CallRow.run_id == run_id, CallRow.seq > after).order_by(CallRow.seq)
    if last is not None:
        query = query.where(CallRow.seq <= last)
    async with database.read() as connection:
        rows = (await connection.execute(query.limit(limit + 1))).all()
        if not rows:
            return CallPage(known=known)
        numbers = [segment_numbers(row.request) for row in rows[:limit]]
        top = max((max(used) for used in numbers if used), default=-1)
        wanted = select(SegmentRow.no, SegmentRow.text).where(
            SegmentRow.run_id == run_id, SegmentRow.no >= known, SegmentRow.no <= top
        )
        packed = {segment.no: segment.text for segment in await connection.execute(wanted)}
    texts: dict[int, str] = {}
    calls: list[WholeCall] = []
    characters = 0
    for row, used in zip(rows, numbers, strict=False):
        for number in sorted(used & packed.keys() - texts.keys()):
            texts[number] = unpack(packed[number])
            characters += len(texts[number])
        calls.append(call := _whole(row))
        characters += len(call.completion or "") + len(call.thinking or "")
        if characters > PAGE_CHARACTERS:
            break
    following = calls[-1].seq if len(calls) < len(rows) else None
    return CallPage(tuple(calls), texts, max([known, *(number + 1 for number in texts)]), following)


def _whole(row: Any) -> WholeCall:
    return WholeCall(
        **CallSummary.model_validate(row).model_dump(),
        request_hash=row.request_hash,
        request=tuple(_sent(message) for message in unpack_messages(row.request, _Numbers())),
        completion=None if row.completion is None else unpack(row.completion),
        thinking=None if row.thinking is None else unpack(row.thinking),
    )


class _Numbers(dict[int, str]):
    """Stands for a run's texts: each is its number."""

    def __missing__(self, number: int) -> str:
        return str(number)


def _sent(message: Message) -> SentMessage:
    return SentMessage(
        role=message.role,
        texts=tuple(
            SentText(kind=part.kind, text=int(part.text), memory=part.memory, retrieval=part.retrieval)
            for part in message.segments
        ),
    )
