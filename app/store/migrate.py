"""Bring a database to the current schema (Alembic)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError as SqlDatabaseError

from app.store.connect import DatabaseError, database_url


def upgrade(url: str, migrations: Path, revision: str = "head") -> None:
    """Create or upgrade the schema of the database at *url*.

    Args:
        url: a database URL.
        migrations: the folder with `env.py` and `versions/`.
        revision: where to go; `head` is the current schema, `base` an empty database.

    Raises:
        DatabaseError: if the database cannot be opened, is full, or is newer than this program.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    sync_url = database_url(url).set(drivername="sqlite")
    if sync_url.database and sync_url.database != ":memory:":
        try:
            Path(sync_url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"The folder of {sync_url.database} cannot be made: {error.strerror}") from error
    engine = create_engine(sync_url, connect_args={"timeout": 30})
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            if revision == "base":
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
    except SqlDatabaseError as error:
        raise DatabaseError(f"The database {sync_url.database} cannot be used: {error.orig}") from error
    except CommandError as error:
        raise DatabaseError(
            f"The database {sync_url.database} does not fit this version of GovSim Observatory ({error}). "
            "Upgrade the program, or name another database in GOVSIM_DATABASE_URL."
        ) from error
    finally:
        engine.dispose()
