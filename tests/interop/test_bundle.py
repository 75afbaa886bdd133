import asyncio
import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.interop import bundle_tables
from app.interop.bundle import Bundled, BundleRefused, bundle_files, checksums, zipped
from app.interop.bundle_about import BundleTerms
from app.interop.tables import csv_text, tables
from app.interop.unbundle import UnreadableBundle, is_bundle, read_bundle
from app.jobs.rerun import check_rerun
from app.store.bundled import read_bundled
from app.store.connect import Database, open_database
from app.store.migrate import upgrade
from app.store.restored import restore_run
from app.store.runs import UnknownExperiment, get_run, launch
from app.store.sound import check_run
from app.store.whole import read_whole
from tests.databases import on_both
from tests.fakes.villagers import record
from tests.jobs.test_rerun import generative
from tests.support import ROOT, scripted_config

database_kind = on_both
TERMS = BundleTerms(title="Two villages", authors=("Ada Example",), licence="CC-BY-4.0")


async def bundled(database: Database) -> dict[str, bytes]:
    run = await record(database, generative())
    runs, sets, experiments = await read_bundled(database, [run.id])
    return bundle_files(Bundled(runs, sets, experiments), TERMS)


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Database]:
    """Another instance."""
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    upgrade(url, ROOT / "migrations")
    opened = open_database(url)
    yield opened
    await opened.close()


async def test_a_bundle_imports_elsewhere_reruns_byte_identical_and_makes_its_tables_again(
    database: Database, elsewhere: Database, tmp_path: Path
) -> None:
    files = await bundled(database)
    archive = tmp_path / "bundle.zip"
    archive.write_bytes(zipped(files))
    assert is_bundle(archive)
    [run] = read_bundle(archive).runs
    assert await restore_run(elsewhere, run) == (run.id, True)
    assert await restore_run(elsewhere, run) == (run.id, False)
    report = await check_rerun(elsewhere, run.id)
    assert report.equal and report.calls == len(run.calls) > 0, report.text
    sound = await check_run(elsewhere, run.id)
    assert not sound.damage and not sound.stale
    again = bundle_files(Bundled(*await read_bundled(elsewhere, [run.id])), TERMS)
    same = [path for path in files if path.startswith(("runs/", "prompts/", "tables/"))]
    assert {path: again[path] for path in same} == {path: files[path] for path in same}
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    for table in (folder / "tables").glob("*.csv"):
        if table.name != "codebook.csv":
            table.unlink()
    command = [sys.executable, "-I", str(folder / "make_tables.py")]
    await asyncio.to_thread(subprocess.run, command, check=True, cwd=tmp_path)
    for path in files:
        assert (folder / path).read_bytes() == files[path], path


async def test_the_script_makes_the_tables_of_the_exports(database: Database) -> None:
    files = await bundled(database)
    [name] = json.loads(files["bundle.json"])["runs"]
    whole = await read_whole(database, name)
    for table in tables(whole):
        made = list(csv.DictReader(io.StringIO(files[f"tables/{table.name}.csv"].decode(), newline="")))
        exported = list(csv.DictReader(io.StringIO(csv_text(table), newline="")))
        columns = bundle_tables.COLUMNS[table.name]
        assert made == [{column: row[column] for column in columns} for row in exported], table.name


