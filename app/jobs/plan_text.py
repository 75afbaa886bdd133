"""Plans as TOML: read strictly, with a sentence for each wrong place."""

import json
import tomllib

from pydantic import ValidationError

from app.commons.plan import ExperimentPlan
from app.jobs.complaints import complaint
from app.jobs.definition_text import place_of
from app.jobs.launch_plan import LaunchError

MOST_CHARS = 50_000


def read_plan(text: str) -> ExperimentPlan:
    """Read a plan from TOML.

    Raises:
        LaunchError: naming each wrong place by its key.
    """
    if len(text) > MOST_CHARS:
        raise LaunchError({"plan": f"A plan is at most {MOST_CHARS:,} characters long."})
    try:
        data = tomllib.loads(text)
        # As JSON, strictly, so that true is no number and "3" is none.
        return ExperimentPlan.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)[:20]
        told = [f"{place_of(item['loc']) or 'The plan'}: {complaint(item)}." for item in problems]
        raise LaunchError({"plan": " ".join(told)}) from None
    except (TypeError, RecursionError):
        raise LaunchError({"plan": "A plan holds texts, numbers, lists and tables, and nothing else."}) from None
    except ValueError as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number is too long"
        raise LaunchError({"plan": f"This is no TOML: {reason[:200]}."}) from None
