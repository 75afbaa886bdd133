"""An instance copied to another database is the same instance: pages, links, exports and reruns."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, update

from app.commons.config import EpisodeConfig, GameConfig, GenerativeFramework, GenerativeMind
from app.interop.library import import_logs
from app.jobs.player import Player
from app.jobs.rerun import check_rerun
from app.keeping import copy as copying
from app.keeping.copy import CopyRefused, copy_database
from app.models.hub import ModelHub
from app.store.connect import Database, open_database
from app.store.controls import request
from app.store.corrections import CorrectionIn, add_correction
from app.store.leases import claim_next
from app.store.queries import RunFilter, list_calls, list_runs
from app.store.runs import add_log, launch, now
from app.store.shares import issue_share, revoke_share
from app.store.subskills import list_subskill_runs
from app.store.tables import RunLogRow, RunRow
from app.store.transfer import kept_tables
from app.subskills.research import import_results
from tests.databases import PostgresServer, database_of
from tests.fakes.villagers import record
from tests.interop.logs import two_months, write_run
from tests.store.test_migrate import engine_of
from tests.subskills.test_research import write as write_results
from tests.support import ROOT, scripted_config
from tests.web.conftest import open_site

MIGRATIONS = ROOT / "migrations"
FORM_TOKEN = re.compile(r'name="submission" value="[^"]*"')
STALE = timedelta(seconds=12)
HOSTILE = "NUL\0, a mark \ufdd0, <b>&amp;</b>, Ünïcödé 🐟"

EmptyUrl = Callable[[str], str]


@pytest.fixture
def empty(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EmptyUrl]:
    """Give the address of a database of the kind that is asked for, in which nothing is."""
    with ExitStack() as stack:

        def make(kind: str) -> str:
            if kind == "sqlite":
                return f"sqlite:///{tmp_path / 'new' / 'copy.db'}"
            server: PostgresServer = request.getfixturevalue("postgres")
            name = server.new_database(template=None)
            stack.callback(server.drop, name)
            return server.url(name)

        yield make


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        await database.close()


def generative(seed: int, months: int = 2) -> EpisodeConfig:
    config = scripted_config(["greedy"] * 3, seed=seed, game=GameConfig(months=months))
    agents = tuple(a.model_copy(update={"mind": GenerativeMind(model="lab/m")}) for a in config.agents)
    return config.model_copy(update={"agents": agents, "framework": GenerativeFramework(model="lab/m")})


async def fill(database: Database, folder: Path, scripted: int = 2, recorded: int = 1) -> list[str]:
    """Store something of everything, and return the tokens of the shares that are open."""
    configs = [scripted_config(seed=seed, game=GameConfig(months=3)) for seed in range(scripted)]
    _, ids = await launch(database, configs, prompt_sets={}, engine_version="1", experiment=HOSTILE, submission="t")
    for _ in ids:
        claim = await claim_next(database, "test")
        assert claim is not None
        await Player(database, ModelHub([]), claim).run()
    for seed in range(recorded):
        ids.append((await record(database, generative(seed), seed=seed)).id)
    said = CorrectionIn(month=1, limit=7, author="Ada", note=HOSTILE, version=0)
    await add_correction(database, ids[-1], said)
    [imported] = await import_logs(database, [write_run(folder / "logs" / "run", two_months())])
    assert imported.run_id is not None
    ids.append(imported.run_id)
    await import_results(database, [write_results(folder / "subskills")])
    _, [paused] = await launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    await request(database, paused, "pause")
    async with database.write() as connection:
        await connection.execute(update(RunRow).where(RunRow.id == ids[0]).values(name=HOSTILE, notes=[HOSTILE]))
        await add_log(connection, ids[0], "note", HOSTILE)
    tokens = [(await issue_share(database, run_id, last_seq=5, label=HOSTILE))[1] for run_id in ids]
    share, _ = await issue_share(database, ids[0], last_seq=None)
    await revoke_share(database, share.id)
    return tokens


async def seen(url: str, folder: Path, tokens: list[str], most: int = 10) -> dict[str, str]:
    """Return what an instance shows: the lists, and the pages, calls, exports and links of up to *most* runs."""
    folder.mkdir()  # noqa: ASYNC240
    async with open_site(folder, database_url=url) as site:
        runs, _ = await list_runs(site.database, RunFilter(limit=500))
        [tests] = await list_subskill_runs(site.database)
        paths = ["/", "/runs", "/runs?sort=models", "/shares", "/subskills", f"/subskills/{tests.id}"]
        paths += [f"/api/v1{path}" for path in ("/runs?limit=500", "/experiments", "/shares", "/subskills")]
        for run in runs[:most]:
            paths += [f"/runs/{run.id}", f"/runs/{run.id}?m=2"]
            paths += [f"/api/v1/runs/{run.id}{part}" for part in ("", "/events", "/calls", "/answers", "/corrections")]
            paths += [f"/runs/{run.id}/export/json"]
            calls = await list_calls(site.database, run.id, limit=20)
            paths += [f"/api/v1/runs/{run.id}/calls/{call.key}" for call in calls]
        paths += [f"/s/{token}{part}" for token in tokens[:most] for part in ("", "/api/events", "/api/calls")]
        found = {}
        for path in paths:
            response = await site.client.get(path)
            # Each form has a token of its own.
            found[path] = f"{response.status_code} {FORM_TOKEN.sub('', response.text)}"
        return found


async def reruns(url: str, most: int) -> list[tuple[str, bool, int, int]]:
    """Play the recorded runs again and return what came of each."""
    async with opened(url) as database:
        runs, _ = await list_runs(database, RunFilter(minds="generative", sort="created", limit=most))
        reports = [(run.id, await check_rerun(database, run.id)) for run in runs]
        return [(run_id, report.equal, report.events, report.calls) for run_id, report in reports]


async def assert_a_copy_is_the_same(url: str, target: str, folder: Path, tokens: list[str], most: int) -> None:
    before = await seen(url, folder / "before", tokens, most)
    assert all(text.startswith("200 ") for text in before.values()), [p for p in before if before[p][:3] != "200"]
    replayed = await reruns(url, most)
    assert replayed and all(equal for _, equal, *_ in replayed)
    counts = await copy_database(url, target, MIGRATIONS, stale_after=STALE)
    assert all(
        counts[name]
        for name in ("experiment", "run", "event", "call", "segment", "share", "correction", "subskill_case")
    )
    after = await seen(target, folder / "after", tokens, most)
    assert [path for path in before if after[path] != before[path]] == []
    assert await reruns(target, most) == replayed


@pytest.mark.parametrize(
    ("kind", "other"), [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql")]
)
async def test_a_copy_shows_and_replays_the_same(
    kind: str, other: str, empty: EmptyUrl, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with database_of(kind, tmp_path, request) as url:
        async with opened(url) as database:
            tokens = await fill(database, tmp_path)
        await assert_a_copy_is_the_same(url, empty(other), tmp_path, tokens, most=10)


@pytest.mark.long
async def test_a_copy_of_200_runs_shows_and_replays_the_same(
    empty: EmptyUrl, tmp_path: Path, database_url: str, database: Database
) -> None:
    tokens = await fill(database, tmp_path, scripted=98, recorded=100)
    await database.close()
    await assert_a_copy_is_the_same(database_url, empty("postgresql"), tmp_path, tokens, most=250)


async def test_what_is_written_after_a_copy_gets_new_numbers(
    empty: EmptyUrl, database_url: str, database: Database
) -> None:
    _, [run_id] = await launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    target = empty("postgresql")
    await copy_database(database_url, target, MIGRATIONS, stale_after=STALE)
    async with opened(target) as copied, copied.write() as connection:
        await connection.execute(insert(RunLogRow).values(run_id=run_id, at=now(), kind="note", text="new"))


async def test_a_target_that_holds_anything_is_refused_and_left_alone(
    database_url: str, database: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with database_of("postgresql", tmp_path, request) as target:
        async with opened(target) as other:
            _, ids = await launch(other, [scripted_config()], prompt_sets={}, engine_version="1")
            with pytest.raises(CopyRefused, match="not empty: there are rows in run"):
                await copy_database(database_url, target, MIGRATIONS, stale_after=STALE)
            assert [run.id for run in (await list_runs(other, RunFilter()))[0]] == ids


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_runs_that_are_being_played_are_named_and_nothing_is_made(
    kind: str, empty: EmptyUrl, database_url: str, database: Database, tmp_path: Path
) -> None:
    _, [run_id] = await launch(database, [scripted_config()], prompt_sets={}, engine_version="1", owner="w")
    target = empty(kind)
    with pytest.raises(CopyRefused, match=f"being played in the source: {run_id}"):
        await copy_database(database_url, target, MIGRATIONS, stale_after=STALE)
    assert_untouched(target, tmp_path)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_source_that_changes_meanwhile_is_not_copied(
    kind: str, empty: EmptyUrl, database_url: str, database: Database, tmp_path: Path
) -> None:
    await launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    real_copy = copying.copy_tables

    async def copy_while_somebody_launches(*arguments):  # type: ignore[no-untyped-def]
        counts = await real_copy(*arguments)
        await launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
        return counts

    target = empty(kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "copy_tables", copy_while_somebody_launches)
        with pytest.raises(CopyRefused, match="written into the source during the copy"):
            await copy_database(database_url, target, MIGRATIONS, stale_after=STALE)
    assert_untouched(target, tmp_path)


async def test_a_row_that_comes_out_different_is_noticed(
    empty: EmptyUrl, database_url: str, database: Database, tmp_path: Path
) -> None:
    _, [run_id] = await launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    real_copy = copying.copy_tables

    async def copy_wrongly(theirs, ours, tables, progress):  # type: ignore[no-untyped-def]
        counts = await real_copy(theirs, ours, tables, progress)
        await ours.execute(update(RunLogRow).values(text="something else"))
        return counts

    target = empty("postgresql")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "copy_tables", copy_wrongly)
        with pytest.raises(CopyRefused, match=f"Rows of run_log of {run_id} came out different"):
            await copy_database(database_url, target, MIGRATIONS, stale_after=STALE)
    assert_untouched(target, tmp_path)


async def test_a_source_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CopyRefused, match="There is no database at"):
        await copy_database(
            f"sqlite:///{tmp_path / 'no.db'}", f"sqlite:///{tmp_path / 'new.db'}", MIGRATIONS, stale_after=STALE
        )
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240


async def test_a_database_is_not_copied_onto_itself(database_url: str, database: Database) -> None:
    with pytest.raises(CopyRefused, match="the same database"):
        await copy_database(database_url, database_url, MIGRATIONS, stale_after=STALE)


def assert_untouched(target: str, folder: Path) -> None:
    """Assert that a copy that was refused left no table, and where it would have been a file, no file."""
    if target.startswith("sqlite"):
        assert not [path for path in folder.rglob("copy.db*") if path.is_file()]
        return
    engine = engine_of(target)
    assert not set(inspect(engine).get_table_names()) & {table.name for table in kept_tables()}
    engine.dispose()
