"""Rows as JSON that any database and any later version can read back: seven kinds of value, exact both ways."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from app.store.transfer import Rows
from app.store.types import UtcDateTime, Words

Kind = Literal["text", "whole", "real", "truth", "bytes", "moment", "json"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]

# The first that fits: a Boolean is looked for before the Integer that some databases make of it.
_TYPES: Sequence[tuple[type[TypeEngine[Any]], Kind]] = (
    (UtcDateTime, "moment"),
    (JSON, "json"),
    (LargeBinary, "bytes"),
    (Boolean, "truth"),
    (Integer, "whole"),
    (Float, "real"),
    (String, "text"),
)
_STORED: dict[Kind, TypeEngine[Any]] = {
    "text": Words(),
    "whole": BigInteger(),
    "real": Float(53),
    "truth": Boolean(),
    "bytes": LargeBinary(),
    "moment": UtcDateTime(),
    "json": JSON(none_as_null=True),
}


class UnreadableRow(ValueError):
    """A line is not a row of its table; the message says why."""


class ColumnShape(BaseModel):
    """A column's name and the kind of its values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Kind


def shape_of(table: Table) -> tuple[ColumnShape, ...]:
    """Return the columns of *table*, in order."""
    return tuple(ColumnShape(name=column.name, kind=_kind(column.type)) for column in table.columns)


def table_of(name: str, columns: Sequence[ColumnShape]) -> Table:
    """Return a table that rows of these columns can be inserted into, whatever version of the schema it belongs to."""
    return Table(name, MetaData(), *(Column(column.name, _STORED[column.kind]) for column in columns))


def write_row(row: dict[str, Any], columns: Sequence[ColumnShape]) -> bytes:
    """Return *row* as one line of JSON: an array in the order of *columns*."""
    values = [_WRITE[column.kind](row[column.name]) for column in columns]
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def read_rows(data: bytes, columns: Sequence[ColumnShape]) -> Rows:
    """Return the rows that `write_row` wrote, line by line.

    Raises:
        UnreadableRow: if a line is no JSON array, or a value is not of its column's kind.
    """
    return [_read_row(line, columns) for line in data.splitlines()]


def _read_row(line: bytes, columns: Sequence[ColumnShape]) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise UnreadableRow("a line is no JSON") from None
    if not isinstance(values, list) or len(values) != len(columns):
        raise UnreadableRow(f"a line is no array of {len(columns)} values")
    row = {}
    for column, value in zip(columns, values, strict=True):
        try:
            row[column.name] = None if value is None else _READ[column.kind](value)
        except (TypeError, ValueError, OverflowError):
            raise UnreadableRow(f"a value of {column.name} is not of the kind {column.kind}") from None
    return row


def _kind(column_type: TypeEngine[Any]) -> Kind:
    for found, kind in _TYPES:
        if isinstance(column_type, found):
            return kind
    if isinstance(column_type, TypeDecorator):
        return _kind(column_type.impl_instance)
    raise TypeError(f"no portable kind for the column type {column_type!r}")


def _same(value: Any) -> Any:
    return value


def _of(*types: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # bool is an int to Python, not to a database.
        if type(value) not in types:
            raise TypeError
        return value

    return check


def _read_whole(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise TypeError
    return value


def _read_real(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError
    return float(value)


def _write_bytes(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _read_bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError from error


def _write_moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat()


def _read_moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment


_WRITE: dict[Kind, Callable[[Any], Any]] = dict.fromkeys(("text", "whole", "real", "truth", "json"), _same)
_WRITE |= {"bytes": _write_bytes, "moment": _write_moment}
_READ: dict[Kind, Callable[[Any], Any]] = {
    "text": _of(str),
    "whole": _read_whole,
    "real": _read_real,
    "truth": _of(bool),
    "bytes": _read_bytes,
    "moment": _read_moment,
    "json": _same,
}
