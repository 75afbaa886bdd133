"""The versions of the schema: which a database has, which this program knows, and how to get from one to another."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

# Any number, the same in every version of this program.
LOCK = 0x60F51


def alembic_config(migrations: Path) -> Config:
    """Return Alembic's configuration for the folder with `env.py` and `versions/`."""
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config


def newest_revision(migrations: Path) -> str:
    """Return the revision of the schema that this program works with."""
    return ScriptDirectory.from_config(alembic_config(migrations)).get_current_head() or ""


def known_revisions(migrations: Path) -> frozenset[str]:
    """Return all revisions that this program can come from."""
    scripts = ScriptDirectory.from_config(alembic_config(migrations))
    return frozenset(script.revision for script in scripts.walk_revisions())


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the database at hand, None where it has no schema."""
    return MigrationContext.configure(connection).get_current_revision()


def take_turns(connection: Connection) -> None:
    """Wait for another process that changes the schema; on SQLite beginning the transaction did."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def move_schema(connection: Connection, migrations: Path, revision: str) -> None:
    """Bring the schema to *revision*, up or down, in the transaction that *connection* is in.

    Raises:
        alembic.util.CommandError: if the database is at a revision that this program does not know.
    """
    config = alembic_config(migrations)
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    here = revision_of(connection)
    wanted = scripts.get_current_head() if revision == "head" else revision
    if here == wanted:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    below = {script.revision for script in scripts.iterate_revisions(here, "base")} if here in known else set()
    if revision == "base" or wanted in below:
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def table_names(connection: Connection) -> frozenset[str]:
    """Return the tables of ours that the database at hand has."""
    names = inspect(connection).get_table_names()
    return frozenset(name for name in names if name != "alembic_version" and not name.startswith("procrastinate_"))
