"""What the charts of a comparison share: their frame, the colours of groups, bands of intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.analysis.drawing import base_layout, end_label, plain, short, spread
from app.analysis.groups import ComparedRun
from app.analysis.palette import Palette

Figure = dict[str, Any]
Members = Mapping[str, Sequence[ComparedRun]]


def band(points: Sequence[tuple[float, float | None, float | None]], colour: str, label: str) -> dict[str, Any]:
    """Return the band between the lower and the upper ends of intervals, drawn where both are known."""
    known = [(x, low, high) for x, low, high in points if low is not None and high is not None]
    return {
        "type": "scatter",
        "name": f"95 % interval of {plain(label)}",
        "x": [x for x, _, _ in known] + [x for x, _, _ in reversed(known)],
        "y": [low for _, low, _ in known] + [high for _, _, high in reversed(known)],
        "mode": "lines",
        "fill": "toself",
        "fillcolor": colour + "22",
        "line": {"color": colour, "width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def frame(
    colours: Palette, title: str, months: int, ends: Sequence[tuple[str, float, str]], *, top: float
) -> dict[str, Any]:
    """Return a chart's layout: months across, up to *top*, and the label of each group where its line ends."""
    layout = base_layout(colours, title, months)
    layout["yaxis"] |= {"range": [0, top], "rangemode": "tozero"}
    layout["showlegend"] = False
    cut = [short(label) for label, _, _ in ends]
    labels = [plain(label) for label in cut]
    layout["margin"] |= {"l": 48, "r": 20 + 7 * max((len(label) for label in cut), default=0), "t": 48}
    heights = spread([height for _, height, _ in ends], gap=top * 0.085, top=top * 0.98)
    layout["annotations"] = [
        end_label(label, height, colour) for label, height, (_, _, colour) in zip(labels, heights, ends, strict=True)
    ]
    return layout


def colour_of(colours: Palette, place: int, groups: int) -> str:
    """Return the colour of the group at *place*; a group by itself has the accent."""
    return colours.accent if groups == 1 else colours.agent(place)
