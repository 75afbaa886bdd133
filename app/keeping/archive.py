"""A backup file: a zip of parts, each some rows of a table as lines of JSON, and a manifest that names and proves them.

    data/run/000001.jsonl ...    rows, an array a line, in the order of the manifest's columns
    manifest.json                versions, tables, columns, counts, and each part's size and SHA-256

Anybody can read it with unzip. Nothing in it is ever unpacked to disk, its names are compared with those the manifest
may hold, and no part is larger than MAX_PART, so that what a stranger made can be looked at without harm.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.store.portable import ColumnShape, Name, UnreadableRow, read_rows, write_row
from app.store.transfer import Rows

FORMAT = 1
MANIFEST = "manifest.json"
PART_BYTES = 4 * 1024 * 1024
MAX_PART = 256 * 1024 * 1024
MAX_MANIFEST = 64 * 1024 * 1024
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError, ValueError)


class UnusableBackup(Exception):
    """The file is no backup this program can restore; the message says why."""


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Described):
    """One file of the archive: some rows of a table, and what proves them."""

    name: Annotated[str, StringConstraints(pattern=r"^data/[a-z][a-z0-9_]{0,62}/[0-9]{6,9}\.jsonl$")]
    rows: int = Field(ge=1)
    size: int = Field(ge=1, le=MAX_PART, description="bytes when unpacked")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class TablePart(_Described):
    """A table in the archive."""

    name: Name
    columns: tuple[ColumnShape, ...] = Field(min_length=1)
    rows: int = Field(ge=0)
    parts: tuple[Part, ...]


class Manifest(_Described):
    """What a backup says of itself. `tables` stand in an order in which rows find what they point to."""

    format: Literal[1]
    program: str = Field(max_length=40, description="version of GovSim Observatory that wrote it")
    revision: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,32}$")] = Field(description="of the schema")
    made_at: AwareDatetime
    source: str = Field(max_length=40, description="kind of database it was taken from")
    tables: tuple[TablePart, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Return the number of rows of each table."""
        return {table.name: table.rows for table in self.tables}

    @property
    def size(self) -> int:
        """Return the bytes of all rows, unpacked."""
        return sum(part.size for table in self.tables for part in table.parts)


