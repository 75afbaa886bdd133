"""The search over all runs finds the same on both databases, in every kind of text, and forgets what is gone."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.commons.config import EpisodeConfig
from app.commons.events import Said, event_json
from app.jobs.indexing import index_waiting
from app.store.connect import Database
from app.store.leases import claim_next
from app.store.queries import list_calls
from app.store.recorder import open_recorder
from app.store.records import RunRecord
from app.store.retention import Rule, apply
from app.store.runs import get_run, launch
from app.store.search import CAP, Found, SearchFilter, search
from app.store.search_index import forget_everything, index_run, unindexed, waiting
from app.store.search_query import Term, read_query
from app.store.search_snippets import snippet
from app.store.search_tables import SearchPlaceRow, SearchTextRow
from app.store.search_words import pieces, words_of
from app.store.shelf import bring_back, delete_runs, purge
from tests.fakes.villagers import record
from tests.keeping.records import age, generative
from tests.support import scripted_config

HOSTILE = 'The <b>li\u200bmit</b> is \u202eelbats\0 and CAFÉ "quoted" 湖水'


async def find(database: Database, q: str, **wanted: object) -> Found:
    return await search(database, SearchFilter.model_validate({"q": q} | wanted))


async def ids(database: Database, q: str, **wanted: object) -> set[str]:
    return {run.run_id for run in (await find(database, q, **wanted)).runs}


async def said(database: Database, *texts: str, config: EpisodeConfig | None = None) -> str:
    """Store a run that is being played, in which these messages were said, and enter it whole."""
    _, [run_id] = await launch(database, [config or scripted_config()], prompt_sets={}, engine_version="1")
    claim = await claim_next(database, "test")
    assert claim is not None
    recorder = await open_recorder(database, claim)
    for turn, line in enumerate(texts, 1):
        recorder.emit(Said(month=1, agent="Kate", speaker="Kate", turn=turn, text=line))
    await recorder.close()
    assert await index_run(database, run_id)
    return run_id


async def sizes(database: Database) -> tuple[int, int]:
    async with database.read() as connection:
        counts = [select(func.count()).select_from(table) for table in (SearchTextRow, SearchPlaceRow)]
        first, second = [(await connection.execute(query)).scalar_one() for query in counts]
        return first, second


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("Fish  limit", [Term(("fish",)), Term(("limit",))]),
        ('"the limit" -greed', [Term(("the", "limit")), Term(("greed",), wanted=False)]),
        ("sustain*", [Term(("sustain",), prefix=True)]),
        ("don't m5-u3", [Term(("don", "t")), Term(("m5", "u3"))]),
        ('-"two words" “curly quotes"', [Term(("two", "words"), wanted=False), Term(("curly", "quotes"))]),
        ('"never closed', [Term(("never", "closed"))]),
        ("", []),
        ('- -- "" * ( ) AND:', [Term(("and",))]),
        ("x x", [Term(("x",))]),
    ],
)
def test_what_people_type_is_read_as_they_mean_it(query: str, terms: list[Term]) -> None:
    assert read_query(query, words_of) == terms


@pytest.mark.parametrize("source", ["Plain words, 8 t max.", HOSTILE, "x\u00ady ½ ﬁsh İstanbul ß\nzwei\ttab", ""])
def test_words_are_marked_where_they_stand(source: str) -> None:
    found = pieces(source)
    assert [piece.word for piece in found] == words_of(source)
    assert all(source[piece.start : piece.end].strip() for piece in found)


def test_a_snippet_shows_what_matched_and_what_is_around_it() -> None:
    long = "word " * 100 + "the agreed limit is eight, the Limit " + "tail " * 100
    shown = snippet(long, read_query("limit", words_of))
    assert [stretch for stretch, marked in shown if marked] == ["limit", "Limit"]
    assert shown[0] == ("…", False) and shown[-1][0].endswith("…")
    assert "".join(stretch for stretch, _ in shown).strip("…") in long
    assert snippet("nothing here", read_query("limit", words_of)) == [("nothing here", False)]


async def test_words_phrases_exclusions_and_beginnings_find_the_same_everywhere(database: Database) -> None:
    first = await said(database, "We agreed: the limit is eight tons.", "Fine.")
    second = await said(database, "Eight is the agreed limit", "sustainable fishing")
    for query, expected in (
        ("limit", {first, second}),
        ("LIMIT eight", {first, second}),
        ('"the limit"', {first}),
        ("limit -tons", {second}),
        ("sustain*", {second}),
        ("sustain", set()),
        ("limit fishing", set()),
        ("-limit", set()),
        ('"eight is" sustainable', set()),
        ("'; DROP TABLE run; --", set()),
        ('" OR NEAR( * ^ : \\ \0', set()),
        ("& | ! <-> :* ' ''", set()),
        ("limit " * 30, {first, second}),
    ):
        assert await ids(database, query) == expected, query


async def test_hostile_text_is_found_as_it_reads_and_kept_as_it_is(database: Database) -> None:
    run_id = await said(database, HOSTILE)
    for query in ("limit", "cafe", "CAFÉ", "li\u200bmit", "湖水", '"is elbats and"', "b li*"):
        found = await find(database, query)
        assert [run.run_id for run in found.runs] == [run_id], query
        assert "".join(stretch for stretch, _ in found.runs[0].hits[0].snippet) == HOSTILE
    [hit] = (await find(database, "limit")).runs[0].hits
    assert (hit.kind, hit.month, hit.agent, hit.turn) == ("talk", 1, "Kate", 1)
    assert [stretch for stretch, marked in hit.snippet if marked] == ["li\u200bmit"]


async def test_a_very_long_message_is_found_by_its_last_word(database: Database) -> None:
    run_id = await said(database, "ümlaut " + "filling words go here " * 9_000 + "needle at the end")
    found = await find(database, "needle")
    assert [run.run_id for run in found.runs] == [run_id]
    assert len("".join(stretch for stretch, _ in found.runs[0].hits[0].snippet)) < 400


async def recorded(database: Database, seed: int = 1) -> RunRecord:
    run = await record(database, generative(months=2, seed=seed))
    await index_waiting(database)
    return run


async def test_every_kind_of_text_leads_to_its_place(database: Database) -> None:
    run = await recorded(database)
    calls = {call.key: call for call in await list_calls(database, run.id)}
    for kind, word in (
        ("talk", "fish*"),
        ("memory", "the"),
        ("completion", "answer"),
        ("thinking", "see"),
        ("prompt", "the"),
    ):
        [result] = (await find(database, word, kind=kind)).runs
        for hit in result.hits:
            assert hit.kind == kind and 1 <= hit.month <= 2 and any(marked for _, marked in hit.snippet)
            if kind in ("completion", "thinking", "prompt"):
                assert hit.key is not None and calls[hit.key].month == hit.month and hit.model == "lab/m"
    assert await unindexed(database) == 0 and await waiting(database) == []


async def test_texts_that_runs_share_are_entered_once(database: Database) -> None:
    await recorded(database)
    texts, places = await sizes(database)
    await recorded(database)
    assert (await sizes(database)) == (texts, 2 * places)


async def test_filters_narrow_the_runs(database: Database) -> None:
    run = await recorded(database)
    other = await said(database, "the fish", config=scripted_config(scenario="pasture"))
    assert await ids(database, "the") == {run.id, other}
    assert await ids(database, "the", scenario="pasture") == {other}
    assert await ids(database, "the", model="LAB/") == {run.id}
    assert await ids(database, "the", run=run.id) == {run.id}
    assert await ids(database, "the", kind="prompt") == {run.id}
    found = await find(database, "the", run=run.id)
    assert len(found.runs[0].hits) > len((await find(database, "the", kind="talk")).runs[0].hits)


async def test_deleted_runs_leave_at_once_and_for_good(database: Database) -> None:
    kept, gone = await said(database, "a shared herring"), await said(database, "a shared herring", "a lone haddock")
    async with database.write() as connection:
        await connection.execute(text("UPDATE run SET state = 'cancelled'"))
    moment = await delete_runs(database, [gone])
    assert (await ids(database, "herring"), await ids(database, "haddock")) == ({kept}, set())
    await bring_back(database, moment)
    assert await ids(database, "haddock") == {gone}
    await delete_runs(database, [gone])
    await purge(database, gone)
    assert await ids(database, "herring") == {kept}
    assert await sizes(database) == (1, 1)
    again = await said(database, "a lone haddock")
    assert await ids(database, "haddock") == {again}


async def test_dropped_prompts_are_forgotten_and_the_rest_is_found(database: Database) -> None:
    run = await recorded(database)
    assert await ids(database, "the", kind="prompt") == {run.id}
    await age(database, run.id, 99)
    async for _ in apply(database, Rule(what="prompts", older_than=timedelta(days=90))):
        pass
    assert await ids(database, "the", kind="prompt") == set()
    assert await ids(database, "answer", kind="completion") == {run.id}
    async for _ in apply(database, Rule(what="calls", older_than=timedelta(days=90))):
        pass
    assert await ids(database, "answer", kind="completion") == set()
    assert await ids(database, "the", kind="memory") == {run.id}
    await index_waiting(database)
    assert await ids(database, "the", kind="prompt") == set()


async def test_a_run_that_grows_is_entered_further_and_nothing_twice(database: Database) -> None:
    _, [run_id] = await launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    claim = await claim_next(database, "test")
    assert claim is not None
    recorder = await open_recorder(database, claim)
    for turn, line in enumerate(("first words", "second words"), 1):
        recorder.emit(Said(month=1, agent="Kate", speaker="Kate", turn=turn, text=line))
        await recorder.flush()
        await index_run(database, run_id)
        await index_run(database, run_id)
        assert (await sizes(database))[1] == turn
    await recorder.close()
    assert [hit.turn for hit in (await find(database, "words")).runs[0].hits] == [1, 2]


async def test_the_index_can_be_made_again(database: Database) -> None:
    run = await recorded(database)
    before = await sizes(database)
    async with database.write() as connection:
        await forget_everything(connection)
    assert await ids(database, "the") == set() and await unindexed(database) == 1
    assert await index_waiting(database) == 1
    assert await sizes(database) == before and await ids(database, "the") == {run.id}


async def test_of_words_that_stand_everywhere_the_latest_places_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await said(database, "an old herring")
    new = await said(database, "a new herring")
    assert not (await find(database, "herring")).capped
    monkeypatch.setattr("app.store.search.CAP", 1)
    found = await find(database, "herring")
    assert found.capped and [run.run_id for run in found.runs] == [new]
    assert CAP > 1000


async def test_the_record_is_not_touched(database: Database) -> None:
    run = await record(database, generative())
    before = await get_run(database, run.id)
    await index_waiting(database)
    assert await get_run(database, run.id) == before
    assert event_json(Said(month=1, speaker="K", turn=1, text="x")).startswith("{")
