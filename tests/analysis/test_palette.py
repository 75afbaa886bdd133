"""The colours of charts are those of the pages, and can be read."""

import re

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


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
