"""A budget as people type it: tokens like 200,000 and dollars like $2.50, with a sentence for what is no amount."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from app.jobs.complaints import complaint
from app.store.records import Budget

MAX_CHARS = 40
NO_AMOUNT: Mapping[str, str] = MappingProxyType(
    {
        "tokens": "Write a whole number of tokens, like 200,000.",
        "cost": "Write an amount in US dollars, for example 2.50.",
    }
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
NEITHER = "Write a number of tokens, an amount in dollars, or both. To take the budget off, use Remove."


def read_limits(tokens: str, cost: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the limits that were typed (None: left empty, or no amount), and a sentence for each that is none."""
    typed = {"tokens": _plain(tokens).replace(",", ""), "cost": _plain(cost).removeprefix("$")}
    # A comma stands between thousands, as in 1,000, or before cents, as in 2,50.
    typed["cost"] = typed["cost"].replace(",", "" if _THOUSANDS.fullmatch(typed["cost"]) else ".")
    limits: dict[str, Any] = dict.fromkeys(typed)
    errors: dict[str, str] = {}
    for name, text in typed.items():
        if not text:
            continue
        try:
            limits[name] = getattr(Budget.model_validate({name: text}), name)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            parsed = problem["type"] not in ("int_parsing", "int_parsing_size", "float_parsing", "int_from_float")
            said = complaint(problem)
            errors[name] = f"{said[:1].upper()}{said[1:]}." if parsed else NO_AMOUNT[name]
    return limits, errors


def read_budget(tokens: str, cost: str) -> tuple[Budget | None, dict[str, str]]:
    """Return the budget that was typed, or None and what is wrong with it, by field."""
    limits, errors = read_limits(tokens, cost)
    if not errors and limits["tokens"] is None and limits["cost"] is None:
        errors = {"tokens": NEITHER}
    return (None, errors) if errors else (Budget(**limits), {})


def amounts(budget: Budget) -> dict[str, str]:
    """Return *budget* as it would be typed."""
    return {
        "tokens": "" if budget.tokens is None else f"{budget.tokens:,}",
        "cost": "" if budget.cost is None else f"{budget.cost:.10g}",
    }


def _plain(text: str) -> str:
    return "".join(text[:MAX_CHARS].split())
