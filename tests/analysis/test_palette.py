"""The colours of charts are those of the pages, and can be read."""

import re
from itertools import combinations
from math import dist

import pytest

from app.analysis.palette import DARK, LIGHT, Palette
from tests.support import ROOT

TOKEN = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9A-F]{6}), (#[0-9A-F]{6})\)")


def tokens() -> dict[str, tuple[str, str]]:
    css = (ROOT / "static" / "css" / "tokens.css").read_text()
    return {name: (light, dark) for name, light, dark in TOKEN.findall(css)}


@pytest.mark.parametrize(("colours", "place"), [(LIGHT, 0), (DARK, 1)])
def test_charts_use_the_tokens_of_the_style_sheet(colours: Palette, place: int) -> None:
    css = tokens()
    for name in ("surface", "text", "muted", "line", "accent", "ok", "warn", "bad"):
        assert getattr(colours, name) == css[name][place], name
    assert list(colours.agents) == [css[f"agent-{number}"][place] for number in range(1, 13)]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", ["text", "muted", "accent", "ok", "warn", "bad"])
def test_text_colours_reach_4_5_to_1_on_every_ground(name: str, place: int) -> None:
    css = tokens()
    for ground in ("bg", "surface", "sunken"):
        assert contrast(css[name][place], css[ground][place]) >= 4.5, ground


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", ["control", "accent"])
def test_borders_of_controls_and_the_focus_ring_reach_3_to_1(name: str, place: int) -> None:
    css = tokens()
    for ground in ("bg", "surface"):
        assert contrast(css[name][place], css[ground][place]) >= 3.0, ground


@pytest.mark.parametrize("sight", ["usual", "protanopia", "deuteranopia", "tritanopia"])
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_first_five_agents_differ_for_every_kind_of_sight(colours: Palette, sight: str) -> None:
    for one, other in combinations(colours.agents[:5], 2):
        assert dist(seen(one, sight), seen(other, sight)) >= 31, (one, other)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_initials_can_be_read_on_every_agents_colour(colours: Palette) -> None:
    on_agent = tokens()["on-agent"][0 if colours is LIGHT else 1]
    for colour in colours.agents:
        assert contrast(on_agent, colour) >= 4.5, colour


# What is seen of linear RGB where one kind of cone is missing: Machado, Oliveira, Fernandes, "A Physiologically-based
# Model for Simulation of Color Vision Deficiency", IEEE TVCG 15 (2009), severity 1.
SIGHT = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def seen(colour: str, sight: str) -> tuple[float, float, float]:
    """Return a colour as it is seen, in CIELAB (D65); the distance of two is CIE 1976's colour difference."""
    rgb = linear(colour)
    red, green, blue = (
        min(1.0, max(0.0, sum(part * channel for part, channel in zip(row, rgb, strict=True)))) for row in SIGHT[sight]
    )
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    x, y, z = (part ** (1 / 3) if part > (6 / 29) ** 3 else part / (3 * (6 / 29) ** 2) + 4 / 29 for part in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue of #RRGGBB, linear, 0 to 1 (sRGB)."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue
