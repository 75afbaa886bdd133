"""The switch `cut_at_first_dot`: texts end where the research code ended them, at the first dot, whatever it means.

The research code stops a thought before the dot and a summary behind it: of "10.5 tons were caught." it keeps "10" and
"10.".
"""

from app.minds.text import strip_markup, strip_thinking


def thought_to_first_dot(text: str) -> str | None:
    """Return *text* up to its first dot; None if there is nothing before it."""
    kept = " ".join(strip_markup(strip_thinking(text)).partition(".")[0].split())
    return kept or None


def summary_to_first_dot(text: str) -> str | None:
    """Return *text* up to its first dot, with one; None if there is nothing before it."""
    kept = thought_to_first_dot(text)
    return None if kept is None else kept + "."
