"""Procrastinate's tables, on PostgreSQL only, in a schema of their own beside ours, and what we ask of them.

They are made from the SQL files of the installed Procrastinate. The names of its migrations are noted as they are
applied, so that a newer Procrastinate brings its tables up to date when the database is upgraded the next time.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.postgresql import connect_arguments

SCHEMA = "procrastinate"


class OpenJob(NamedTuple):
    """A job that waits or was fetched, the run it is of, and how many seconds ago it came into that state."""

    id: int
    run_id: str
    status: str
    seconds: float


_OPEN_JOBS = text(
    f"""
    SELECT job.id, job.lock, job.status::text, extract(epoch FROM now() - max(event.at))::float
    FROM {SCHEMA}.procrastinate_jobs job JOIN {SCHEMA}.procrastinate_events event ON event.job_id = job.id
    WHERE job.queue_name = :queue AND (job.status = 'todo' OR (job.status = 'doing' AND job.lock = ANY(:runs)))
    GROUP BY job.id ORDER BY job.id
    """
)


async def open_jobs(
    connection: AsyncConnection, queue: str, runs: Sequence[str]
) -> tuple[list[OpenJob], list[OpenJob]]:
    """Return the jobs of *queue* that wait, in the order they will be fetched in, and those fetched for *runs*."""
    rows = await connection.execute(_OPEN_JOBS, {"queue": queue, "runs": list(runs)})
    jobs = [OpenJob(*row) for row in rows]
    return [job for job in jobs if job.status == "todo"], [job for job in jobs if job.status == "doing"]


def connection_of(url: URL) -> tuple[str, dict[str, Any]]:
    """Return how Procrastinate connects to our database: an address for libpq, and arguments beside it."""
    arguments = connect_arguments(url)
    options = str(url.query.get("options", arguments.get("options", "")))
    arguments["options"] = f"{options} -c search_path={SCHEMA}".strip()
    return url.set(drivername="postgresql").render_as_string(hide_password=False), arguments


def upgrade_queue(connection: Connection) -> None:
    """Make Procrastinate's tables, or apply those of its migrations that are new; on SQLite do nothing.

    Must be called inside the transaction in which our own migrations run, so that two processes take turns.
    """
    if connection.dialect.name != "postgresql":
        return
    files = _sql_files()
    migrations = sorted(files.joinpath("migrations").glob("*.sql"))
    if connection.scalar(text("SELECT to_regclass('procrastinate.procrastinate_jobs')")) is None:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.execute(text(f"CREATE TABLE {SCHEMA}.applied (name text PRIMARY KEY)"))
        _run(connection, files / "schema.sql")
        new = migrations
    else:
        done = set(connection.scalars(text(f"SELECT name FROM {SCHEMA}.applied")))
        new = [path for path in migrations if path.name not in done]
        for path in new:
            _run(connection, path)
    for path in new:
        connection.execute(text(f"INSERT INTO {SCHEMA}.applied VALUES (:name)"), {"name": path.name})


def drop_queue(connection: Connection) -> None:
    """Remove Procrastinate's tables and what is in them; on SQLite do nothing."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))


def _sql_files() -> Path:
    # Found, not imported: importing Procrastinate takes half a second, and every command looks at the schema.
    spec = find_spec("procrastinate")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("Procrastinate is not installed")
    return Path(spec.submodule_search_locations[0]) / "sql"


def _run(connection: Connection, path: Path) -> None:
    """Run a file of SQL with Procrastinate's schema in front of ours."""
    before = connection.scalar(text("SHOW search_path"))
    connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
    # Straight to the driver and without parameters: the files hold percent signs and colons.
    cursor = connection.connection.cursor()
    cursor.execute(path.read_text("utf-8"))
    cursor.close()
    connection.execute(text("SELECT set_config('search_path', :before, true)"), {"before": before})
