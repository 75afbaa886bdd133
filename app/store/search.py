"""Search over all runs: which runs hold the words, and where in them."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Subquery, TextualSelect, column, func, literal, select, text
from sqlalchemy import case as either
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.codec import segment_numbers, unpack, unpack_messages
from app.store.connect import Database
from app.store.search_query import MAX_QUERY, Term, read_query
from app.store.search_snippets import Stretch, score, snippet
from app.store.search_tables import SearchPlaceRow, SearchRunRow
from app.store.search_texts import KINDS, NAMES, Kind, event_text
from app.store.search_words import match_text, matching, words_of
from app.store.tables import CallRow, EventRow, RunRow, SegmentRow

CAP = 5_000
"""Texts that are looked at: of words that stand in more, the latest."""
PLACES = 50_000
"""Places that are looked at: texts that runs share stand in very many."""
A_PAGE = 20
PER_RUN, OF_ONE_RUN = 3, 50
"""Places shown of each run, and of the one run that is searched."""
# What agents said aloud comes before what was written around it.
WEIGHTS: Mapping[Kind, float] = {"talk": 1.6, "memory": 1.2, "completion": 1.0, "thinking": 1.0, "prompt": 0.6}


class SearchFilter(BaseModel):
    """What is searched for, and where. Every field is a query parameter of `/search`."""

    q: str = Field(default="", max_length=MAX_QUERY, description='words, "phrases", -not, begin*')
    kind: Kind | None = None
    scenario: str | None = Field(default=None, max_length=40)
    model: str | None = Field(default=None, max_length=200, description="part of a model's name")
    run: str | None = Field(default=None, max_length=40, description="only this run, with more of its places")
    offset: int = Field(default=0, ge=0, le=100_000)


class Hit(BaseModel):
    """A place in a run. `key` names the call, `turn` the message, `memory` the memory by its number.

    `snippet` is (text, whether it matched).
    """

    kind: Kind
    month: int
    agent: str | None
    model: str | None
    key: str | None = None
    turn: int | None = None
    memory: int | None = None
    summary: bool = False
    snippet: list[Stretch]


class RunHits(BaseModel):
    """A run that holds the words, in how many places, and the best of them."""

    run_id: str
    total: int
    hits: list[Hit]


class Found(BaseModel):
    """One page of results. `searched` is False where nothing was asked for; `capped`: not all was looked at."""

    runs: list[RunHits]
    total: int
    searched: bool
    capped: bool = False


async def search(database: Database, wanted: SearchFilter) -> Found:
    """Return the runs that hold what is wanted, the best first, a page of them; deleted runs are never among them."""
    terms = read_query(wanted.q, words_of)
    if not any(term.wanted for term in terms):
        return Found(runs=[], total=0, searched=False)
    async with database.read() as connection:
        dialect = connection.dialect.name
        values = {"match": match_text(dialect, terms), "cap": CAP}
        counted = text(f"SELECT count(*) FROM ({matching(dialect, ranked=False)}) AS found")
        capped = (await connection.execute(counted, values | {"cap": CAP + 1})).scalar_one() > CAP
        found = text(matching(dialect, ranked=not capped)).columns(column("id"), column("rank"))
        everywhere = select(func.count()).select_from(_hits_of(found, wanted.model_copy(update={"kind": None})))
        capped = capped or (await connection.execute(everywhere, values)).scalar_one() >= PLACES
        runs, total = await _runs(connection, found, values, wanted)
        places = await _places(connection, found, values, wanted, list(runs)) if runs else {}
        hits = [
            RunHits(run_id=run_id, total=count, hits=await _hits(connection, run_id, places[number], terms))
            for number, (run_id, count) in runs.items()
        ]
    return Found(runs=hits, total=total, searched=True, capped=capped)


def _hits_of(found: TextualSelect, wanted: SearchFilter) -> Subquery:
    """Return the places of the texts that were found, those of the best first, at most PLACES of them."""
    match = found.cte("found")
    best = select(match.c.id, match.c.rank).order_by(match.c.rank, match.c.id.desc()).limit(CAP).subquery()
    query = select(
        SearchPlaceRow.run_no, SearchPlaceRow.kind, SearchPlaceRow.ref, (best.c.rank * _weight()).label("rank")
    ).select_from(best.join(SearchPlaceRow.__table__, SearchPlaceRow.text_id == best.c.id))
    if wanted.run:
        number = select(SearchRunRow.no).where(SearchRunRow.run_id == wanted.run).scalar_subquery()
        query = query.where(SearchPlaceRow.run_no == number)
    looked = query.limit(PLACES).subquery()
    return looked if wanted.kind is None else select(looked).where(looked.c.kind == KINDS[wanted.kind]).subquery()


async def _runs(
    connection: AsyncConnection, found: TextualSelect, values: Mapping[str, Any], wanted: SearchFilter
) -> tuple[dict[int, tuple[str, int]], int]:
    """Return a page of runs, by their numbers in the index, with their ids and places; and how many runs there are."""
    hit = _hits_of(found, wanted)
    each = (
        select(hit.c.run_no, func.count().label("places"), func.min(hit.c.rank).label("best"))
        .group_by(hit.c.run_no)
        .subquery()
    )
    query = (
        select(
            SearchRunRow.no,
            SearchRunRow.run_id,
            each.c.places,
            func.count().over().label("total"),
        )
        .join(each, each.c.run_no == SearchRunRow.no)
        # Small sets out of indexes: the rows of runs are wide.
        .where(SearchRunRow.run_id.not_in(select(RunRow.id).where(RunRow.deleted_at.is_not(None))))
        .where(*_only(wanted))
        .order_by(each.c.best, SearchRunRow.no.desc())
    )
    rows = (await connection.execute(query.offset(wanted.offset).limit(A_PAGE), values)).all()
    runs = {row.no: (row.run_id, row.places) for row in rows}
    return runs, rows[0].total if rows else 0


def _only(wanted: SearchFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.scenario:
        conditions.append(SearchRunRow.run_id.in_(select(RunRow.id).where(RunRow.scenario == wanted.scenario)))
    if wanted.model:
        named = RunRow.models.icontains(wanted.model, autoescape=True)
        conditions.append(SearchRunRow.run_id.in_(select(RunRow.id).where(named)))
    return conditions


def _weight() -> ColumnElement[float]:
    return either({number: literal(WEIGHTS[kind]) for kind, number in KINDS.items()}, value=SearchPlaceRow.kind)


async def _places(
    connection: AsyncConnection,
    found: TextualSelect,
    values: Mapping[str, Any],
    wanted: SearchFilter,
    numbers: Sequence[int],
) -> dict[int, list[tuple[Kind, int]]]:
    """Return the best places of each of these runs: what, and the number of the event or call."""
    hit = _hits_of(found, wanted)
    order = (hit.c.rank, hit.c.kind, hit.c.ref)
    ranked = select(
        hit.c.run_no,
        hit.c.kind,
        hit.c.ref,
        func.row_number().over(partition_by=hit.c.run_no, order_by=order).label("place"),
    ).where(hit.c.run_no.in_(numbers))
    each = ranked.subquery()
    most = OF_ONE_RUN if wanted.run else PER_RUN
    query = select(each.c.run_no, each.c.kind, each.c.ref).where(each.c.place <= most)
    places: dict[int, list[tuple[Kind, int]]] = defaultdict(list)
    for row in await connection.execute(query.order_by(each.c.run_no, each.c.place), values):
        place = NAMES[row.kind], row.ref
        if place not in places[row.run_no]:
            places[row.run_no].append(place)
    return places


async def _hits(
    connection: AsyncConnection, run_id: str, places: Sequence[tuple[Kind, int]], terms: Sequence[Term]
) -> list[Hit]:
    """Return the places of a run as they are shown; texts come from the record, which alone keeps them."""
    of_events = [ref for kind, ref in places if kind in ("talk", "memory")]
    of_calls = [ref for kind, ref in places if kind not in ("talk", "memory")]
    events = select(EventRow.seq, EventRow.payload).where(EventRow.run_id == run_id, EventRow.seq.in_(of_events))
    told = {row.seq: json.loads(row.payload) for row in (await connection.execute(events) if of_events else ())}
    calls = select(CallRow.__table__).where(CallRow.run_id == run_id, CallRow.seq.in_(of_calls))
    asked = {row.seq: row for row in (await connection.execute(calls) if of_calls else ())}
    hits = []
    for kind, ref in places:
        if ref in told and kind in ("talk", "memory"):
            hits.append(_event_hit(kind, told[ref], terms))
        elif ref in asked and kind not in ("talk", "memory"):
            hits.append(await _call_hit(connection, kind, asked[ref], terms))
    return hits


def _event_hit(kind: Kind, event: Mapping[str, Any], terms: Sequence[Term]) -> Hit:
    said = event_text(event)
    return Hit(
        kind=kind,
        month=event["month"],
        agent=event.get("speaker") or event.get("agent"),
        model=None,
        turn=event.get("turn"),
        memory=event["memory"]["id"] if event["kind"] == "remembered" else None,
        summary=event["kind"] == "summarised",
        snippet=snippet(said[1] if said else "", terms),
    )


async def _call_hit(connection: AsyncConnection, kind: Kind, call: Any, terms: Sequence[Term]) -> Hit:
    if kind == "completion":
        source = unpack(call.completion)
    elif kind == "thinking":
        source = unpack(call.thinking)
    else:
        numbers = segment_numbers(call.request)
        query = select(SegmentRow.no, SegmentRow.text).where(
            SegmentRow.run_id == call.run_id, SegmentRow.no.in_(numbers)
        )
        stored = {row.no: unpack(row.text) for row in await connection.execute(query)}
        segments = [part.text for message in unpack_messages(call.request, stored) for part in message.segments]
        source = max(segments, key=lambda part: score(part, terms), default="")
    return Hit(
        kind=kind,
        month=call.month,
        agent=None if call.agent == "framework" else call.agent,
        model=call.model,
        key=call.key,
        snippet=snippet(source, terms),
    )
