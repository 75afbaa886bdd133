"""A run goes out and comes back: the files of what came back are the same, whatever kind of run it was."""

import asyncio
import csv
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.commons.config import EpisodeConfig, GameConfig, GenerativeFramework, GenerativeMind, ScriptedMind
from app.commons.events import parse_event
from app.commons.metrics import EpisodeMetrics
from app.interop.export import FORMATS, ExportError, export_files, packed, write_export
from app.interop.files import UnreadableLog, find_logs
from app.interop.library import import_logs
from app.interop.research import read_log
from app.interop.research_log import NothingToExport
from app.store.connect import Database, open_database
from app.store.runs import get_run
from app.store.whole import WholeRun, read_whole
from tests.fakes.episodes import episodes
from tests.fakes.villagers import record
from tests.interop.logs import config as research_config
from tests.interop.logs import two_months, write_run
from tests.interop.research_schema import check_config, check_log, check_nodes
from tests.support import fresh_database, scripted_config

DATA = Path(os.environ.get("GOVSIM_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "govsim-logs"
published = pytest.mark.skipif(
    not (DATA / "reference_metrics.csv").is_file(),
    reason="the published logs are not here; GOVSIM_TEST_DATA names the folder that holds govsim-logs/",
)


def mixed(**changes: Any) -> EpisodeConfig:
    """Three agents that ask a model and two that do not, the first speaker among these."""
    config = scripted_config(game=GameConfig(months=3, capacity=120, initial_stock=90, growth=1.5), **changes)
    agents = tuple(
        agent.model_copy(update={"mind": GenerativeMind(model="lab/m") if index else ScriptedMind(policy="fair-share")})
        for index, agent in enumerate(config.agents)
    )
    return config.model_copy(update={"agents": agents, "framework": GenerativeFramework(model="lab/n")})


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    _, url = fresh_database(tmp_path_factory.mktemp("export"))
    return url


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    opened, _ = fresh_database(tmp_path)
    yield opened
    await opened.close()


def checked(files: dict[str, bytes]) -> dict[str, bytes]:
    check_log(json.loads(files["log_env.json"]))
    check_config(yaml.safe_load(files["config.yaml"]))
    for path, content in files.items():
        if path.endswith("nodes.json"):
            check_nodes(json.loads(content))
    return files


async def there_and_back(database: Database, run_id: str, folder: Path) -> tuple[WholeRun, WholeRun]:
    """Export, import and export again; assert that both exports are the same, byte for byte, and valid."""
    whole = await read_whole(database, run_id)
    first = checked(export_files(whole, "research"))
    outcomes = await import_logs(database, [write_export(whole, "research", folder / run_id)])
    assert [outcome.kind for outcome in outcomes] == ["imported"], outcomes
    back = await read_whole(database, str(outcomes[0].run_id))
    second = export_files(back, "research")
    assert set(first) == set(second)
    for path in first:
        assert first[path] == second[path], path
    return whole, back


def same_outcome(whole: WholeRun, back: WholeRun) -> None:
    """Assert that nothing that counts was lost on the way."""
    for name in set(EpisodeMetrics.model_fields) - {"over_usage_asked", "unreadable"}:
        assert getattr(whole.run, name) == getattr(back.run, name), name
    # A log has no place for how an answer ended: one that was cut behind its number, or withheld, reads as whole there.
    cut = sum(
        call.key.purpose == "harvest"
        and call.completion is not None
        and call.completion.finish_reason not in (None, "stop")
        for call in whole.calls()
    )
    assert 0 <= whole.run.unreadable - back.run.unreadable <= cut
    assert whole.run.episode.game == back.run.episode.game
    assert whole.run.episode.phases == back.run.episode.phases
    assert whole.run.episode.names == back.run.episode.names


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(config=episodes(), seed=st.integers(0, 99), rubbish=st.sampled_from([0.0, 0.3]))
def test_random_episodes_come_back_as_they_went(
    url: str, tmp_path_factory: pytest.TempPathFactory, config: EpisodeConfig, seed: int, rubbish: float
) -> None:
    async def go() -> None:
        database = open_database(url)
        try:
            run = await record(database, config, seed=seed, rubbish=rubbish)
            same_outcome(*await there_and_back(database, run.id, tmp_path_factory.mktemp("out")))
        finally:
            await database.close()

    asyncio.run(go())


async def test_a_scripted_run_comes_back_readable(database: Database, tmp_path: Path) -> None:
    run = await record(database, scripted_config())
    whole, back = await there_and_back(database, run.id, tmp_path)
    same_outcome(whole, back)
    assert (back.run.unreadable, back.run.calls, back.run.models) == (0, 0, back.run.models)
    assert "scripted:greedy" in back.run.models


async def test_prompts_stand_beside_what_they_produced_also_where_the_first_speaker_asks_no_model(
    database: Database, tmp_path: Path
) -> None:
    run = await record(database, mixed())
    whole, back = await there_and_back(database, run.id, tmp_path)
    same_outcome(whole, back)
    theirs = {str(call.key): call for call in whole.calls()}
    for call in back.calls():
        if call.key.purpose == "utterance":
            own = theirs[str(call.key)]
            assert call.model == own.model
            assert call.completion is not None and own.completion is not None
            assert call.completion.text == own.completion.text


async def test_a_run_that_was_stopped_comes_back_interrupted(database: Database, tmp_path: Path) -> None:
    run = await record(database, mixed(), seed=2, breaks_after=20)
    assert run.state == "paused" and run.months_played
    _, back = await there_and_back(database, run.id, tmp_path)
    assert (back.run.state, back.run.censored) == ("interrupted", True)


async def test_a_run_without_a_harvest_has_no_research_form(database: Database) -> None:
    run = await record(database, mixed(), breaks_after=0)
    with pytest.raises(NothingToExport, match="No harvest of run"):
        export_files(await read_whole(database, run.id), "research")


async def test_an_imported_run_comes_back(database: Database, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "theirs", two_months(), settings=research_config())
    (outcome,) = await import_logs(database, [folder])
    whole, _ = await there_and_back(database, str(outcome.run_id), tmp_path)
    ours = json.loads(export_files(whole, "research")["log_env.json"])
    assert ours == json.loads((folder / "log_env.json").read_text())


@published
async def test_the_published_runs_come_back_and_their_records_are_the_original_ones(
    database: Database, tmp_path: Path
) -> None:
    folders = [folder for folder in find_logs([DATA]) if folder.name != "magic-rain-37"]
    for outcome in await import_logs(database, folders):
        whole, back = await there_and_back(database, str(outcome.run_id), tmp_path)
        same_outcome(whole, back)
        theirs = original(outcome.folder)
        ours = json.loads(export_files(whole, "research")["log_env.json"])
        assert [plain(row) for row in ours] == [plain(row) for row in theirs], outcome.folder.name


def original(folder: Path) -> list[dict[str, Any]]:
    from app.interop.files import log_bytes

    rows: list[dict[str, Any]] = json.loads(log_bytes(folder))
    return rows


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A record without what importing puts right: decimals of amounts asked for, white space around thinking."""
    cut = {key: float(int(row[key])) for key in ("wanted_resource", "resource_limit") if row[key] is not None}
    shown = row["html_interactions"]
    text = "".join(shown[0] if isinstance(shown, list) else shown)
    return row | cut | {"html_interactions": "".join(text.replace("<think>", "").split())}


@published
def test_the_schema_is_that_of_the_published_runs() -> None:
    for folder in find_logs([DATA]):
        if folder.name != "magic-rain-37":
            check_log(original(folder))
        if (folder / "config.yaml").is_file():
            check_config(yaml.safe_load((folder / "config.yaml").read_text()))
        for path in folder.glob("persona_*/nodes.json"):
            check_nodes(json.loads(path.read_text() or "[]"))


async def test_a_section_of_another_run_is_refused(database: Database, tmp_path: Path) -> None:
    run = await record(database, scripted_config())
    folder = write_export(await read_whole(database, run.id), "research", tmp_path / "out")
    settings_file = folder / "config.yaml"
    text = settings_file.read_text()
    for old, new, said in (
        ("- name: Kate", "- name: Karl", "is of another run"),
        ("initial_stock: 100", "initial_stock: 99", "is of another run"),
        ("version: 1\n", "version: 7\n", "observatory section that cannot be used"),
        ("seed: 1\n  sampling", "surplus: 1\n  sampling", "observatory section that cannot be used"),
    ):
        assert old in text
        settings_file.write_text(text.replace(old, new))
        with pytest.raises(UnreadableLog, match=said):
            read_log(folder)


async def test_tables_hold_one_row_a_thing_that_happened(database: Database) -> None:
    run = await record(database, mixed(), rubbish=0.3)
    whole = await read_whole(database, run.id)
    files = export_files(whole, "csv")
    assert set(files) == {f"{name}.csv" for name in ("run", "months", "harvests", "talk", "memories", "calls")}
    read = {name: list(csv.DictReader(io.StringIO(text.decode(), newline=""))) for name, text in files.items()}
    assert {row["config_hash"] for rows in read.values() for row in rows} == {run.config_hash}
    assert len(read["harvests.csv"]) == 5 * run.months_played
    assert sum(int(row["collected"]) for row in read["harvests.csv"]) == run.total_gain
    assert sum(row["readable"] == "false" for row in read["harvests.csv"]) == run.unreadable
    assert len(read["calls.csv"]) == run.calls
    drafts = ("cached_tokens", "exit_layer", "draft_length", "drafted", "accepted", "verifications")
    told = {tuple(row[name] for name in drafts) for row in read["calls.csv"] if row["purpose"] == "utterance"}
    assert ("30", "1", "4", "12", "6", "3") in told
    assert {row["drafted"] for row in read["calls.csv"] if row["purpose"] == "harvest"} == {""}
    kinds = [parse_event(text).kind for text in whole.events]
    assert (len(read["talk.csv"]), len(read["memories.csv"])) == (kinds.count("said"), kinds.count("remembered"))


async def test_one_json_object_holds_the_whole_record(database: Database) -> None:
    run = await record(database, mixed(), rubbish=0.5)
    whole = await read_whole(database, run.id)
    ((name, content),) = export_files(whole, "json").items()
    data = json.loads(content)
    assert name == f"{run.id}.json"
    assert EpisodeConfig.model_validate(data["config"]).hash == run.config_hash == data["config_hash"]
    assert [parse_event(json.dumps(event)) for event in data["events"]] == whole.parsed()
    assert len(data["calls"]) == run.calls
    assert data["answers"]["by_purpose"].get("harvest", {}).get("unreadable", 0) == run.unreadable


async def test_parquet_without_its_package_says_what_to_install(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    run = await record(database, scripted_config())
    with pytest.raises(ExportError, match="pip install"):
        export_files(await read_whole(database, run.id), "parquet")


async def test_parquet_tables_have_types(database: Database) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run = await record(database, mixed(), rubbish=0.3)
    files = export_files(await read_whole(database, run.id), "parquet")
    harvests = parquet.read_table(io.BytesIO(files["harvests.parquet"]))
    assert harvests.num_rows == 5 * run.months_played
    assert {str(harvests.schema.field(name).type) for name in ("asked", "collected")} == {"int64"}


async def test_exports_never_write_over_anything(database: Database, tmp_path: Path) -> None:
    run = await record(database, scripted_config())
    whole = await read_whole(database, run.id)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("precious")
    for kind in FORMATS:
        with pytest.raises(ExportError, match="already"):
            write_export(whole, kind, tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.txt"]


async def test_an_archive_of_equal_files_is_equal_and_can_be_imported(database: Database, tmp_path: Path) -> None:
    run = await record(database, scripted_config())
    whole = await read_whole(database, run.id)
    archive = packed(export_files(whole, "research"), run.id)
    assert archive == packed(export_files(whole, "research"), run.id)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(tmp_path / "unpacked")
    (outcome,) = await import_logs(database, find_logs([tmp_path / "unpacked"]))
    assert (await get_run(database, str(outcome.run_id))).name == run.id
