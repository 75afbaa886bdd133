"""Where prompt sets lie: folders of sets, the user's first. A set that extends another is read whole."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.commons.frozen import content_hash
from app.minds.prompts import ENDING, PIECES, SET_FILE, PromptError, PromptSet, read_info
from app.minds.set_words import WORDS_FILE

SET_NAME = re.compile(r"[a-z0-9_-]{1,60}")
"""How a set may be called; the same as in the configuration of a mind."""


Compile = Callable[[str, Mapping[str, str]], PromptSet]
"""Makes a set of its name and files; raises PromptError where they are none."""


class CompiledSets:
    """Compiles a set once for what its files say: whoever shows sets again and again keeps one of these."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, PromptSet]] = {}

    def __call__(self, name: str, files: Mapping[str, str]) -> PromptSet:
        """Return the set; the one made last time, unless its files have changed since.

        Raises:
            PromptError: if the files are no usable set.
        """
        digest = content_hash(dict(files))
        known = self._last.get(name)
        if known is None or known[0] != digest:
            known = self._last[name] = (digest, PromptSet(name, files))
        return known[1]


@dataclass(frozen=True)
class FoundSet:
    """A folder that is meant to be a prompt set: what it holds itself, and the set, or why it cannot be used."""

    name: str
    folder: Path
    own: tuple[str, ...]
    extends: str | None
    prompts: PromptSet | None
    problem: str | None


def load_set(folders: Sequence[Path], name: str, compiled: Compile = PromptSet) -> PromptSet:
    """Return the set called *name*, made by *compiled*; the first of *folders* that has one wins.

    Raises:
        PromptError: if there is none, or it cannot be used.
    """
    folder = next((folder / name for folder in folders if (folder / name).is_dir()), None)
    if folder is None or not SET_NAME.fullmatch(name):
        known = ", ".join(sorted(_named(folders)))
        raise PromptError(f"There is no prompt set '{name}'. Choose one of: {known}.")
    return load_folder(folder, folders, compiled)


def load_folder(folder: Path, folders: Sequence[Path] = (), compiled: Compile = PromptSet) -> PromptSet:
    """Return the set kept in *folder*, called as the folder is; sets it extends are looked for in *folders* and beside.

    Raises:
        PromptError: if it cannot be used; the message names the file.
    """
    return compiled(folder.name, _all_files(folder, (*folders, folder.parent), ()))


def find_sets(folders: Sequence[Path], compiled: Compile = PromptSet) -> list[FoundSet]:
    """Return the sets of all *folders* by name, made by *compiled*, also those that cannot be used."""
    return [_look(folder, folders, compiled) for _, folder in sorted(_named(folders).items())]


def new_set(source: PromptSet, folder: Path) -> Path:
    """Write all files of *source* into the new folder *folder*, whose name is the new set's, and return it.

    Raises:
        PromptError: if the folder exists, or its name cannot be a set's.
    """
    if not SET_NAME.fullmatch(folder.name):
        raise PromptError(f"'{folder.name}' is no name for a prompt set: use small letters, digits, - and _.")
    if folder.exists():
        raise PromptError(f"{folder} exists already. Choose another name; nothing is overwritten.")
    folder.mkdir(parents=True)
    said = f"A copy of {source.name}, version {source.version}."
    info = f'name = "{folder.name}"\nversion = "1"\ndescription = "{said}"\n'
    for file, text in (source.files | {SET_FILE: info}).items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
            if entry.is_dir() and not entry.name.startswith((".", "_")):
                found.setdefault(entry.name, entry)
    return found


def _look(folder: Path, folders: Sequence[Path], compiled: Compile) -> FoundSet:
    own: tuple[str, ...] = ()
    extends, prompts, problem = None, None, None
    try:
        files = _own_files(folder)
        own = tuple(files)
        extends = read_info(folder.name, files).extends
        prompts = load_folder(folder, folders, compiled)
    except PromptError as error:
        problem = str(error)
    return FoundSet(folder.name, folder, own, extends, prompts, problem)


def _all_files(folder: Path, folders: Sequence[Path], within: tuple[Path, ...]) -> dict[str, str]:
    """Return the files of the set in *folder* over those of the set it extends. *within* are the sets extending it."""
    files = _own_files(folder)
    extends = read_info(folder.name, files).extends
    if extends is None:
        return files
    # A set of one's own may carry the name of the one it extends.
    within = (*within, folder.resolve())
    candidates = (place / extends for place in folders if SET_NAME.fullmatch(extends))
    others = [other for other in candidates if other.is_dir() and other.resolve() not in within]
    if not others:
        raise PromptError(
            f"The prompt set '{folder.name}' extends '{extends}', which is not there or extends it in turn. "
            f"Name a set of `govsim prompts list` in '{SET_FILE}'."
        )
    return _all_files(others[0], folders, within) | files


def _own_files(folder: Path) -> dict[str, str]:
    if not (folder / SET_FILE).is_file():
        raise PromptError(f"There is no prompt set '{folder.name}': no file '{SET_FILE}' in the folder of that name.")
    try:
        return {path.name: path.read_text(encoding="utf-8") for path in _set_files(folder)}
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"The prompt set '{folder.name}' cannot be read: {error}.") from error


def _set_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in (SET_FILE, WORDS_FILE) or (path.suffix == ENDING and path.stem in PIECES):
            yield path
        elif path.suffix in (ENDING, ".toml"):
            # A misspelt name would otherwise leave the base set's text in place, unnoticed.
            names = ", ".join(sorted(PIECES))
            raise PromptError(
                f"The prompt set '{folder.name}' has a file '{path.name}' that nobody reads. Texts are called: {names}."
            )
