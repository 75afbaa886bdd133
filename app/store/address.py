"""Database addresses: which we speak to, how they are shown, and what is said when nobody answers there."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

EXAMPLES = "sqlite:///runs.db or postgresql://user:password@host/database"
SECRETS = ("password", "sslpassword")


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


def database_url(text: str) -> URL:
    """Return *text* as a URL of `sqlite` or `postgresql`, with the driver that we use.

    Raises:
        DatabaseError: if it is no database URL, or names a database we do not speak to.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseError(f"GOVSIM_DATABASE_URL is not a database URL; write for example {EXAMPLES}") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    if backend not in ("postgresql", "postgres"):
        raise DatabaseError(f"GOVSIM_DATABASE_URL names '{backend}'; runs can be stored in {EXAMPLES}")
    if (url.host and ("@" in url.host or "%40" in url.host)) or "@" in (url.database or ""):
        # Part of a password would be taken for the server's name, and shown.
        raise DatabaseError(
            "GOVSIM_DATABASE_URL holds more than one '@': write special characters of the password percent-encoded "
            "('@' as %40, '/' as %2F, ':' as %3A)."
        )
    if not url.database:
        raise DatabaseError("GOVSIM_DATABASE_URL names no database: postgresql://user:password@host/database")
    return url.set(drivername="postgresql+psycopg")


def is_postgresql(url: URL) -> bool:
    """Tell whether the address is one of PostgreSQL."""
    return url.get_backend_name() == "postgresql"


def missing_file(address: str) -> str | None:
    """Say that the file of a SQLite database is not there, else nothing: opening it would make it.

    Raises:
        DatabaseError: as `database_url`.
    """
    url = database_url(address)
    if is_postgresql(url) or Path(url.database or "").is_file():
        return None
    return f"There is no database at {url.database}."


def shown(address: str | URL) -> str:
    """Return an address as people may see it: without its password and the name of a driver.

    Raises:
        DatabaseError: as `database_url`.
    """
    url = database_url(address) if isinstance(address, str) else address
    hidden = {name: "***" for name in SECRETS if name in url.query}
    return (
        url.set(drivername=url.get_backend_name())
        .update_query_dict(hidden)
        .render_as_string(hide_password=True)
        .replace("%2A%2A%2A", "***")
    )


def make_folder(url: URL) -> None:
    """Make the folder of a SQLite file if it is missing.

    Raises:
        DatabaseError: if it cannot be made.
    """
    if is_postgresql(url) or not url.database or url.database == ":memory:":
        return
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"The folder of {url.database} cannot be made: {error.strerror}") from error


def refusal(url: URL, error: SQLAlchemyError) -> DatabaseError:
    """Return what to tell the operator about a database that could not be opened, never with a password."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    if url.password:
        said = said.replace(str(url.password), "***")
    if not is_postgresql(url):
        return DatabaseError(f"The database {url.database} cannot be used: {said}")
    where, state = shown(url), getattr(getattr(error, "orig", None), "sqlstate", None)
    server = url.host or "this machine"
    if state == "3D000" or (state is None and f'database "{url.database}" does not exist' in said):
        return DatabaseError(f"There is no database '{url.database}' on {server}. Make it: createdb {url.database}")
    if state in ("28P01", "28000") or "password" in said:
        user = f" for user '{url.username}'" if url.username else ""
        return DatabaseError(
            f"The database server on {server} refused the login{user}. "
            "Check the user and the password in GOVSIM_DATABASE_URL."
        )
    if state is None:
        return DatabaseError(
            f"No database server answers at {where} ({said}). "
            "Check that PostgreSQL runs there, and the host and the port in GOVSIM_DATABASE_URL."
        )
    return DatabaseError(f"The database {where} cannot be used: {said}")
