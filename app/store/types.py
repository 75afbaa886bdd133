"""Column types that keep the same values on SQLite and PostgreSQL.

SQLite enforces no length, stores any character and keeps whole numbers in 64 bits whatever a column is called;
PostgreSQL takes each declaration at its word. These types give PostgreSQL columns that take what SQLite takes.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

Whole = BigInteger().with_variant(Integer(), "sqlite")
"""A whole number of 64 bits."""

# PostgreSQL stores no U+0000. A character that no text may use for itself marks where one was.
MARK = "\ufdd0"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware in Python; SQLite keeps it without a zone, PostgreSQL answers in the server's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse moments without a zone, and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware moment in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text. *length* says how long it is meant to be; nobody is refused for more.

    On PostgreSQL it is compared byte by byte as on SQLite, so that lists have one order, and U+0000 is written with a
    mark in its place and read back as itself.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column: without a length on PostgreSQL."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(String(collation="C"))
        return dialect.type_descriptor(Text() if self.length is None else String(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write U+0000 so that PostgreSQL takes it."""
        if value is None or dialect.name != "postgresql" or ("\0" not in value and MARK not in value):
            return value
        return value.replace(MARK, MARK + "1").replace("\0", MARK + "0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Read back what was written."""
        if value is None or dialect.name != "postgresql" or MARK not in value:
            return value
        return value.replace(MARK + "0", "\0").replace(MARK + "1", MARK)
