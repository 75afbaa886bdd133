"""Charts without a browser: the figures of `figures.py` as SVG, for files, reports and pictures.

It draws what our own figures use of Plotly's format (lines, steps, filled bands, markers, bars with patterns, level
lines, labels, a legend) and nothing else. The picture holds presentation attributes only, so it can stand inside a page
whose policy forbids styles. Equal figures give equal bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from math import ceil, floor, log10
from typing import Any

from app.analysis.svg_signs import HATCHES, hatch, marker

DASHES = {"dash": "9 5", "dot": "2 4", "dashdot": "9 4 2 4", "longdash": "15 6", "longdashdot": "15 5 2 5"}
CHARACTER = 0.55
"""The width of a character, in parts of the font size: an estimate that suits system fonts."""
LEGEND_ROW = 18

Figure = Mapping[str, Any]


@dataclass(frozen=True)
class Frame:
    """The plot's place on the picture, in px, and the ranges of its axes."""

    left: float
    top: float
    right: float
    bottom: float
    xs: tuple[float, float]
    ys: tuple[float, float]

    def x(self, value: float) -> float:
        """Return where *value* lies from the left."""
        return self.left + (value - self.xs[0]) / (self.xs[1] - self.xs[0]) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return where *value* lies from the top."""
        return self.bottom - (value - self.ys[0]) / (self.ys[1] - self.ys[0]) * (self.bottom - self.top)


def draw_svg(figure: Figure, width: int = 720, height: int = 400, *, identity: str = "chart") -> str:
    """Return *figure* as an SVG document of *width* by *height* px; *identity* begins the ids inside it.

    Its accessible name is the figure's `layout.meta.alt`, else its title.
    """
    data: Sequence[Mapping[str, Any]] = figure["data"]
    layout: Mapping[str, Any] = figure["layout"]
    title = _text(layout.get("title", {}).get("text", ""))
    alt = _text(layout.get("meta", {}).get("alt", "")) or title
    size = layout.get("font", {}).get("size", 13)
    legend = _legend(data, layout, width, size)
    frame = _frame(data, layout, width, height, top=34 + LEGEND_ROW * len(legend))
    ink = layout["font"]["color"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(alt)}" font-family="{escape(layout["font"]["family"])}" font-size="{size}">',
        f"<title>{escape(alt)}</title>",
        f"<defs>{''.join(_definitions(data, identity, frame))}</defs>",
        f'<rect width="{width}" height="{height}" fill="{layout["paper_bgcolor"]}"/>',
        f'<text x="{8}" y="20" font-size="15" font-weight="600" fill="{ink}">{escape(title)}</text>',
        *_legend_rows(legend, layout, size),
        *_axes(layout, frame, size),
        *_shapes(layout.get("shapes", ()), frame),
        f'<g clip-path="url(#{identity}-clip)">',
        *(piece for index, trace in enumerate(data) for piece in _trace(trace, index, frame, identity)),
        "</g>",
        *_annotations(layout.get("annotations", ()), frame, size),
        "</svg>",
    ]
    return "".join(parts)


def _frame(
    data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], width: int, height: int, *, top: float
) -> Frame:
    margin = layout.get("margin", {})
    below = 26 if _title_of(layout, "xaxis") else 8
    xs = _range(layout.get("xaxis", {}), [x for trace in data for x in trace.get("x", ()) if _number(x)])
    ys = _range(layout.get("yaxis", {}), [y for trace in data for y in trace.get("y", ()) if _number(y)])
    left = max(44.0, float(margin.get("l", 40)))
    return Frame(
        left,
        top,
        width - max(12.0, float(margin.get("r", 12))),
        height - max(22.0 + below, float(margin.get("b", 0))),
        xs,
        ys,
    )


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(axis: Mapping[str, Any], values: Sequence[float]) -> tuple[float, float]:
    if "range" in axis:
        return float(axis["range"][0]), float(axis["range"][1])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if axis.get("rangemode") == "tozero":
        low, high = min(0.0, low), max(0.0, high)
    room = (high - low) * 0.06 or 1.0
    return (low if low == 0 else low - room), high + room


def ticks(axis: Mapping[str, Any], span: tuple[float, float], room: float) -> list[tuple[float, str]]:
    """Return where an axis has ticks and what stands there; about one every 60 px of *room*."""
    if "tickvals" in axis:
        return list(zip(axis["tickvals"], axis.get("ticktext", axis["tickvals"]), strict=True))
    step = axis.get("dtick")
    if step is None:
        rough = (span[1] - span[0]) / max(2.0, room / 60)
        power = 10.0 ** floor(log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.99)
    start = axis.get("tick0", 0)
    first = ceil((span[0] - start) / step - 1e-9)
    last = floor((span[1] - start) / step + 1e-9)
    suffix = axis.get("ticksuffix", "")
    return [(start + index * step, f"{start + index * step:.6g}{suffix}") for index in range(first, last + 1)]


def _axes(layout: Mapping[str, Any], frame: Frame, size: float) -> Iterator[str]:
    xaxis, yaxis = layout.get("xaxis", {}), layout.get("yaxis", {})
    grid = yaxis.get("gridcolor", "#DDDDDD")
    muted = yaxis.get("tickfont", {}).get("color", layout["font"]["color"])
    for value, label in ticks(yaxis, frame.ys, frame.bottom - frame.top):
        y = frame.y(value)
        yield f'<path d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}" stroke="{grid}"/>'
        yield _label(str(label), frame.left - 6, y + size * 0.35, muted, anchor="end")
    yield f'<path d="M{frame.left:.1f} {frame.bottom:.1f}H{frame.right:.1f}" stroke="{grid}"/>'
    for value, label in ticks(xaxis, frame.xs, frame.right - frame.left):
        yield _label(str(label), frame.x(value), frame.bottom + 16, muted, anchor="middle")
    if title := _title_of(layout, "xaxis"):
        yield _label(title, (frame.left + frame.right) / 2, frame.bottom + 36, muted, anchor="middle")


def _title_of(layout: Mapping[str, Any], axis: str) -> str:
    title = layout.get(axis, {}).get("title", "")
    return str(title.get("text", "") if isinstance(title, Mapping) else title)


def _shapes(shapes: Sequence[Mapping[str, Any]], frame: Frame) -> Iterator[str]:
    for shape in shapes:
        x0, x1 = (
            (frame.left + place * (frame.right - frame.left) if shape.get("xref") == "paper" else frame.x(place))
            for place in (shape["x0"], shape["x1"])
        )
        y0, y1 = (
            (frame.bottom - place * (frame.bottom - frame.top) if shape.get("yref") == "paper" else frame.y(place))
            for place in (shape["y0"], shape["y1"])
        )
        yield f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" fill="none"{_stroke(shape.get("line", {}))}/>'


def _trace(trace: Mapping[str, Any], index: int, frame: Frame, identity: str) -> Iterator[str]:
    if trace["type"] == "bar":
        yield from _bars(trace, index, frame, identity)
        return
    opacity = trace.get("opacity", 1)
    yield "<g>" if opacity == 1 else f'<g opacity="{opacity:g}">'
    mode = trace.get("mode", "lines")
    if trace.get("fill") == "toself":
        yield f'<path d="{_path(trace, frame)}Z" fill="{trace["fillcolor"]}"/>'
    if "lines" in mode:
        yield f'<path d="{_path(trace, frame)}" fill="none"{_stroke(trace.get("line", {}))}/>'
    if "markers" in mode:
        yield from _markers(trace, frame)
    yield "</g>"


def _path(trace: Mapping[str, Any], frame: Frame) -> str:
    """Return a line as an SVG path; a missing value begins it anew, the shape `hv` goes in steps."""
    steps = trace.get("line", {}).get("shape") == "hv"
    path, open_ = [], False
    for x, y in zip(trace["x"], trace["y"], strict=True):
        if not (_number(x) and _number(y)):
            open_ = False
            continue
        here = f"{frame.x(x):.1f} {frame.y(y):.1f}"
        if not open_:
            path.append(f"M{here}")
        else:
            path.append(f"H{frame.x(x):.1f}V{frame.y(y):.1f}" if steps else f"L{here}")
        open_ = True
    return "".join(path)


def _markers(trace: Mapping[str, Any], frame: Frame) -> Iterator[str]:
    style = trace.get("marker", {})
    edge = style.get("line", {})
    count = len(trace["x"])
    each = {
        name: value if isinstance(value, list | tuple) else [value] * count
        for name, value in (
            ("color", style.get("color", edge.get("color", "#000000"))),
            ("symbol", style.get("symbol", "circle")),
            ("size", style.get("size", 6)),
            ("edge", edge.get("color", style.get("color"))),
        )
    }
    points = zip(trace["x"], trace["y"], each["symbol"], each["size"], each["color"], each["edge"], strict=True)
    for x, y, symbol, size, fill, line in points:
        if _number(x) and _number(y):
            yield marker(symbol, frame.x(x), frame.y(y), size, fill=fill, line=line, width=edge.get("width", 0))


def _bars(trace: Mapping[str, Any], index: int, frame: Frame, identity: str) -> Iterator[str]:
    style = trace.get("marker", {})
    width = frame.x(trace.get("width", 0.8)) - frame.x(0)
    pattern = style.get("pattern", {}).get("shape", "")
    fills = [style.get("color", "#000000")] + ([f"url(#{identity}-p{index})"] if pattern in HATCHES else [])
    for x, y in zip(trace["x"], trace["y"], strict=True):
        if not (_number(x) and _number(y)):
            continue
        top, bottom = sorted((frame.y(y), frame.y(0)))
        place = f'x="{frame.x(x) - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}"'
        for fill in fills:
            yield f'<rect {place} fill="{fill}"/>'


def _definitions(data: Sequence[Mapping[str, Any]], identity: str, frame: Frame) -> Iterator[str]:
    # A little room around the plot, so that lines and marks at its edge are whole.
    yield (
        f'<clipPath id="{identity}-clip"><rect x="{frame.left - 6:.1f}" y="{frame.top - 6:.1f}" '
        f'width="{frame.right - frame.left + 12:.1f}" height="{frame.bottom - frame.top + 12:.1f}"/></clipPath>'
    )
    for index, trace in enumerate(data):
        pattern = trace.get("marker", {}).get("pattern", {}) if trace["type"] == "bar" else {}
        if pattern.get("shape") in HATCHES:
            yield hatch(pattern["shape"], f"{identity}-p{index}", pattern.get("fgcolor", "#FFFFFF"))


def _legend(
    data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], width: int, size: float
) -> list[list[tuple[float, Mapping[str, Any]]]]:
    """Return the legend's rows: each entry with its place from the left."""
    if layout.get("showlegend") is False:
        return []
    rows: list[list[tuple[float, Mapping[str, Any]]]] = [[]]
    x = 8.0
    for trace in data:
        if trace.get("showlegend") is False or not trace.get("name"):
            continue
        needed = 30 + len(_text(trace["name"])) * size * CHARACTER + 14
        if rows[-1] and x + needed > width:
            rows.append([])
            x = 8.0
        rows[-1].append((x, trace))
        x += needed
    return rows if rows[0] else []


