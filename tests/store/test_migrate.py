import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

from app.store.address import database_url
from app.store.connect import DatabaseError, open_database
from app.store.migrate import _write_ahead, upgrade
from app.store.search_tables import Base
from tests.databases import PostgresServer
from tests.support import ROOT

MIGRATIONS = ROOT / "migrations"


@pytest.fixture
def empty_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database in which nothing is."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'sub' / 'new.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.new_database(template=None)
    yield server.url(name)
    server.drop(name)


def engine_of(url: str) -> Engine:
    address = database_url(url)
    return create_engine(address.set(drivername="sqlite") if address.drivername.startswith("sqlite") else address)


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    """Whether the tables describe it: the words of the search are kept in each database's own way."""
    return kind != "table" or not (name or "").startswith("search_words")


def test_the_migrated_schema_is_the_one_the_tables_describe(empty_url: str) -> None:
    upgrade(empty_url, MIGRATIONS)
    with engine_of(empty_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_ours})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_twice_changes_nothing_and_downgrading_leaves_nothing(empty_url: str) -> None:
    upgrade(empty_url, MIGRATIONS)
    upgrade(empty_url, MIGRATIONS)
    upgrade(empty_url, MIGRATIONS, "base")
    assert inspect(engine_of(empty_url)).get_table_names() == ["alembic_version"]


def test_processes_that_start_together_on_a_new_file_all_find_it_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    program = "import pathlib, sys, app.store.migrate as m; m.upgrade(sys.argv[1], pathlib.Path(sys.argv[2]))"
    command = [sys.executable, "-c", program, f"sqlite:///{path}", str(MIGRATIONS)]
    starts = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [start.wait(timeout=120) for start in starts] == [0, 0, 0, 0]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_mode_that_cannot_be_changed_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("CREATE TABLE old (x)")
    reader.execute("BEGIN IMMEDIATE")
    # Somebody who holds the file for a moment, as a process does that is just switching the mode itself.
    release = threading.Timer(0.5, reader.execute, ["COMMIT"])
    release.start()
    _write_ahead(create_engine(f"sqlite:///{path}", connect_args={"timeout": 0}))
    release.join()
    reader.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_is_no_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database, but it is long enough to be looked at " * 20)
    with pytest.raises(DatabaseError, match="cannot be used"):
        upgrade(f"sqlite:///{path}", MIGRATIONS)
    assert path.read_text().startswith("this is not")


def test_a_newer_schema_is_refused(empty_url: str) -> None:
    upgrade(empty_url, MIGRATIONS)
    with engine_of(empty_url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="does not fit this version"):
        upgrade(empty_url, MIGRATIONS)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "sqlite://"[:3], "postgresql://user@host"])
def test_a_url_that_names_no_database_we_speak_to_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match="GOVSIM_DATABASE_URL"):
        open_database(url)