async def test_equal_records_give_equal_bytes_and_all_files_are_listed(database: Database) -> None:
    files = await bundled(database)
    assert list(files) == sorted(files)
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {path: hashlib.sha256(text).hexdigest() for path, text in files.items() if path != "SHA256SUMS"}
    [name] = json.loads(files["bundle.json"])["runs"]
    assert zipped(bundle_files(Bundled(*await read_bundled(database, [name])), TERMS)) == zipped(files)
    crate = {item["@id"]: item for item in json.loads(files["ro-crate-metadata.json"])["@graph"]}
    assert crate["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert {part["@id"] for part in crate["./"]["hasPart"]} == files.keys() - {"ro-crate-metadata.json"}
    assert all(part["@id"] in crate for part in crate["./"]["hasPart"])
    assert crate["./"]["license"] == "CC-BY-4.0" and crate["#author-1"]["name"] == "Ada Example"
    assert 'name: "Ada Example"' in files["CITATION.cff"].decode()
    with_every_column = {
        (row["table"], row["column"]) for row in csv.DictReader(io.StringIO(files["tables/codebook.csv"].decode()))
    }
    assert with_every_column == {(table, name) for table, names in bundle_tables.COLUMNS.items() for name in names}


async def test_a_run_that_goes_on_is_not_bundled(database: Database) -> None:
    of, [run] = await launch(
        database, [scripted_config()], prompt_sets={}, engine_version="1", experiment="Still going on"
    )
    assert of is not None
    with pytest.raises(BundleRefused, match="queued"):
        bundle_files(Bundled(*await read_bundled(database, [of])), TERMS)
    with pytest.raises(UnknownExperiment):
        await read_bundled(database, ["x2222222"])
    assert (await get_run(database, run)).state == "queued"


async def test_a_taken_id_gives_the_imported_run_another(database: Database, elsewhere: Database) -> None:
    files = await bundled(database)
    [run] = read_bundle(io.BytesIO(zipped(files))).runs
    other = run.model_copy(update={"events": run.events[:5]})
    assert await restore_run(elsewhere, other) == (run.id, True)
    new, fresh = await restore_run(elsewhere, run)
    assert fresh and new != run.id
    assert (await check_rerun(elsewhere, new)).equal


def _with_sums(files: dict[str, bytes]) -> dict[str, bytes]:
    rest = {path: content for path, content in files.items() if path != "SHA256SUMS"}
    return rest | {"SHA256SUMS": checksums(rest).encode()}


def _changed(
    name: str, change: Callable[[bytes], bytes], *, sums: bool = True, inside: str = ""
) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def apply(files: dict[str, bytes]) -> dict[str, bytes]:
        path = next(path for path in files if path.startswith(inside) and path.endswith(name))
        made = files | {path: change(files[path])}
        return _with_sums(made) if sums else made

    return apply


def _other_hash(text: bytes) -> bytes:
    return text.replace(json.loads(text)["config_hash"].encode(), b"0" * 64)


async def test_what_is_not_what_it_says_is_refused(database: Database) -> None:
    files = await bundled(database)
    cases: list[tuple[str, Callable[[dict[str, bytes]], dict[str, bytes]]]] = [
        ("SHA256SUMS lists", _changed("events.jsonl", lambda text: text.replace(b"1", b"2", 1), sums=False)),
        ("SHA256SUMS lists", lambda some: {**some, "more.txt": b"unlisted"}),
        ("no SHA256SUMS", lambda some: {path: text for path, text in some.items() if path != "SHA256SUMS"}),
        ("configuration hash", _changed("run.json", _other_hash)),
        ("not valid", _changed("events.jsonl", lambda text: b'{"kind":"other"}\n' + text)),
        ("not written as", _changed("events.jsonl", lambda text: text.replace(b'{"', b'{ "', 1))),
        ("a call twice", _changed("calls.jsonl", lambda text: text + text.split(b"\n")[0] + b"\n")),
        ("not JSON", _changed("bundle.json", lambda _: b"[" * 100_000)),
        ("does not say", _changed("bundle.json", lambda _: b'{"format": "other", "runs": []}')),
        ("does not list", _changed("bundle.json", lambda _: b'{"format": "govsim-bundle/1", "runs": []}')),
        ("not UTF-8", _changed("config.json", lambda text: text + b"\xff")),
        ("cannot be read", lambda some: _with_sums({**some, "../evil.txt": b"out"})),
        ("cannot be read", lambda some: _with_sums({**some, "/etc/evil": b"out"})),
        ("set of this hash", _changed(".json", lambda text: text.replace(b"month", b"mouth"), inside="prompts/")),
    ]  # fmt: skip
    for told, change in cases:
        with pytest.raises(UnreadableBundle, match=told):
            read_bundle(io.BytesIO(zipped(change(dict(files)))))
    with pytest.raises(UnreadableBundle, match="damaged"):
        read_bundle(io.BytesIO(b"PK\x03\x04 nothing of an archive"))


async def test_an_archive_that_unpacks_without_end_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.interop import unbundle

    files = await bundled(database)
    monkeypatch.setattr(unbundle, "MAX_BYTES", 100_000)
    with pytest.raises(UnreadableBundle, match="unpacks to more"):
        read_bundle(io.BytesIO(zipped(_with_sums(files | {"zeros.txt": b"0" * 10_000_000}))))
