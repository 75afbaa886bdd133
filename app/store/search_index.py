"""The index of the search over all runs: made from their records beside everything else, and made again at any time.

A text is entered once, however many runs and agents hold it (`search_text`, by the digest of its words), and each
place where it stands is a row of numbers (`search_place`). Texts themselves are not kept a second time. Runs that are
over are entered whole; one that is being played, month by month. Whoever enters or takes out first locks the run, then
takes its turn.
"""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.connect import Database
from app.store.search_tables import SearchPlaceRow, SearchRunRow, SearchTextRow
from app.store.search_texts import KINDS, MAX_TEXT, Batch, Found, Kind, read_texts
from app.store.search_words import add_words, clear_words, parts, remove_words, words_of, words_size
from app.store.tables import RunRow
from app.store.turns import take_turns
from app.store.upsert import insert_into

BATCH = 150
"""Events and calls that are entered in one transaction."""
TEXT_BYTES, PLACE_BYTES = 55, 32
"""What a text and a place take beside the words, indexes included: measured."""
FINAL = ("finished", "cancelled", "interrupted")
RESTING = ("paused", "failed")


class _Entry(NamedTuple):
    kind: Kind
    ref: int
    digest: bytes
    words: Sequence[str]


def _due() -> ColumnElement[bool]:
    more = or_(SearchRunRow.no.is_(None), RunRow.events > SearchRunRow.events, RunRow.calls > SearchRunRow.calls)
    return or_(
        RunRow.state.in_(FINAL),
        and_(RunRow.state.in_(RESTING), or_(RunRow.events > 0, RunRow.calls > 0), more),
        and_(RunRow.state == "playing", RunRow.months_played > func.coalesce(SearchRunRow.months, 0)),
    )


def _waiting() -> Any:
    # What is whole is left out by indexes alone; the rows of the few others are looked at.
    whole = select(SearchRunRow.run_id).where(SearchRunRow.whole)
    return (
        select(RunRow.id, RunRow.state)
        .join(SearchRunRow, SearchRunRow.run_id == RunRow.id, isouter=True)
        .where(RunRow.id.not_in(whole), RunRow.deleted_at.is_(None), _due())
    )


async def waiting(database: Database) -> list[str]:
    """Return the ids of the runs of which something is to be entered."""
    async with database.read() as connection:
        return [row.id for row in await connection.execute(_waiting().order_by(RunRow.id))]


async def unindexed(database: Database) -> int:
    """Return how many runs that nobody plays are not searched whole yet."""
    async with database.read() as connection:
        return sum(row.state != "playing" for row in await connection.execute(_waiting()))


async def index_size(database: Database) -> tuple[int, int]:
    """Return how many texts are entered, and about how many bytes the index takes."""
    async with database.read() as connection:
        texts = (await connection.execute(select(func.count()).select_from(SearchTextRow))).scalar_one()
        places = (await connection.execute(select(func.count()).select_from(SearchPlaceRow))).scalar_one()
        return texts, await words_size(connection) + TEXT_BYTES * texts + PLACE_BYTES * places


async def index_run(database: Database, run_id: str) -> bool:
    """Enter what is new of a run, and return whether all of it is searched now."""
    while True:
        async with database.read() as connection:
            before = await _look(connection, run_id)
            if before is None or before.deleted_at is not None or before.whole:
                return True
            batch = await read_texts(connection, run_id, event=before.last_event, call=before.last_call, limit=BATCH)
        entries = await asyncio.to_thread(_entries, batch.texts)
        done = not batch.texts and not batch.calls
        if not await _enter(database, run_id, before, batch, entries, done=done):
            return False
        if done:
            return True


async def _look(connection: AsyncConnection, run_id: str) -> Any:
    columns = (RunRow.state, RunRow.events, RunRow.calls, RunRow.months_played, RunRow.deleted_at)
    progress = (
        SearchRunRow.no,
        SearchRunRow.whole,
        func.coalesce(SearchRunRow.events, 0).label("last_event"),
        func.coalesce(SearchRunRow.last_call, 0).label("last_call"),
    )
    query = (
        select(*columns, RunRow.prompts_dropped_at, RunRow.calls_dropped_at, *progress)
        .join(SearchRunRow, SearchRunRow.run_id == RunRow.id, isouter=True)
        .where(RunRow.id == run_id)
    )
    return (await connection.execute(query)).first()


def _entries(texts: Sequence[Found]) -> list[_Entry]:
    """Return the entries of *texts*; a long one has several, one without words none."""
    found = []
    for kind, ref, text in texts:
        for words in parts(words_of(text[:MAX_TEXT])):
            found.append(_Entry(kind, ref, _digest(words), words))
    return found


def _digest(words: Sequence[str]) -> bytes:
    return hashlib.blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=16).digest()


