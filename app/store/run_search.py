"""The search in everything that one run holds: plain text, without regard to case, accents and signs nobody sees.

It reads the run's own record from beginning to end, so it needs no index and finds parts of words (`run_texts` reads,
and remembers what was read last). Prompt text is kept once a run, and found once: with the first call that sent it.
"""

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, Field

from app.store.connect import Database
from app.store.run_texts import Folding, Kind, RunText, RunTexts, read_texts

KINDS: Sequence[Kind] = get_args(Kind)
AROUND = 60
"""Characters shown on each side of a hit."""
LONGEST = 200
A_KIND = 50
"""Hits of one kind that are told; all are counted."""


class RunHit(BaseModel):
    """A text of the run that holds what was looked for, and its place: a message, a call or a memory."""

    kind: Kind
    month: int
    who: str | None = Field(description="who said, thought or was asked it; null: the reading of the talk")
    message: str | None = None
    call: str | None = None
    memory: int | None = None
    before: str
    match: str = Field(description="as it stands in the text")
    after: str
    times: int = Field(description="how often this text holds it")
    calls: int = Field(default=1, description="how many calls sent it, where it is a prompt")


class RunHits(BaseModel):
    """What was found, kind by kind and in the order of the run; `counts` counts texts, also those that are not told."""

    q: str
    total: int
    counts: dict[Kind, int]
    hits: list[RunHit]


def find_in(text: str, needle: str, folding: Folding) -> tuple[int, int, int] | None:
    """Return where *needle*, folded, first stands in *text* (start and end), and how often; None if it does not."""
    folded = folding.fold(text)
    at = folded.find(needle)
    if at < 0:
        return None
    if len(folded) == len(text) and text.isascii():
        return at, at + len(needle), folded.count(needle)
    start = end = reached = 0
    for place, char in enumerate(text):
        length = len(folding[ord(char)])
        if length and reached <= at:
            start = place
        reached += length
        if reached >= at + len(needle):
            end = place + 1
            break
    while end < len(text) and unicodedata.category(text[end]) == "Mn":
        end += 1  # an accent belongs to the letter before it
    return start, end, folded.count(needle)


async def search_run(
    database: Database,
    run_id: str,
    q: str,
    *,
    last: int | None = None,
    shows: Callable[[Any], bool] | None = None,
    prompts: bool = True,
    texts: RunTexts | None = None,
) -> RunHits:
    """Look for *q* in all texts of a run.

    Args:
        database: where the run is.
        run_id: which.
        q: what to look for, as it is; spaces at its ends do not count. Nothing is found by nothing.
        last: the last event that the reader may see; None for all.
        shows: tells whether the reader may see a call (with its seq, month and phase); None: every one.
        prompts: whether calls are searched at all.
        texts: what was read lately, where the reader may see all of the run.
    """
    folding = Folding()
    needle = folding.fold(q[:LONGEST].strip()).strip()
    if not needle:
        return RunHits(q=q, total=0, counts={}, hits=[])
    async with database.read() as connection:
        if texts is not None and last is None and shows is None and prompts:
            read = await texts.of(connection, run_id)
        else:
            seen = shows or (lambda call: True)
            read = await read_texts(connection, run_id, last=last, shows=seen, prompts=prompts)
    return await asyncio.to_thread(_look, q, needle, read)


def _look(q: str, needle: str, texts: Sequence[RunText]) -> RunHits:
    folding = Folding()
    found: dict[Kind, list[RunText]] = {}
    for item in texts:
        if needle in item.folded:
            found.setdefault(item.kind, []).append(item)
    counts = {kind: len(found[kind]) for kind in KINDS if kind in found}
    hits = [_hit(item, needle, folding) for kind in counts for item in found[kind][:A_KIND]]
    return RunHits(q=q, total=sum(counts.values()), counts=counts, hits=hits)


def _hit(item: RunText, needle: str, folding: Folding) -> RunHit:
    at = find_in(item.text, needle, folding)
    assert at is not None, "a text holds what its folded form holds"
    start, end, times = at
    text, before, after = item.text, item.text[max(0, start - AROUND) : start], item.text[end : end + AROUND]
    return RunHit(
        kind=item.kind,
        month=item.month,
        who=item.who,
        message=item.message,
        call=item.call,
        memory=item.memory,
        before=_clean(("…" if start > AROUND else "") + before),
        match=_clean(text[start:end]),
        after=_clean(after + ("…" if len(text) > end + AROUND else "")),
        times=times,
        calls=item.calls,
    )


def _clean(text: str) -> str:
    # Lone surrogates, which a model's JSON may hold, cannot be sent.
    return text.encode("utf-8", "replace").decode("utf-8")
