"""Prompt sets: folders of small templates, one for each piece of a message, and a `set.toml` that names the set.

A set is identified by a hash over its file names and texts and can be rebuilt from those alone, so that a run stored
with its set can be resumed after the folder has changed. A template can use `words` (the scenario's words) and the
variables of its piece listed in `PIECES`; `game` is what the rules may tell (`wording.Facts`). A set may put the words
of scenarios in its own way (`set_words`), and may extend another: it then holds only the files that differ, but is
always kept and hashed whole (`prompt_folders`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationError

from app.commons.frozen import Frozen, content_hash
from app.commons.scenario import Scenario
from app.minds.set_words import WORDS_FILE, in_words, read_words
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
    "ask_ratings": _piece("task", "count"),
    "numbered_statement": _piece("memory", "number", "text", before=LINE),
    "ask_insight": _piece("task", "count", "example"),
    "ask_summary": _piece("task"),
    "ask_limit": _piece("task"),
    "again_number": _piece("reminder"),
    "again_rating": _piece("reminder"),
    "again_ratings": _piece("reminder", "count"),
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


class SetInfo(Frozen):
    """What `set.toml` says; `extends` names the set whose files stand in for those that this one does not have."""

    name: str
    version: str
    description: str
    extends: str | None = None


def read_info(name: str, files: Mapping[str, str]) -> SetInfo:
    """Return what the `set.toml` of the set called *name* says.

    Raises:
        PromptError: if it is missing or says something else than it should.
    """
    if SET_FILE not in files:
        raise PromptError(f"The prompt set '{name}' has no file '{SET_FILE}'.")
    try:
        return SetInfo.model_validate(tomllib.loads(files[SET_FILE]))
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"The file '{SET_FILE}' of the prompt set '{name}' is no TOML: {error}.") from None
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in problem["loc"])
        what = {"extra_forbidden": "is unknown there", "missing": "is missing"}.get(problem["type"], "must be a text")
        raise PromptError(
            f"The file '{SET_FILE}' of the prompt set '{name}' must hold name, version and description as texts, "
            f"and extends where it extends another set: '{key}' {what}."
        ) from None


class PromptSet:
    """A named set of templates, compiled once; rendering has no side effects."""

    def __init__(self, name: str, files: Mapping[str, str]) -> None:
        """Check and compile the set called *name*, given all its files; `prompt_folders` reads them from folders.

        Raises:
            PromptError: if a file is missing, cannot be compiled or uses a variable that nobody fills in.
        """
        self.name = name
        self.files: dict[str, str] = dict(sorted(files.items()))
        info = read_info(name, self.files)
        self.version = info.version
        self.description = info.description
        self._words = self._read_words()
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
                template = environment.get_template(file)
                # Every rendering copies the globals, which are a chain of mappings: slow to copy unless it is a dict.
                template.globals = dict(template.globals)
                self._templates[piece_name] = template
            except TemplateError as error:
                raise PromptError(f"The prompt set '{name}' has an error in '{file}': {error}.") from error
            if unknown := sorted(used - piece.variables - COMMON_VARIABLES):
                known = ", ".join(sorted(piece.variables | COMMON_VARIABLES))
                raise PromptError(
                    f"The prompt set '{name}' uses '{unknown[0]}' in '{file}', which nobody fills in. "
                    f"There you can use: {known}."
                )

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

    def in_words(self, scenario: Scenario) -> Scenario:
        """Return *scenario* with this set's words where it has its own."""
        return in_words(scenario, self._words)

    def _read_words(self) -> dict[str, dict[str, str]]:
        try:
            return read_words(self.files[WORDS_FILE]) if WORDS_FILE in self.files else {}
        except ValueError as error:
            raise PromptError(f"The file '{WORDS_FILE}' of the prompt set '{self.name}' is wrong. {error}") from None