async def _enter(
    database: Database, run_id: str, before: Any, batch: Batch, entries: Sequence[_Entry], *, done: bool
) -> bool:
    """Enter what was read, unless the run has changed since in a way that matters; return whether it was."""
    async with database.write(quiet=True) as connection:
        lock = select(RunRow.id).where(RunRow.id == run_id).with_for_update(read=True, key_share=True, skip_locked=True)
        if (await connection.execute(lock)).first() is None:
            return False
        await take_turns(connection, "search index")
        now = await _look(connection, run_id)
        same = ("last_event", "last_call", "whole", "deleted_at", "prompts_dropped_at", "calls_dropped_at")
        if any(getattr(now, name) != getattr(before, name) for name in same):
            return False
        number = now.no
        if number is None:
            made = insert(SearchRunRow).values(run_id=run_id, last_call=0, whole=False)
            values = {"events": 0, "calls": 0, "months": 0}
            number = (await connection.execute(made.values(**values).returning(SearchRunRow.no))).scalar_one()
        ids = await _numbers(connection, entries)
        prompts = select(SearchPlaceRow.text_id).where(
            SearchPlaceRow.run_no == number,
            SearchPlaceRow.kind == KINDS["prompt"],
            SearchPlaceRow.text_id.in_([ids[entry.digest] for entry in entries if entry.kind == "prompt"]),
        )
        # A segment is found where it was sent first.
        known = set((await connection.execute(prompts)).scalars())
        places = {
            (ids[entry.digest], number, KINDS[entry.kind], entry.ref)
            for entry in entries
            if entry.kind != "prompt" or ids[entry.digest] not in known
        }
        if places:
            names = ("text_id", "run_no", "kind", "ref")
            rows = [dict(zip(names, place, strict=True)) for place in sorted(places)]
            await connection.execute(insert_into(connection, SearchPlaceRow).on_conflict_do_nothing(), rows)
        values = {"events": batch.event, "last_call": batch.call}
        if done:
            values |= {"events": before.events, "calls": before.calls, "months": before.months_played}
            values |= {"whole": before.state in FINAL}
        await connection.execute(update(SearchRunRow).where(SearchRunRow.no == number).values(**values))
        return True


async def _numbers(connection: AsyncConnection, entries: Sequence[_Entry]) -> dict[bytes, int]:
    """Return the numbers of these texts; those that are new are entered."""
    wanted = {entry.digest: entry.words for entry in entries}
    stored = select(SearchTextRow.digest, SearchTextRow.id).where(SearchTextRow.digest.in_(wanted))
    ids = {bytes(row.digest): row.id for row in await connection.execute(stored)}
    new = [digest for digest in wanted if digest not in ids]
    if new:
        await connection.execute(insert(SearchTextRow), [{"digest": digest} for digest in new])
        made = {bytes(row.digest): row.id for row in await connection.execute(stored)}
        await add_words(connection, [(made[digest], wanted[digest]) for digest in new])
        ids = made
    return ids


async def forget_run(connection: AsyncConnection, run_id: str, kinds: Collection[Kind] = tuple(KINDS)) -> None:
    """Take a run, or what of it is of some *kinds*, out of the index, in a transaction that has locked the run.

    Its texts must still be there: the index does not keep them.
    """
    number = (await connection.execute(select(SearchRunRow.no).where(SearchRunRow.run_id == run_id))).scalar()
    if number is None:
        return
    await take_turns(connection, "search index")
    mine = SearchPlaceRow.run_no == number, SearchPlaceRow.kind.in_([KINDS[kind] for kind in kinds])
    ids = set((await connection.execute(select(SearchPlaceRow.text_id).where(*mine))).scalars())
    await connection.execute(delete(SearchPlaceRow).where(*mine))
    texts = (await read_texts(connection, run_id)).texts
    words = {entry.digest: entry.words for entry in _entries([text for text in texts if text.kind in kinds])}
    digests = sorted(words)
    for start in range(0, len(digests), 1000):
        elsewhere = exists().where(SearchPlaceRow.text_id == SearchTextRow.id)
        query = select(SearchTextRow.id, SearchTextRow.digest).where(
            SearchTextRow.digest.in_(digests[start : start + 1000]), ~elsewhere
        )
        alone = [(row.id, words[bytes(row.digest)]) for row in await connection.execute(query) if row.id in ids]
        await remove_words(connection, alone)
        await connection.execute(delete(SearchTextRow).where(SearchTextRow.id.in_([number for number, _ in alone])))
    if set(kinds) == set(KINDS):
        await connection.execute(delete(SearchRunRow).where(SearchRunRow.no == number))


async def forget_everything(connection: AsyncConnection) -> None:
    """Empty the index; what is in the database is entered again by the next worker."""
    await clear_words(connection)
    for table in (SearchPlaceRow, SearchTextRow, SearchRunRow):
        await connection.execute(delete(table))
