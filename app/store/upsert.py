"""`INSERT ... ON CONFLICT`, which SQLite and PostgreSQL both speak and SQLAlchemy spells once for each."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_into(connection: AsyncConnection, table: Any) -> postgresql.Insert | sqlite.Insert:
    """Return an `INSERT` into *table* that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
