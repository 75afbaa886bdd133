"""The database's clock: the one that processes on several machines agree on."""

from datetime import datetime

from sqlalchemy import ColumnElement, func

from app.store.types import UtcDateTime


def database_now() -> ColumnElement[datetime]:
    """Return the expression for this moment as the database sees it (whole seconds on SQLite)."""
    return func.now(type_=UtcDateTime())
