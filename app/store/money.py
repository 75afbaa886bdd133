"""US dollars as they leave the program: sums of floats without their noise."""

from typing import Annotated

from pydantic import PlainSerializer


def rounded_cost(cost: float) -> float:
    """Return *cost* to six decimals."""
    return round(cost, 6)


Dollars = Annotated[float, PlainSerializer(rounded_cost, return_type=float, when_used="json")]
"""US dollars, exact inside the program and rounded in JSON."""
