"""Uploaded logs: a zip archive or a folder's files, put into a temporary folder with a bound on everything.

Names come from outside: no file ever lands outside the folder, whatever it is called. Only files that a run is read
from are written; links in archives are the text they hold.
"""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from app.interop.files import LOG_NAMES, UnreadableLog, log_bytes

MAX_FILES = 20_000
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
CHUNK = 1024 * 1024
READ = frozenset({*LOG_NAMES, "config.yaml", "source.json", "nodes.json"})
"""Names of the files that a run is read from."""

_END_OF_ARCHIVE, _END_BYTES, _COMMENT_BYTES = b"PK\x05\x06", 22, 65535
_MAX_DIRECTORY_BYTES = MAX_FILES * 512


class UploadError(ValueError):
    """An upload that cannot be taken; the message says why."""


class Unpacker:
    """Writes uploaded files into *folder*, counting what it writes.

    `left_out` is how many files it did not write, since no run is read from them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0
        self._bytes = 0
        self.left_out = 0

    def add(self, name: str, file: BinaryIO) -> None:
        """Write one file under its relative name; a zip archive is unpacked where it stands.

        Raises:
            UploadError: if it is too much, its name cannot be used, or it is a damaged archive.
        """
        if name.lower().endswith(".zip"):
            self._unpack(PurePosixPath(name.replace("\\", "/")), file)
        else:
            self._write(name, file)

    def _unpack(self, place: PurePosixPath, file: BinaryIO) -> None:
        _check_directory(file)
        try:
            with zipfile.ZipFile(file) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                # A run packed without its folder is named after the archive.
                bare = any(entry.filename in LOG_NAMES for entry in entries)
                within = place.with_suffix("") if bare else place.parent
                for entry in entries:
                    if entry.flag_bits & 0x1:
                        raise UploadError("The archive is encrypted; upload one without a password.")
                    with archive.open(entry) as content:
                        self._write(f"{within}/{entry.filename}", content)  # type: ignore[arg-type]
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise UploadError(f"The archive is damaged or of an unknown kind: {error}.") from None

    def _write(self, name: str, file: BinaryIO) -> None:
        target = self._place(name)
        self._files += 1
        if self._files > MAX_FILES:
            raise UploadError(f"The upload has more than {MAX_FILES} files; upload it in parts.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.name not in READ:
                self.left_out += 1
                return
            with target.open("xb") as out:
                while chunk := file.read(CHUNK):
                    self._bytes += len(chunk)
                    if self._bytes > MAX_UNPACKED_BYTES:
                        raise UploadError("The upload unpacks to more than 1 GiB; upload it in parts.")
                    out.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise UploadError(f"'{name[:200]}' is in the upload twice, or both a file and a folder.") from None
        except OSError as error:
            raise UploadError(f"'{name[:200]}' cannot be written: {error.strerror or error}.") from None

    def _place(self, name: str) -> Path:
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".")]
        if parts in (["log_env.json"], ["log_env.json.gz"]):
            parts.insert(0, "uploaded-log")  # A log by itself has no folder that could name its run.
        if not parts or ".." in parts or any("\x00" in part or ":" in part for part in parts):
            raise UploadError(f"The upload holds a file with a name that cannot be used: '{name[:200]}'.")
        return self._folder.joinpath(*parts)


def _check_directory(file: BinaryIO) -> None:
    """Refuse an archive that lists absurdly many files before the list is read into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_BYTES - _COMMENT_BYTES))
    tail = file.read()
    file.seek(0)
    end = tail[tail.rfind(_END_OF_ARCHIVE) :][:_END_BYTES] if _END_OF_ARCHIVE in tail else b""
    if len(end) == _END_BYTES and int.from_bytes(end[12:16], "little") > _MAX_DIRECTORY_BYTES:
        raise UploadError(f"The archive lists more than {MAX_FILES} files; upload it in parts.")


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
