"""What a person types of a condition's details (a form, the command line), read into fields of a launch plan."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from app.commons.config import Disclosure, ReportStyle
from app.commons.fidelity import ALL_SWITCHES
from app.commons.scenario import Role
from app.jobs.complaints import sentence
from app.jobs.launch_plan import LaunchError

MAX_PERSONAS_CHARS = 20_000
_ROLES: TypeAdapter[dict[str, Role]] = TypeAdapter(dict[str, Role])


def read_choices(report: str | None, disclose: Sequence[str], fidelity: Sequence[str], personas: str) -> dict[str, Any]:
    """Return the fields `report`, `disclose`, `fidelity` and `personas` of a launch plan.

    Args:
        report: a style of report, or None for the condition's.
        disclose: what the agents are told beyond the usual.
        fidelity: names of switches, or `research` for all of them.
        personas: TOML, a table for each agent.

    Raises:
        LaunchError: naming every field that is wrong.
    """
    errors: dict[str, str] = {}
    _known("report", [report] if report else [], get_args(ReportStyle), errors)
    _known("disclose", disclose, get_args(Disclosure), errors)
    _known("fidelity", fidelity, ("research", *ALL_SWITCHES), errors)
    roles: dict[str, Role] = {}
    try:
        roles = read_personas(personas)
    except ValueError as error:
        errors["personas"] = str(error)
    if errors:
        raise LaunchError(errors)
    return {
        "report": report or None,
        "disclose": list(disclose),
        "fidelity": "research" if "research" in fidelity else list(fidelity),
        "personas": roles,
    }


def read_personas(text: str) -> dict[str, Role]:
    """Read who agents are: a TOML table for each, with joins, description and goals, all optional.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if len(text) > MAX_PERSONAS_CHARS:
        raise ValueError(f"Personas are at most {MAX_PERSONAS_CHARS} characters long.")
    try:
        return _ROLES.validate_python(tomllib.loads(text))
    except ValidationError as error:
        where = " ".join(str(part) for part in error.errors()[0]["loc"][:2])
        raise ValueError(f"The personas are not right at {where}: {sentence(error)}") from None
    except (tomllib.TOMLDecodeError, RecursionError):
        raise ValueError(
            'The personas are no TOML. Write for each agent [NAME], and below it joins = 4, description = "...", '
            'goals = ["..."].'
        ) from None


def write_personas(roles: Mapping[str, Role]) -> str:
    """Return *roles* as TOML that `read_personas` reads."""
    tables = []
    for name, role in roles.items():
        goals = ", ".join(_quoted(goal) for goal in role.goals)
        tables.append(
            f"[{_quoted(name)}]\njoins = {role.joins}\ndescription = {_quoted(role.description)}\ngoals = [{goals}]\n"
        )
    return "\n".join(tables)


def _quoted(text: str) -> str:
    """Return *text* as a basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped) + '"'


def _known(field: str, given: Iterable[str], known: Sequence[str], errors: dict[str, str]) -> None:
    for name in given:
        if name not in known:
            errors[field] = f"{field.capitalize()}: there is no '{name[:60]}'. Choose from: {', '.join(known)}."
