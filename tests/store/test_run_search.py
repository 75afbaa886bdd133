"""The search in one run: how texts are compared, and that everything a run holds is found once."""

import pytest
from sqlalchemy import select, update

from app.store.codec import pack, unpack
from app.store.connect import Database
from app.store.records import RunRecord
from app.store.run_search import A_KIND, find_in, search_run
from app.store.run_texts import Folding, RunTexts
from app.store.runs import now
from app.store.tables import CallRow, EventRow, RunRow, SegmentRow
from tests.databases import on_both
from tests.fakes.villagers import record
from tests.keeping.records import generative

database_kind = on_both


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("Ten tons EACH", "tons each", "tons EACH"),
        ("Zoë's café", "zoe's CAFE", "Zoë's café"),
        ("Zoe\u0308 said", "zoë", "Zoe\u0308"),
        ("a\u200bgr\u00adeed", "agreed", "a\u200bgr\u00adeed"),
        ("say \u202eneves\u202c", "neves", "neves"),
        ("li\0mit", "limit", "li\0mit"),
        ("straße", "STRASSE", "straße"),
        ("line\none", "line one", "line\none"),
        ("مرحبا بكم", "بكم", "بكم"),
        ("每人五吨", "五吨", "五吨"),
        ("a.c", "a.c", "a.c"),
        ("\ud800 odd", "odd", "odd"),
    ],
)
def test_case_accents_and_what_nobody_sees_do_not_count(text: str, wanted: str, found: str) -> None:
    folding = Folding()
    at = find_in(text, folding.fold(wanted), folding)
    assert at is not None
    assert text[at[0] : at[1]] == found
    assert at[2] == 1


def test_what_looks_like_a_pattern_is_text() -> None:
    folding = Folding()
    assert find_in("abc", folding.fold("a.c"), folding) is None
    assert find_in("100 %", folding.fold("%"), folding) == (4, 5, 1)


@pytest.fixture
async def run(database: Database) -> RunRecord:
    return await record(database, generative(months=2))


async def test_every_kind_of_text_is_found_at_its_place(database: Database, run: RunRecord) -> None:
    key = "1/harvest/Kate/harvest//1"
    async with database.write() as connection:
        where = (CallRow.run_id == run.id, CallRow.key == key)
        values = {"completion": pack("the zebra\0 in the answer"), "thinking": pack("a ZEBRA in thought")}
        await connection.execute(update(CallRow).where(*where).values(**values))
        texts = (
            await connection.execute(select(SegmentRow.no, SegmentRow.text).where(SegmentRow.run_id == run.id))
        ).all()
        rules = max(texts, key=lambda row: len(unpack(row.text)))
        renamed = unpack(rules.text) + " zébra"
        await connection.execute(
            update(SegmentRow).where(SegmentRow.run_id == run.id, SegmentRow.no == rules.no).values(text=pack(renamed))
        )
        for kind in ("said", "summarised", "remembered"):
            query = select(EventRow.seq, EventRow.payload).where(EventRow.run_id == run.id, EventRow.kind == kind)
            row = (await connection.execute(query.order_by(EventRow.seq))).first()
            assert row is not None
            changed = row.payload.replace('"text":"', '"text":"ze\\u0301bra ')
            where_event = (EventRow.run_id == run.id, EventRow.seq == row.seq)
            await connection.execute(update(EventRow).where(*where_event).values(payload=changed))
    found = await search_run(database, run.id, " Zebra ", last=run.events)
    kinds = {hit.kind: hit for hit in found.hits}
    assert found.counts == {"message": 1, "summary": 1, "reasoning": 1, "thinking": 1, "memory": 1, "prompt": 1}
    assert found.total == 6 and len(found.hits) == 6, "prompt text is found once, however many calls sent it"
    assert kinds["message"].message == "m1-u1"
    assert kinds["summary"].message == "m1-end"
    assert kinds["reasoning"].call == kinds["thinking"].call == key
    assert (kinds["reasoning"].before, kinds["reasoning"].match) == ("the ", "zebra")
    assert kinds["memory"].memory is not None and kinds["memory"].who
    assert kinds["prompt"].calls > 1 and kinds["prompt"].match == "zébra"


async def test_only_what_may_be_seen_is_searched(database: Database, run: RunRecord) -> None:
    everything = await search_run(database, run.id, "e", last=run.events)
    assert everything.counts["prompt"] > 0
    assert all(
        sum(hit.kind == kind for hit in everything.hits) == min(count, A_KIND)
        for kind, count in everything.counts.items()
    )
    hidden = await search_run(database, run.id, "e", last=run.events, prompts=False)
    assert not {"prompt", "reasoning", "completion", "thinking"} & hidden.counts.keys()
    early = await search_run(database, run.id, "e", last=10, shows=lambda call: call.month == 1)
    assert {hit.month for hit in early.hits} == {1}
    assert (await search_run(database, run.id, "\u200b \0", last=run.events)).total == 0


async def test_a_run_is_read_again_only_when_something_was_added_or_dropped(database: Database, run: RunRecord) -> None:
    texts = RunTexts()
    fresh = await search_run(database, run.id, "e", last=run.events)
    assert await search_run(database, run.id, "e", texts=texts) == fresh

    async def sets(**values: object) -> None:
        async with database.write() as connection:
            await connection.execute(update(RunRow).where(RunRow.id == run.id).values(**values))

    async def zebras() -> dict[str, int]:
        return dict((await search_run(database, run.id, "zebra", texts=texts)).counts)

    async with database.write() as connection:
        await connection.execute(
            update(CallRow).where(CallRow.run_id == run.id).values(completion=pack("zebra"), thinking=None)
        )
    assert await zebras() == {}, "the record never changes by itself, so it is not read again"
    await sets(events=run.events + 1)
    found = await zebras()
    assert found.keys() == {"reasoning", "completion"}
    async with database.write() as connection:
        await connection.execute(update(CallRow).where(CallRow.run_id == run.id).values(completion=None))
    await sets(calls_dropped_at=now())
    assert await zebras() == {}
    nothing_kept = RunTexts(most=0)
    assert (await search_run(database, run.id, "e", texts=nothing_kept)).total
    assert (await search_run(database, run.id, "e", last=0, shows=lambda call: False, texts=texts)).total == 0
