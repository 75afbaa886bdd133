"""Bring a database to the current schema (Alembic)."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from app.store.address import DatabaseError, database_url, is_postgresql, make_folder, refusal, shown
from app.store.postgresql import connect_arguments
from app.store.queue_schema import upgrade_queue
from app.store.schema import move_schema, take_turns

WAIT_S = 30.0


def upgrade(url: str, migrations: Path, revision: str = "head") -> None:
    """Create or upgrade the schema of the database at *url*, in one transaction; two processes at once take turns.

    Args:
        url: a database URL.
        migrations: the folder with `env.py` and `versions/`.
        revision: where to go; `head` is the current schema, `base` an empty database.

    Raises:
        DatabaseError: if the database cannot be opened, is full, or is newer than this program.
    """
    address = database_url(url)
    make_folder(address)
    engine = _engine(address)
    try:
        with engine.begin() as connection:
            take_turns(connection)
            move_schema(connection, migrations, revision)
            if revision != "base":
                upgrade_queue(connection)
        if not is_postgresql(address):
            _write_ahead(engine)
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
    engine = create_engine(url.set(drivername="sqlite"), connect_args={"timeout": WAIT_S})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # We issue BEGIN ourselves: the driver's own leaves changes of the schema outside the transaction.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _write_ahead(engine: Engine) -> None:
    """Put the file into WAL mode, once for ever.

    Done here, before anybody opens the file: when several connections switch the mode at the same moment, SQLite lets
    none of them wait for another; it refuses all but one.
    """
    deadline = time.monotonic() + WAIT_S
    while True:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline:
                raise DatabaseError(f"The database {engine.url.database} cannot be used: {error}") from error
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
