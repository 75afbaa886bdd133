"""The doctor finds each defect that is planted, says what to do, and mends only what is a copy."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import delete, insert, select, update

from app.keeping.examine_database import examine_database, examine_work
from app.keeping.examine_models import examine_local
from app.keeping.examine_place import examine_assets, examine_folder, examine_models_file, examine_port
from app.keeping.examine_records import examine_records
from app.keeping.findings import Finding
from app.store.connect import Database
from app.store.queries import run_log
from app.store.runs import get_run, launch, now
from app.store.tables import CallRow, EventRow, PromptSetRow, RunRow, SegmentRow, WorkerRow
from tests.fakes.process import FakeModelServer
from tests.fakes.villagers import record
from tests.keeping.records import age, generative
from tests.models.test_local import put_model
from tests.support import ROOT, Instance, scripted_config

STALE = timedelta(seconds=12)


def of(found: list[Finding], level: str) -> list[Finding]:
    return [one for one in found if one.level == level]


async def test_a_sound_instance_has_nothing_to_complain_of(database: Database) -> None:
    run = await record(database, generative())
    about, readable = await examine_database(database, ROOT / "migrations", deep=True)
    found = about + await examine_work(database, STALE) + await examine_records(database, deep=True, fix=False)
    assert readable and {one.level for one in found} == {"ok"}
    assert "Records read: 1 of 1; all are whole." in {one.text for one in found}
    await age(database, run.id, 400)


PLANTED = {
    "an event is gone": (delete(EventRow).where(EventRow.seq == 3), "event 3 is missing"),
    "the last event's text is no event": (
        update(EventRow).where(EventRow.seq == 4).values(payload="{}"), "its events cannot be read",
    ),
    "a completion is rubbish": (
        update(CallRow).where(CallRow.seq == 5).values(completion=b"zrubbish"), "cannot be read",
    ),
    "a prompt's words were changed": (
        update(SegmentRow).where(SegmentRow.no == 0).values(text=b"rOther"), "is not the one its hash was made of",
    ),
    "a prompt's words are gone": (delete(SegmentRow).where(SegmentRow.no == 1), "cannot be read"),
    "the prompt set is gone": (delete(PromptSetRow), "its prompt set 'base' is not stored"),
    "the prompt set was changed": (update(PromptSetRow).values(files=b"r{}"), "is not the one it was pinned to"),
    "the configuration was changed": (
        update(RunRow).values(config_hash="0" * 64), "its configuration is not the one its hash was made of",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", PLANTED)
async def test_a_record_that_is_not_whole_is_a_problem_and_never_mended(database: Database, defect: str) -> None:
    statement, said = PLANTED[defect]
    run = await record(database, generative())
    async with database.write() as connection:
        await connection.execute(statement)
    before = await get_run(database, run.id)
    for fix in (False, True):
        [found] = await examine_records(database, deep=True, fix=fix)
        assert (found.level, found.about) == ("problem", "records")
        assert f"Run {run.id}: " in found.text and found.advice
        assert said in " ".join(found.details)
    assert await get_run(database, run.id) == before


async def test_columns_that_are_copies_are_counted_anew_on_request_only(database: Database) -> None:
    run = await record(database, generative())
    wrong = {"events": 1, "calls": 7, "completion_tokens": 0, "efficiency": 0.123, "gains": {}, "unpriced_calls": 0}
    async with database.write() as connection:
        await connection.execute(update(RunRow).values(**wrong))
    [found] = await examine_records(database, deep=False, fix=False)
    assert found.level == "warning" and "--fix" in (found.advice or "")
    assert found.details == (f"{run.id}: {', '.join(sorted(wrong))}",)
    [found] = await examine_records(database, deep=False, fix=True)
    assert found.level == "ok" and "counted anew" in found.text
    mended = await get_run(database, run.id)
    assert {name: getattr(mended, name) for name in wrong} == {name: getattr(run, name) for name in wrong}
    assert "Counted anew from the record" in (await run_log(database, run.id))[-1].text


async def test_a_run_that_is_played_is_not_measured_against_its_record(database: Database) -> None:
    await record(database, generative())
    async with database.write() as connection:
        await connection.execute(update(RunRow).values(state="playing", events=999))
    [found] = await examine_records(database, deep=True, fix=True)
    assert found.level == "ok"


async def test_a_sample_reaches_from_the_newest_to_the_oldest_run(database: Database) -> None:
    await launch(database, [scripted_config(seed=n) for n in range(50)], prompt_sets={}, engine_version="1")
    [found] = await examine_records(database, deep=False, fix=False)
    assert found.text == "Records read: 17 of 50; all are whole. --deep reads all."


async def test_work_that_nobody_does_is_a_problem(database: Database) -> None:
    _, ids = await launch(database, [scripted_config(seed=n) for n in range(3)], prompt_sets={}, engine_version="1")
    [first, *_] = of(await examine_work(database, STALE), "problem")
    assert first.text == "3 runs queued, and no worker is there to play." and "govsim worker" in (first.advice or "")
    async with database.write() as connection:
        await connection.execute(
            insert(WorkerRow).values(
                id="worker@here",
                role="worker",
                host="here",
                pid=1,
                version="0",
                started_at=now(),
                heartbeat=now(),
                capacity=5,
                playing=0,
                testing=0,
                stopping=False,
                calls_per_minute={},
            )
        )
        hour = now() - timedelta(hours=1)
        states = [{"state": "playing", "heartbeat": hour}, {"state": "failed"}]
        states.append({"state": "paused", "reason_kind": "endpoint", "created_at": now() - timedelta(days=8)})
        for run_id, values in zip(ids, states, strict=True):
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**values))
    found = await examine_work(database, STALE)
    assert [one.details for one in of(found, "problem")] == [(ids[0],)]
    warned = {one.text: one.details for one in of(found, "warning")}
    assert warned == {"1 run paused for more than 7 days.": (f"{ids[2]} (endpoint)",), "1 run failed.": ()}


async def test_an_older_schema_is_named_and_nothing_is_upgraded(database: Database) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
    found, readable = await examine_database(database, ROOT / "migrations", deep=False)
    assert not readable
    assert "The schema is 0003" in of(found, "problem")[0].text
    async with database.read() as connection:
        row = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).one()
    assert row[0] == "0003"


def test_files_that_others_may_write_and_files_that_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "govsim.db"
    file.touch()
    file.chmod(0o646)
    assert "chmod o-w" in (of(examine_folder(file), "problem")[0].advice or "")
    toml = tmp_path / "models.toml"
    toml.touch()
    toml.chmod(0o622)
    assert "where your keys are sent" in examine_models_file(toml)[0].text
    assert "templates/base.html" in examine_assets(tmp_path)[0].text
    assert examine_assets(ROOT)[0].level == "ok"


def test_a_port_that_something_else_holds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.settimeout(0)
        [found] = examine_port("127.0.0.1", taken.getsockname()[1])
    assert found.level == "warning" and "GOVSIM_PORT" in (found.advice or "")


@pytest.mark.parametrize(("status", "level"), [("ok", "ok"), ("degraded", "warning")])
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_web_application_that_is_there_already(host: str, status: str, level: str) -> None:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if status == "ok" else 503)
            self.end_headers()
            self.wfile.write(json.dumps({"status": status, "version": "0"}).encode())

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        Thread(target=server.handle_request, daemon=True).start()
        [found] = examine_port(host, server.server_port)
    assert found.level == level and f"answers at 127.0.0.1:{server.server_port}: {status}" in found.text


def doctor(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment = kept | {"GOVSIM_DATABASE_URL": f"sqlite:///{folder / 'runs.db'}", "GOVSIM_PORT": "0"} | variables
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "doctor", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_a_new_machine_is_healthy_and_the_doctor_leaves_no_trace(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is made at the first start" in done.stdout and done.stdout.endswith("Nothing is wrong.\n")
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_never_told(tmp_path: Path) -> None:
    url = "postgresql://me:database-secret@127.0.0.1:9/none"
    secrets = {
        "GOVSIM_PASSWORD": "page-secret",
        "OPENAI_API_KEY": "sk-key-secret",
        "GOVSIM_METRICS_TOKEN": "token-secret",
    }
    for arguments in ([], ["--json"]):
        done = doctor(tmp_path, *arguments, GOVSIM_DATABASE_URL=url, **secrets)
        assert done.returncode == 1
        assert "secret" not in done.stdout + done.stderr
    told = json.loads(done.stdout)
    about = {one["about"]: one for one in told["findings"]}
    assert "GOVSIM_PASSWORD = set" in about["settings"]["details"]
    assert about["database"]["level"] == "problem" and told["problems"] == 1
    assert about["endpoint openai"]["text"].endswith("key in OPENAI_API_KEY is set.")


def test_a_wrong_setting_an_open_address_and_a_file_that_is_no_database(tmp_path: Path) -> None:
    done = doctor(tmp_path, GOVSIM_RUNS_PER_WORKER="many")
    assert done.returncode == 1 and "GOVSIM_RUNS_PER_WORKER" in done.stdout
    done = doctor(tmp_path, GOVSIM_HOST="0.0.0.0")
    assert done.returncode == 1 and "GOVSIM_PASSWORD" in done.stdout
    (tmp_path / "runs.db").write_text("this is not a database, but it is long enough to be looked at " * 20)
    done = doctor(tmp_path)
    assert done.returncode == 1 and "file is not a database" in done.stdout and "Traceback" not in done.stderr


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    url = {"GOVSIM_DATABASE_URL": f"sqlite:///{path}"}
    subprocess.run(
        [sys.executable, "-m", "app.cli", "run", "--months", "2", "--json"],
        cwd=ROOT,
        env=os.environ | url,
        check=True,
        capture_output=True,
    )
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO segment VALUES ('nobody', 0, x'72')")
    done = doctor(tmp_path)
    assert done.returncode == 1 and "a row of segment points to a row of run that is missing" in done.stdout


async def test_models_are_asked_only_on_request(instance: Instance, server: FakeModelServer) -> None:
    variables = instance.environment
    done = doctor(instance.folder, **variables)
    assert "lab" in done.stdout and not server.stats()["requests"]
    done = doctor(instance.folder, "--models", **variables)
    assert "lab/villager: It answers" in done.stdout and done.returncode == 0
    server.control(down=True)
    done = doctor(instance.folder, "--models", **variables)
    assert done.returncode == 1 and "PROBLEM  lab/villager" in done.stdout


@pytest.mark.parametrize(("table", "left"), [(EventRow, "events are left"), (CallRow, "calls are left")])
async def test_a_record_that_lost_its_end_is_not_whole(database: Database, table: type, left: str) -> None:
    await record(database, generative())
    async with database.write() as connection:
        numbers = select(table.seq).order_by(table.seq.desc()).limit(1)  # type: ignore[attr-defined]
        last = (await connection.execute(numbers)).scalar_one()
        await connection.execute(delete(table).where(table.seq == last))  # type: ignore[attr-defined]
    [found] = await examine_records(database, deep=True, fix=True)
    assert found.level == "problem" and left in found.text


def test_models_on_this_machine_that_are_not_whole_are_named(tmp_path: Path) -> None:
    assert [one.level for one in examine_local(tmp_path)] == ["ok"]
    put_model(tmp_path, "demo")
    put_model(tmp_path, "training", weights=False)
    warned, fine = examine_local(tmp_path)
    assert warned.level == "warning" and "training: It has no weights" in warned.text
    assert fine.text == f"1 model in {tmp_path}."