def _legend_rows(
    rows: Sequence[Sequence[tuple[float, Mapping[str, Any]]]], layout: Mapping[str, Any], size: float
) -> Iterator[str]:
    muted = layout.get("legend", {}).get("font", {}).get("color", layout["font"]["color"])
    for number, row in enumerate(rows):
        y = 40 + number * LEGEND_ROW
        for x, trace in row:
            line, style = trace.get("line", {}), trace.get("marker", {})
            if "lines" in trace.get("mode", "") and trace["type"] != "bar":
                yield f'<path d="M{x} {y - 4}h22" fill="none"{_stroke(line)}/>'
            else:
                colour = style.get("color", "#000000")
                colour = colour[-1] if isinstance(colour, list | tuple) else colour
                symbol = style.get("symbol", "square")
                edge = style.get("line", {})
                yield marker(
                    symbol if isinstance(symbol, str) else "circle",
                    *(x + 11, y - 4, 10),
                    fill=colour,
                    line=edge.get("color", colour),
                    width=edge.get("width", 0),
                )
            yield _label(_text(trace["name"]), x + 28, y, muted)


def _annotations(annotations: Sequence[Mapping[str, Any]], frame: Frame, size: float) -> Iterator[str]:
    anchors = {"left": "start", "right": "end", "center": "middle"}
    for note in annotations:
        x = (
            frame.left + note["x"] * (frame.right - frame.left) if note.get("xref") == "paper" else frame.x(note["x"])
        ) + note.get("xshift", 0)
        y = (
            frame.bottom - note["y"] * (frame.bottom - frame.top) if note.get("yref") == "paper" else frame.y(note["y"])
        ) - note.get("yshift", 0)
        font = note.get("font", {})
        anchor = anchors[note.get("xanchor", "center")]
        yield _label(_text(note["text"]), x, y + size * 0.35, font.get("color", "#000000"), anchor=anchor)


def _label(text: str, x: float, y: float, colour: str, *, anchor: str = "start") -> str:
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}"{where}>{escape(text)}</text>'


def _stroke(line: Mapping[str, Any]) -> str:
    dash = DASHES.get(line.get("dash", "solid"))
    return f' stroke="{line.get("color", "none")}" stroke-width="{line.get("width", 2):g}" stroke-linejoin="round"' + (
        f' stroke-dasharray="{dash}"' if dash else ""
    )


def _text(text: str) -> str:
    """Return the text of a figure, in which names are escaped for Plotly, as it is."""
    # What XML cannot hold at all is left out.
    return "".join(letter for letter in unescape(str(text)) if letter >= " " and not "\ud800" <= letter <= "\udfff")