class ArchiveWriter:
    """Writes a backup to a stream, table by table; `finish` adds the manifest, without which it is no backup."""

    def __init__(self, stream: IO[bytes], *, program: str, revision: str, made_at: datetime, source: str) -> None:
        # Rows are mostly compressed already: harder trying costs time and saves little.
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._head = {"program": program, "revision": revision, "made_at": made_at, "source": source}
        self._tables: list[TablePart] = []
        self._lines: list[bytes] = []
        self._size = 0

    def start_table(self, name: str, columns: Sequence[ColumnShape]) -> None:
        """Begin the next table."""
        self._flush()
        self._tables.append(TablePart(name=name, columns=tuple(columns), rows=0, parts=()))

    def add(self, rows: Rows) -> None:
        """Add rows to the table that was started last.

        Raises:
            UnusableBackup: if a single row is larger than a part may be.
        """
        for row in rows:
            line = write_row(row, self._tables[-1].columns)
            if len(line) > MAX_PART - PART_BYTES:
                raise UnusableBackup(f"A row of {self._tables[-1].name} is too large for a backup ({len(line)} bytes).")
            self._lines.append(line)
            self._size += len(line)
            if self._size >= PART_BYTES:
                self._flush()

    def finish(self) -> Manifest:
        """Write the manifest and end the archive; return the manifest."""
        self._flush()
        manifest = Manifest.model_validate(self._head | {"format": FORMAT, "tables": tuple(self._tables)})
        self._zip.writestr(MANIFEST, manifest.model_dump_json(indent=1))
        self._zip.close()
        return manifest

    def abandon(self) -> None:
        """Write no more: the stream has failed, or the backup is not wanted."""
        # Without this the archive would try to end itself in good order when it is thrown away.
        self._zip.fp = None

    def _flush(self) -> None:
        if not self._lines:
            return
        table = self._tables[-1]
        data = b"".join(self._lines)
        part = Part(
            name=f"data/{table.name}/{len(table.parts) + 1:06}.jsonl",
            rows=len(self._lines),
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        self._zip.writestr(part.name, data)
        self._tables[-1] = table.model_copy(update={"rows": table.rows + part.rows, "parts": (*table.parts, part)})
        self._lines, self._size = [], 0


class Archive:
    """A backup that is read: the manifest at once, rows part by part, each proved before it is given out."""

    def __init__(self, path: Path) -> None:
        """Open the backup at *path*.

        Raises:
            UnusableBackup: if it is none, or is damaged.
            OSError: if the file cannot be read.
        """
        if not path.is_file():
            raise UnusableBackup(f"There is no backup file at {path}.")
        try:
            self._zip = zipfile.ZipFile(path)
        except _BROKEN:
            raise UnusableBackup(f"{path} is not a whole backup: it was cut off, or is another kind of file.") from None
        try:
            self.manifest = self._read_manifest()
            self._compare_names()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def parts(self, table: TablePart) -> Iterator[Rows]:
        """Give the rows of *table*, part by part.

        Raises:
            UnusableBackup: if a part is not what the manifest says.
        """
        rows = 0
        for part in table.parts:
            data = self._read(part.name, part.size)
            if len(data) != part.size or hashlib.sha256(data).hexdigest() != part.sha256:
                raise UnusableBackup(f"The backup is damaged: {part.name} is not what was written.")
            try:
                found = read_rows(data, table.columns)
            except UnreadableRow as error:
                raise UnusableBackup(f"The backup cannot be read: {part.name}: {error}.") from None
            if len(found) != part.rows:
                raise UnusableBackup(f"The backup is damaged: {part.name} has {len(found)} rows, not {part.rows}.")
            rows += part.rows
            yield found
        if rows != table.rows:
            raise UnusableBackup(f"The backup is damaged: {table.name} has {rows} rows, not {table.rows}.")

    def verify(self) -> Manifest:
        """Read everything and return the manifest.

        Raises:
            UnusableBackup: if anything is not what the manifest says.
        """
        for table in self.manifest.tables:
            for _ in self.parts(table):
                pass
        return self.manifest

    def _read_manifest(self) -> Manifest:
        try:
            loaded: Any = json.loads(self._read(MANIFEST, MAX_MANIFEST))
        except (KeyError, ValueError, RecursionError):
            raise UnusableBackup("The file is no backup of GovSim Observatory: it has no manifest.") from None
        if isinstance(loaded, dict) and isinstance(loaded.get("format"), int) and loaded["format"] > FORMAT:
            raise UnusableBackup(
                f"The backup has format {loaded['format']}; this version reads up to {FORMAT}. Upgrade the program."
            )
        try:
            return Manifest.model_validate(loaded, strict=False)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise UnusableBackup(f"The backup's manifest cannot be read: {where}: {first['msg']}.") from None

    def _compare_names(self) -> None:
        tables = [table.name for table in self.manifest.tables]
        names = [part.name for table in self.manifest.tables for part in table.parts]
        expected = [f"data/{t.name}/{n:06}.jsonl" for t in self.manifest.tables for n in range(1, len(t.parts) + 1)]
        present = sorted(self._zip.namelist())
        if names != expected or len(set(tables)) != len(tables) or present != sorted([*names, MANIFEST]):
            raise UnusableBackup("The backup is damaged: its parts are not those that its manifest names.")

    def _read(self, name: str, most: int) -> bytes:
        """Return a member's bytes, one more than *most* at the most.

        Raises:
            KeyError: if there is none of this name.
        """
        info = self._zip.getinfo(name)
        try:
            with self._zip.open(info) as member:
                data = member.read(most + 1)
        except _BROKEN:
            raise UnusableBackup(f"The backup is damaged: {name} cannot be unpacked.") from None
        if len(data) > most:
            raise UnusableBackup(f"The backup cannot be read: {name} is larger than it may be.")
        return data
