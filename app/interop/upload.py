"""Uploaded logs: a zip archive or a folder's files, put into a temporary folder with a bound on everything.

Names come from outside: no file ever lands outside the folder, whatever it is called.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from app.interop.files import UnreadableLog, log_bytes

MAX_FILES = 20_000
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
CHUNK = 1024 * 1024


class UploadError(ValueError):
    """An upload that cannot be taken; the message says why."""


class Unpacker:
    """Writes uploaded files into *folder*, counting what it writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0
        self._bytes = 0

    def add(self, name: str, file: BinaryIO) -> None:
        """Write one file under its relative name; a zip archive is unpacked where it stands.

        Raises:
            UploadError: if it is too much, its name cannot be used, or it is a damaged archive.
        """
        if name.lower().endswith(".zip"):
            self._unpack(file)
        else:
            self._write(name, file)

    def _unpack(self, file: BinaryIO) -> None:
        try:
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    if entry.is_dir():
                        continue
                    if entry.flag_bits & 0x1:
                        raise UploadError("The archive is encrypted; upload one without a password.")
                    with archive.open(entry) as content:
                        self._write(entry.filename, content)  # type: ignore[arg-type]
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise UploadError(f"The archive is damaged or of an unknown kind: {error}.") from None

    def _write(self, name: str, file: BinaryIO) -> None:
        target = self._place(name)
        self._files += 1
        if self._files > MAX_FILES:
            raise UploadError(f"The upload has more than {MAX_FILES} files; upload it in parts.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                while chunk := file.read(CHUNK):
                    self._bytes += len(chunk)
                    if self._bytes > MAX_UNPACKED_BYTES:
                        raise UploadError("The upload unpacks to more than 1 GiB; upload it in parts.")
                    out.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise UploadError(f"'{name[:200]}' is both a file and a folder in the upload.") from None
        except OSError as error:
            raise UploadError(f"'{name[:200]}' cannot be written: {error.strerror or error}.") from None

    def _place(self, name: str) -> Path:
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".")]
        if parts in (["log_env.json"], ["log_env.json.gz"]):
            parts.insert(0, "uploaded-log")  # A log by itself has no folder that could name its run.
        if not parts or ".." in parts or any("\x00" in part or ":" in part for part in parts):
            raise UploadError(f"The upload holds a file with a name that cannot be used: '{name[:200]}'.")
        return self._folder.joinpath(*parts)


def upload_source(folder: Path) -> Callable[[Path], str]:
    """Return how runs uploaded into *folder* are told apart: by their place in the upload and their log.

    The same folder uploaded again is known; another log under the same name is another run.
    """

    def source(run: Path) -> str:
        try:
            digest = hashlib.sha256(log_bytes(run)).hexdigest()[:16]
        except UnreadableLog:
            digest = "unreadable"
        place = run.relative_to(folder.resolve()).as_posix()
        return f"upload:{place if place != '.' else 'log'}@{digest}"

    return source
