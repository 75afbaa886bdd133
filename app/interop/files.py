"""Finds the run folders of the research code on disk and reads their files, with a bound on everything."""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

MAX_LOG_BYTES = 64 * 1024 * 1024
MAX_MEMORY_BYTES = 32 * 1024 * 1024
MAX_SETTINGS_BYTES = 256 * 1024
MAX_FOLDERS = 200_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

LOG_NAMES = ("log_env.json", "log_env.json.gz")


class UnreadableLog(Exception):
    """A log cannot be imported; the message is one sentence that names its folder and says why."""


class NothingToImport(ValueError):
    """A path holds no run at all; the message says what a path may be."""


def find_logs(paths: Iterable[Path | str]) -> list[Path]:
    """Return the run folders under *paths*, each once, sorted within a path.

    A path may be a run folder, a folder of runs at any depth, or a `log_env.json` (also `.gz`) file. A folder that
    clearly was a run but has no log is returned too: `read_log` says what is missing, so that it is named.

    Raises:
        NothingToImport: if a path does not exist, or holds no run.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        try:
            folders = _folders_of(path)
        except (OSError, ValueError) as error:
            if isinstance(error, NothingToImport):
                raise
            raise NothingToImport(f"{path} cannot be read: {error}.") from error
        if not folders:
            raise NothingToImport(f"There is no run in {path}: no folder there has a log_env.json.")
        found |= dict.fromkeys(folders)
    return list(found)


def _folders_of(path: Path) -> list[Path]:
    if path.is_dir():
        return _run_folders(path.resolve())
    if not path.exists():
        raise NothingToImport(f"{path} does not exist.")
    if path.name not in LOG_NAMES:
        raise NothingToImport(f"{path} is no log: name a run folder, a folder of runs or a log_env.json file.")
    return [path.resolve().parent]


def _run_folders(top: Path) -> list[Path]:
    found = []
    for count, (name, folders, files) in enumerate(os.walk(top)):
        if count >= MAX_FOLDERS:
            raise NothingToImport(f"{top} has more than {MAX_FOLDERS} folders: name the folder of the runs.")
        folder = Path(name)
        if any(log in files for log in LOG_NAMES) or _was_a_run(folder, folders, files):
            found.append(folder)
            folders.clear()
        # Hidden folders hold no runs of their own; `.hydra` belongs to the run above it.
        folders[:] = sorted(item for item in folders if not item.startswith("."))
    return sorted(found)


def _was_a_run(folder: Path, folders: list[str], files: list[str]) -> bool:
    """Tell whether a folder without a log has what else a run has. `conf` is where the research code keeps settings."""
    if any(name.startswith("persona_") and (folder / name / "nodes.json").is_file() for name in folders):
        return True
    if folder.name == "conf" or any(not name.startswith(("persona_", ".")) for name in folders):
        return False
    return "source.json" in files or "config.yaml" in files or (folder / ".hydra" / "config.yaml").is_file()


def log_bytes(folder: Path) -> bytes:
    """Return the log of a run folder, uncompressed.

    Raises:
        UnreadableLog: if there is none, it cannot be read or unpacked, or it is absurdly large.
    """
    plain, packed = (folder / name for name in LOG_NAMES)
    path = plain if plain.is_file() else packed
    if not path.is_file():
        raise UnreadableLog(f"has {_what_there_is(folder)} but no log_env.json")
    try:
        with gzip.open(path) if path == packed else path.open("rb") as file:
            data = file.read(MAX_LOG_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableLog(f"{path.name} is cut off or damaged: it cannot be unpacked") from None
    except OSError as error:
        raise UnreadableLog(f"{path.name} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_LOG_BYTES:
        raise UnreadableLog(f"{path.name} is larger than {MAX_LOG_BYTES // 1024**2} MiB")
    return data


def _what_there_is(folder: Path) -> str:
    if any(folder.glob("persona_*/nodes.json")):
        return "memories"
    if (folder / "config.yaml").is_file() or (folder / ".hydra" / "config.yaml").is_file():
        return "a configuration"
    return "a source.json" if (folder / "source.json").is_file() else "nothing of a run"


def side_bytes(path: Path, most: int = MAX_SETTINGS_BYTES) -> bytes | None:
    """Return the content of a file beside the log, at most *most* bytes, or None if there is none.

    Raises:
        UnreadableLog: if it cannot be read, or is absurdly large.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UnreadableLog(f"{path.name} cannot be read: {error.strerror or error}") from error
    if len(data) > most:
        raise UnreadableLog(f"{path.name} is larger than {most // 1024} KiB")
    return data


def parse_json(data: bytes, what: str) -> Any:
    """Return the value of a JSON text; NaN and infinity, which JSON does not have, are refused.

    Raises:
        UnreadableLog: if it is no JSON; *what* names the file.
    """
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise UnreadableLog(f"{what} is not valid JSON (line {error.lineno}: {error.msg})") from None
    except UnicodeDecodeError:
        raise UnreadableLog(f"{what} is not UTF-8 text") from None
    except RecursionError:
        raise UnreadableLog(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise UnreadableLog(f"{what} holds a number that is none ({error})") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def clean(text: str) -> str:
    """Return *text* without NUL characters and lone surrogates, which no database keeps: each becomes U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def label(text: str) -> str:
    """Return *text* fit to stand in the midst of our sentences.

    Characters that control the line or the direction of what follows become U+FFFD too.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", clean(text).strip())
