"""Marker shapes and bar patterns as SVG, by the names that Plotly has for them."""

from collections.abc import Callable, Mapping
from math import cos, pi, sin
from types import MappingProxyType

Points = list[tuple[float, float]]

HATCHES: Mapping[str, str] = MappingProxyType(
    {
        "/": "M-1 7L7 -1M-1 1L1 -1M5 7L7 5",
        "\\": "M-1 -1L7 7M5 -1L7 1M-1 5L1 7",
        "x": "M0 0L6 6M6 0L0 6",
        "-": "M0 3H6",
        "|": "M3 0V6",
        "+": "M0 3H6M3 0V6",
        ".": "M2 3h2",
    }
)
"""The line of each bar pattern within a tile of 6 by 6."""


def polygon(corners: int, turn: float = -0.25) -> Points:
    """Return a regular polygon inside the unit circle; *turn* is where its first corner is, in parts of a circle."""
    angles = [2 * pi * (turn + index / corners) for index in range(corners)]
    return [(cos(angle), sin(angle)) for angle in angles]


def _star() -> Points:
    outer, inner = polygon(5), polygon(5, -0.25 + 0.1)
    return [point for pair in zip(outer, [(x * 0.45, y * 0.45) for x, y in inner], strict=True) for point in pair]


_ARM = 0.36
_CROSS: Points = [
    (-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM),
    (_ARM, 1), (-_ARM, 1), (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM),
]  # fmt: skip


def _turned(points: Points) -> Points:
    half = 0.7071
    return [(half * (x - y), half * (x + y)) for x, y in points]


SHAPES: Mapping[str, Callable[[], Points]] = MappingProxyType(
    {
        "square": lambda: [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        "diamond": lambda: polygon(4),
        "triangle-up": lambda: polygon(3),
        "triangle-down": lambda: polygon(3, 0.25),
        "pentagon": lambda: polygon(5),
        "hexagon2": lambda: polygon(6, 0),
        "octagon": lambda: polygon(8, 0.0625),
        "star": _star,
        "cross": lambda: _CROSS,
        "x": lambda: _turned(_CROSS),
        "hourglass": lambda: [(-0.9, -0.9), (0.9, -0.9), (-0.9, 0.9), (0.9, 0.9)],
        "bowtie": lambda: [(-0.9, -0.9), (-0.9, 0.9), (0.9, -0.9), (0.9, 0.9)],
    }
)
"""The filled markers that are no circle, inside the unit circle, y downwards."""


def marker(symbol: str, x: float, y: float, size: float, *, fill: str, line: str, width: float) -> str:
    """Return a marker of *size* px in diameter centred at (x, y)."""
    radius = size / 2
    base, _, variant = symbol.partition("-open")
    colour = "none" if symbol != base + variant else fill
    edge = line if width else fill
    if base in ("line-ew", "line-ns"):
        dx, dy = (radius, 0.0) if base == "line-ew" else (0.0, radius)
        return (
            f'<path d="M{x - dx:.1f} {y - dy:.1f}L{x + dx:.1f} {y + dy:.1f}" stroke="{edge}" '
            f'stroke-width="{width or 2:g}"/>'
        )
    stroke = f' stroke="{edge}" stroke-width="{width:g}"' if width else ""
    if base not in SHAPES:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"{stroke}/>'
    corners = " ".join(f"{x + radius * dx:.1f},{y + radius * dy:.1f}" for dx, dy in SHAPES[base]())
    return f'<polygon points="{corners}" fill="{colour}"{stroke}/>'


def hatch(name: str, identity: str, colour: str) -> str:
    """Return the definition of a bar pattern under the id *identity*."""
    return (
        f'<pattern id="{identity}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<path d="{HATCHES[name]}" stroke="{colour}" stroke-width="1.3" fill="none"/></pattern>'
    )
