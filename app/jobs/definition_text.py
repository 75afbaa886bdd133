"""Definitions as TOML: a strict reader that says where something is wrong, and one canonical text."""

import hashlib
import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from app.commons.toml_text import toml_text
from app.jobs.complaints import complaint
from app.jobs.definition import Definition
from app.jobs.launch_plan import LaunchError

MAX_CHARS = 100_000
NOT_SENT = "none"
"""How a parameter of sampling that is not sent is written: TOML has no null."""
_NULLABLE = ("temperature", "top_p")
# Always written, even where they stand at their default: they are what an experiment is.
_CORE = {"name", "scenarios", "conditions", "seeds", "order_seed", "models"}
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]#]+?)\s*\]")
_ASSIGNED = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9_.-]+)\s*=")


class DefinitionError(LaunchError):
    """A definition that is not right: a sentence for each place, such as `settings.months` ("" for the whole)."""


def write_definition(definition: Definition) -> str:
    """Return the canonical TOML of *definition*: what stands at its default is left out, except what a grid is."""
    data = definition.model_dump(mode="json", exclude_defaults=True)
    core = definition.model_dump(mode="json", include=_CORE)
    ordered = {name: core.get(name, data.get(name)) for name in Definition.model_fields}
    given = definition.settings.model_dump()
    for name in _NULLABLE:
        if given[name] is None:
            ordered["settings"] = (ordered["settings"] or {}) | {name: NOT_SENT}
    return toml_text(ordered)


def definition_hash(definition: Definition) -> str:
    """Return the SHA-256 of the canonical text, as 64 hexadecimal digits."""
    return text_hash(write_definition(definition))


def text_hash(text: str) -> str:
    """Return the SHA-256 of a definition's text, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_definition(text: str | bytes) -> Definition:
    """Read a definition from TOML.

    Raises:
        DefinitionError: naming each wrong place by its key, its table and its line.
    """
    if len(text) > MAX_CHARS:
        raise DefinitionError({"": f"A definition is at most {MAX_CHARS:,} characters long."})
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        data = tomllib.loads(plain)
    except UnicodeDecodeError:
        raise DefinitionError({"": "The definition is no text in UTF-8."}) from None
    except RecursionError:
        raise DefinitionError({"": "The definition is nested too deeply."}) from None
    except ValueError as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number is too long"
        raise DefinitionError({"": f"The definition is no TOML: {reason[:200]}."}) from None
    settings = data.get("settings")
    if isinstance(settings, dict):
        for name in _NULLABLE:
            if settings.get(name) == NOT_SENT:
                settings[name] = None
    return definition_from(data, plain)


def definition_from(data: Any, text: str = "") -> Definition:
    """Make a definition of plain data (JSON, or TOML whose *text* tells the lines).

    Raises:
        DefinitionError: naming each wrong place.
    """
    try:
        # As JSON, where lists are tuples too; strictly, so that true is no number and "3" is none.
        return Definition.model_validate_json(json.dumps(data), strict=True)
    except (TypeError, RecursionError):
        raise DefinitionError({"": "A definition holds texts, numbers, lists and tables, and nothing else."}) from None
    except ValidationError as error:
        fields: dict[str, str] = {}
        for problem in error.errors(include_url=False, include_input=False)[:20]:
            place = place_of(problem["loc"])
            line = line_of(text, problem["loc"])
            at = f" (line {line})" if line else ""
            told = complaint(problem)
            known = place or "Definition"
            fields.setdefault(place, f"{known}{at}: {told}.")
        raise DefinitionError(fields) from None


def place_of(loc: Sequence[int | str]) -> str:
    """Return where a problem lies, as in `models[2].minds`; things are counted from 1."""
    found = ""
    for part in loc:
        found += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if found else str(part)
    return found[:200]


def line_of(text: str, loc: Sequence[int | str]) -> int | None:
    """Return the line of *text*, from 1, on which the key at *loc* is set, or the table that lacks it begins."""
    wanted = list(loc)
    best: tuple[int, int] | None = None
    table: list[int | str] = []
    counts: dict[str, int] = {}
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        was_inside = inside
        if line.count('"""') % 2:
            inside = not inside
        if was_inside:
            continue
        if header := _HEADER.match(line):
            name = header[2].replace('"', "").replace("'", "")
            table = [part.strip() for part in name.split(".")]
            if header[1] == "[[":
                table.append(counts.get(name, 0))
                counts[name] = counts.get(name, 0) + 1
            path = table
        elif assigned := _ASSIGNED.match(line):
            path = [*table, *(part.strip("\"'") for part in assigned[1].split("."))]
        else:
            continue
        if path == wanted[: len(path)] and (best is None or len(path) > best[0]):
            best = len(path), number
    return best[1] if best else None
