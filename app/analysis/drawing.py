"""What all charts share: axes, level lines, labels at line ends, and text that is safe to draw."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app.analysis.palette import FONT, Palette


def base_layout(colours: Palette, title: str, months: int) -> dict[str, Any]:
    """Return a chart's frame: *title* (with its unit) at the left, *months* on the x axis, a light grid."""
    axis = {
        "gridcolor": colours.line,
        "linecolor": colours.line,
        "zerolinecolor": colours.line,
        "tickfont": {"color": colours.muted},
        "fixedrange": True,
    }
    return {
        "title": {"text": title, "x": 0, "xref": "container", "y": 0.97, "yanchor": "top", "font": {"size": 15}},
        "font": {"family": FONT, "size": 13, "color": colours.text},
        "paper_bgcolor": colours.surface,
        "plot_bgcolor": colours.surface,
        "margin": {"l": 40, "r": 12, "t": 72, "b": 40},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": colours.surface, "bordercolor": colours.muted, "font": {"color": colours.text}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": colours.muted}},
        "xaxis": {
            **axis,
            "title": {"text": "month", "font": {"color": colours.muted}, "standoff": 6},
            "range": [0.5, months + 0.5],
            "showgrid": False,
            "tick0": 1,
            "tickangle": 0,
            "dtick": max(1, round(months / 15)),
        },
        "yaxis": dict(axis),
    }


def level_line(height: float, colour: str, dash: str) -> dict[str, Any]:
    """Return a level line across the chart at *height*, below the data."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": height,
        "y1": height,
        "layer": "below",
        "line": {"color": colour, "width": 1.5, "dash": dash},
    }


def end_label(text: str, height: float, colour: str, name: str = "end") -> dict[str, Any]:
    """Return a label right of the chart at *height*; one named "level" moves inside where there is no room."""
    return {
        "name": name,
        "text": text,
        "xref": "paper",
        "x": 1,
        "xanchor": "left",
        "xshift": 6,
        "y": height,
        "showarrow": False,
        "font": {"color": colour},
    }


def spread(heights: Sequence[float], gap: float, top: float) -> list[float]:
    """Return *heights* moved apart to at least *gap* and down to at most *top*, order kept: labels side by side."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = list(heights)
    for lower, upper in pairwise(order):
        moved[upper] = max(moved[upper], moved[lower] + gap)
    ceiling = top
    for index in reversed(order):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return moved


def short(text: str) -> str:
    """Return *text*, cut where it would not fit beside a chart."""
    return text if len(text) <= 17 else text[:16] + "…"


def plain(text: str) -> str:
    """Return *text* without meaning for Plotly, which reads a little HTML and %{...} in names."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("%{", "% {")
