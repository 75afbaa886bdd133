"""Bring a database to the current schema (Alembic)."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from app.store.address import DatabaseError, database_url, is_postgresql, make_folder, refusal, shown
from app.store.postgresql import connect_arguments
from app.store.queue_schema import upgrade_queue

# Any number, the same in every version of this program.
LOCK = 0x60F51


def upgrade(url: str, migrations: Path, revision: str = "head") -> None:
    """Create or upgrade the schema of the database at *url*, in one transaction; two processes at once take turns.

    Args:
        url: a database URL.
        migrations: the folder with `env.py` and `versions/`.
        revision: where to go; `head` is the current schema, `base` an empty database.

    Raises:
        DatabaseError: if the database cannot be opened, is full, or is newer than this program.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    address = database_url(url)
    make_folder(address)
    engine = _engine(address)
    try:
        with engine.begin() as connection:
            _take_turns(connection)
            config.attributes["connection"] = connection
            if revision == "base":
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
                upgrade_queue(connection)
    except DBAPIError as error:
        raise refusal(address, error) from error
    except CommandError as error:
        name = shown(address) if is_postgresql(address) else address.database
        raise DatabaseError(
            f"The database {name} does not fit this version of GovSim Observatory ({error}). "
            "Upgrade the program, or name another database in GOVSIM_DATABASE_URL."
        ) from error
    finally:
        engine.dispose()


def _engine(url: URL) -> Engine:
    if is_postgresql(url):
        return create_engine(url, connect_args=connect_arguments(url))
    engine = create_engine(url.set(drivername="sqlite"), connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # We issue BEGIN ourselves: the driver's own leaves changes of the schema outside the transaction.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _take_turns(connection: Connection) -> None:
    """Wait for another process that migrates; on SQLite beginning the transaction did."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
