"""Where things are in the drawing of the commons: seats around it, signs of life in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin, sqrt

from app.analysis.replay import initials

SIGNS_OF_LIFE = 24
SCENE_WIDTH, SCENE_HEIGHT = 640, 356
SEATS_WIDTH, SEATS_HEIGHT = 506, 300
"""The rectangle on which the seats are, around the middle of the drawing; a seat is 128 wide and 46 high."""
LONGEST_NAME = 8

RIVER = (((-170, 34), (-112, -58), (-62, -46), (-2, 6)), ((-2, 6), (58, 58), (112, 50), (170, -34)))
"""The river's course in two Bezier curves, downstream end first: its clean part begins there."""
RIVER_PATH = "M-170 34C-112-58-62-46-2 6S112 50 170-34"


@dataclass(frozen=True)
class Seat:
    """Where an agent sits around the commons, in units of the drawing; `short` is its name where room is scarce."""

    index: int
    name: str
    initials: str
    x: float
    y: float

    @property
    def short(self) -> str:
        """The name, cut where it would not fit."""
        return self.name if len(self.name) <= LONGEST_NAME else self.name[: LONGEST_NAME - 1] + "…"


@dataclass(frozen=True)
class Life:
    """A fish or a tuft of grass: where it is, which way it looks, and the part of the capacity it needs to be there."""

    x: float
    y: float
    turned: bool
    needs: float


def seats(names: Sequence[str]) -> tuple[Seat, ...]:
    """Place the agents around the commons at equal distances, clockwise, the first at or beside the top."""
    letters = initials(names)
    gap = 2 * (SEATS_WIDTH + SEATS_HEIGHT) / len(names)
    first = 0.0 if len(names) % 2 else -gap / 2
    found = []
    for index, name in enumerate(names):
        x, y = _on_rectangle(first + index * gap)
        found.append(Seat(index, name, letters[index], round(SCENE_WIDTH / 2 + x, 1), round(SCENE_HEIGHT / 2 + y, 1)))
    return tuple(found)


def _on_rectangle(way: float) -> tuple[float, float]:
    """Return the point that lies *way* clockwise from the middle of the top side, seen from the middle."""
    half_width, half_height = SEATS_WIDTH / 2, SEATS_HEIGHT / 2
    around = 2 * (SEATS_WIDTH + SEATS_HEIGHT)
    way = (way + half_width) % around
    if way < SEATS_WIDTH:
        return way - half_width, -half_height
    way -= SEATS_WIDTH
    if way < SEATS_HEIGHT:
        return half_width, way - half_height
    way -= SEATS_HEIGHT
    if way < SEATS_WIDTH:
        return half_width - way, half_height
    return -half_width, half_height - (way - SEATS_WIDTH)


def shoal() -> tuple[Life, ...]:
    """Return the signs of life in a lake or on a pasture, from the middle outwards: they go as the stock does."""
    spots = []
    for index in range(SIGNS_OF_LIFE):
        radius, angle = sqrt((index + 0.7) / SIGNS_OF_LIFE) * 0.84, index * 2.399963
        x, y = round(155 * radius * cos(angle), 1), round(98 * radius * sin(angle), 1)
        spots.append(Life(x, y, index % 3 == 0, round((index + 1) / SIGNS_OF_LIFE, 3)))
    return tuple(spots)


def river_life() -> tuple[Life, ...]:
    """Return the fish of a river, from its clean end upstream: the dirt comes down on them."""
    spots = []
    for index in range(SIGNS_OF_LIFE // 2):
        way = (index + 0.6) / (SIGNS_OF_LIFE / 2)
        curve, at = (RIVER[0], way * 2) if way < 0.5 else (RIVER[1], way * 2 - 1)
        x, y = (_bezier(axis, at) for axis in zip(*curve, strict=True))
        aside = 15 * sin(index * 2.4 * pi)
        spots.append(Life(round(x, 1), round(y + aside, 1), index % 3 == 0, round(way, 3)))
    return tuple(spots)


def _bezier(points: Sequence[float], at: float) -> float:
    one, two, three, four = points
    back = 1 - at
    return back**3 * one + 3 * back**2 * at * two + 3 * back * at**2 * three + at**3 * four
