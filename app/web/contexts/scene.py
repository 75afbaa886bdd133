"""Where things are in the drawing of the commons: seats around it, signs of life in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin, sqrt

from app.analysis.replay import initials

SIGNS_OF_LIFE = 24
SCENE_WIDTH, SCENE_HEIGHT = 640, 440


@dataclass(frozen=True)
class Seat:
    """Where an agent sits around the commons, in units of the drawing."""

    index: int
    name: str
    initials: str
    x: float
    y: float


def seats(names: Sequence[str]) -> tuple[Seat, ...]:
    """Place the agents on an ellipse around the commons, the first at the upper left, clockwise."""
    letters = initials(names)
    centre_x, centre_y, radius_x, radius_y = SCENE_WIDTH / 2, 205, 246, 158
    found = []
    for index, name in enumerate(names):
        angle = -pi / 2 + 2 * pi * (index - 0.5 * (len(names) % 2 == 0)) / len(names)
        found.append(
            Seat(
                index=index,
                name=name,
                initials=letters[index],
                x=round(centre_x + radius_x * cos(angle), 1),
                y=round(centre_y + radius_y * sin(angle), 1),
            )
        )
    return tuple(found)


def shoal() -> tuple[tuple[float, float, bool], ...]:
    """Return where the signs of life are in the drawing, from the middle outwards: they go as the stock does."""
    spots = []
    for index in range(SIGNS_OF_LIFE):
        radius, angle = sqrt((index + 0.7) / SIGNS_OF_LIFE) * 0.86, index * 2.399963
        spots.append((round(155 * radius * cos(angle), 1), round(95 * radius * sin(angle), 1), index % 3 == 0))
    return tuple(spots)
