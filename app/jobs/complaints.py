"""What is wrong with a value, in words for the person who typed it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

# By pydantic's kind of problem; {} is the bound.
SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "greater_than_equal": "give at least {}",
        "less_than_equal": "give at most {}",
        "greater_than": "give more than {}",
        "less_than": "give less than {}",
        "finite_number": "give a number that is not infinite",
        "int_parsing": "give a whole number",
        "int_from_float": "give a whole number",
        "int_type": "give a whole number",
        "int_parsing_size": "the number is too large",
        "float_parsing": "give a number",
        "float_type": "give a number",
        "string_too_long": "use at most {} characters",
        "string_too_short": "use at least {} character",
        "string_pattern_mismatch": "use letters, digits, spaces and simple signs, without a slash or a space in front",
        "string_type": "give a text",
        "list_type": "give a list",
        "tuple_type": "give a list",
        "bool_type": "write true or false",
        "too_long": "give at most {1}",
        "too_short": "give at least {1}",
        "extra_forbidden": "there is no such setting",
        "missing": "this is needed",
    }
)


def complaint(problem: Mapping[str, Any]) -> str:
    """Return one problem of a `ValidationError` as words that go on after the name of a field, without a full stop."""
    text = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "finite_number" and str(problem.get("loc", ("",))[-1]).endswith("cost"):
        return "write an amount in US dollars, for example 2.50"
    known = SENTENCES.get(str(problem["type"]))
    if known is None:
        return text[:1].lower() + text[1:].rstrip(".")
    bounds = [f"{bound:g}" if isinstance(bound, float) else bound for bound in problem.get("ctx", {}).values()]
    try:
        return known.format(*bounds)
    except IndexError:
        return text[:1].lower() + text[1:].rstrip(".")


def sentence(error: ValidationError) -> str:
    """Return the first problem of *error* as a sentence."""
    text = complaint(error.errors(include_url=False, include_input=False)[0])
    return text[:1].upper() + text[1:] + "."


def wrong_names(names: Iterable[str], overseer: str) -> str | None:
    """Return what is wrong with the agents' names taken together, or None.

    Readers tell agents apart by name, and the one who opens the talk is no agent.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = name.casefold().strip()
        if folded == overseer.casefold():
            return f"'{name}' is taken: the {overseer} opens the talk. Choose another name."
        if folded in seen:
            return f"'{seen[folded]}' and '{name}' are too much alike. Give every agent a name of its own."
        seen[folded] = name
    return None
