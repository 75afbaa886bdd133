"""Random draws that depend only on the seed and on what they are for."""

from random import Random


def generator(seed: int, *purpose: str | int) -> Random:
    """Return the generator for one purpose, for example `generator(42, month, "allocation")`.

    Equal arguments give equal draws, whatever else was drawn before: no draw shifts another.
    """
    return Random("/".join(str(part) for part in (seed, *purpose)))
