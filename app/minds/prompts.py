"""Prompt sets: folders of small templates, one for each piece of a message, and a `set.toml` that names the set.

A set is identified by a hash over its file names and texts and can be rebuilt from those alone, so that a run stored
with its set can be resumed after the folder has changed. A template can use `words` (the scenario's words) and the
variables of its piece listed in `PIECES`; `game` is what the rules may tell (`wording.Facts`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.commons.frozen import Frozen, content_hash
from app.models.base import Segment, SegmentKind

SET_FILE = "set.toml"
ENDING = ".txt"
COMMON_VARIABLES = frozenset({"words"})

PARAGRAPH = "\n\n"
LINE = "\n"


class PromptError(ValueError):
    """A prompt set that cannot be used; the message names the set, the file and what to change."""


@dataclass(frozen=True)
class Piece:
    """One kind of segment: its kind in the record, the variables its template may use, what separates it."""

    kind: SegmentKind
    variables: frozenset[str] = frozenset()
    before: str = PARAGRAPH
    optional: bool = False
    """Only some conditions need it: a set without it can be used under the others."""


def _piece(kind: SegmentKind, *variables: str, before: str = PARAGRAPH, optional: bool = False) -> Piece:
    return Piece(kind, frozenset(variables), before, optional)


PIECES: Mapping[str, Piece] = {
    "identity": _piece("system", "name", "game"),
    "identity_framework": _piece("system"),
    "rules": _piece("rules", "game"),
    "setting_harvest": _piece("situation", "date"),
    "setting_talk": _piece("situation", "date", "others"),
    "setting_after_talk": _piece("situation", "date", "others"),
    "setting_home": _piece("situation", "date"),
    "setting_framework": _piece("situation", "date", "everybody"),
    "memories": _piece("situation"),
    "memory": _piece("memory", "mark", "date", "text", before=LINE),
    "talk": _piece("situation"),
    "talk_so_far": _piece("situation"),
    "talk_opens": _piece("situation"),
    "line": _piece("talk", "speaker", "text", before=LINE),
    "ask_harvest": _piece("task", "high"),
    "ask_utterance": _piece("task", "name", "everybody"),
    "ask_planning": _piece("task", "name"),
    "ask_interesting": _piece("task", "name"),
    "ask_rating": _piece("task"),
    "statement": _piece("memory", "text"),
    "ask_insight": _piece("task", "count", "example"),
    "ask_summary": _piece("task"),
    "ask_limit": _piece("task"),
    "again_number": _piece("reminder"),
    "again_rating": _piece("reminder"),
    "again_utterance": _piece("reminder", "everybody"),
    "again_sentence": _piece("reminder"),
    "again_insight": _piece("reminder", "example"),
    "again_limit": _piece("reminder"),
    "no_reply": _piece("reminder"),
    "told_talk": _piece("memory", "everybody", "summary"),
    "persona": _piece("system", "description", "goals", optional=True),
    "rules_individual": _piece("rules", optional=True),
    "rules_observed": _piece("rules", optional=True),
    "rules_disclosed": _piece("rules", "months", "collapse", "allocation", optional=True),
}  # fmt: skip


class _SetInfo(Frozen):
    name: str
    version: str
    description: str


class PromptSet:
    """A named set of templates, compiled once; rendering has no side effects."""

    def __init__(self, name: str, files: Mapping[str, str]) -> None:
        """Check and compile the set called *name*; use `load` or `from_files`.

        Raises:
            PromptError: if a file is missing, cannot be compiled or uses a variable that nobody fills in.
        """
        self.name = name
        self.files: dict[str, str] = dict(sorted(files.items()))
        self._info = self._read_info()
        self.version = self._info.version
        self.description = self._info.description
        environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(self.files), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
        )
        self._templates = {}
        for piece_name, piece in PIECES.items():
            file = piece_name + ENDING
            if file not in self.files and piece.optional:
                continue
            if file not in self.files:
                raise PromptError(f"The prompt set '{name}' has no file '{file}'. Add it, or copy it from 'base'.")
            try:
                used = meta.find_undeclared_variables(environment.parse(self.files[file]))
                self._templates[piece_name] = environment.get_template(file)
            except TemplateError as error:
                raise PromptError(f"The prompt set '{name}' has an error in '{file}': {error}.") from error
            if unknown := sorted(used - piece.variables - COMMON_VARIABLES):
                known = ", ".join(sorted(piece.variables | COMMON_VARIABLES))
                raise PromptError(
                    f"The prompt set '{name}' uses '{unknown[0]}' in '{file}', which nobody fills in. "
                    f"There you can use: {known}."
                )

    @classmethod
    def load(cls, folder: Path) -> "PromptSet":
        """Read the set kept in *folder*; it is called as the folder is.

        Raises:
            PromptError: if the folder is no usable prompt set.
        """
        if not (folder / SET_FILE).is_file():
            raise PromptError(
                f"There is no prompt set '{folder.name}': no file '{SET_FILE}' in the folder of that name."
            )
        try:
            paths = [folder / SET_FILE, *folder.glob("*" + ENDING)]
            files = {path.name: path.read_text(encoding="utf-8") for path in paths}
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(f"The prompt set '{folder.name}' cannot be read: {error}.") from error
        return cls(folder.name, files)

    @classmethod
    def from_files(cls, name: str, files: Mapping[str, str]) -> "PromptSet":
        """Rebuild a set from its name and the texts of its files, as `files` gave them.

        Raises:
            PromptError: if they are no usable prompt set.
        """
        return cls(name, files)

    @cached_property
    def hash(self) -> str:
        """The SHA-256 over the names and texts of the files, as 64 hexadecimal digits."""
        return content_hash(self.files)

    def render(self, piece_name: str, **variables: Any) -> str:
        """Return the text of a piece, without white space around it.

        Raises:
            PromptError: if there is no such piece, or its template uses something that is not there.
        """
        template = self._templates.get(piece_name)
        if template is None and piece_name in PIECES:
            raise PromptError(
                f"The prompt set '{self.name}' has no file '{piece_name}{ENDING}', which this condition needs. "
                "Add it, or copy it from 'base'."
            )
        if template is None:
            raise PromptError(f"The prompt set '{self.name}' knows no piece '{piece_name}'.")
        try:
            return template.render(variables).strip()
        except UndefinedError as error:
            raise PromptError(
                f"The prompt set '{self.name}' cannot fill in '{piece_name}{ENDING}': {error.message}."
            ) from error
        except Exception as error:  # a template is data from outside: whatever it trips over is its error
            raise PromptError(
                f"The prompt set '{self.name}' has an error in '{piece_name}{ENDING}': {error}."
            ) from error

    def segment(self, piece_name: str, *, memory: int | None = None, first: bool = False, **variables: Any) -> Segment:
        """Return a rendered piece as a segment: with the separator of its kind before it, unless it comes *first*."""
        text = self.render(piece_name, **variables)
        piece = PIECES[piece_name]
        return Segment(kind=piece.kind, text=text if first else piece.before + text, memory=memory)

    def _read_info(self) -> _SetInfo:
        try:
            return _SetInfo.model_validate(tomllib.loads(self.files[SET_FILE]))
        except KeyError:
            raise PromptError(f"The prompt set '{self.name}' has no file '{SET_FILE}'.") from None
        except ValueError as error:
            raise PromptError(
                f"The file '{SET_FILE}' of the prompt set '{self.name}' must hold name, version and description "
                f"as texts: {error}"
            ) from error
