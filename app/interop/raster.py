"""Our own SVG charts as PNG, without fonts or libraries of the machine: what `svg.py` writes, and nothing else.

Read are rectangles, circles, polygons, paths of straight lines (M, L, H, V, h, Z), text, groups with an opacity, the
clip of the plot, and bar patterns. It is drawn larger and made smaller then, which makes lines smooth.
"""

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from math import hypot
from xml.etree.ElementTree import Element, fromstring

from PIL import Image, ImageColor, ImageDraw

from app.interop.lettering import Lettering

Point = tuple[float, float]
Box = tuple[float, float, float, float]
SHARP = 2
SVG = "{http://www.w3.org/2000/svg}"
STEP = re.compile(r"([MLHVhZ])([^MLHVhZ]*)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
RGBA = re.compile(r"rgba\((\d+), ?(\d+), ?(\d+), ?([\d.]+)\)")
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


class _Painter:
    """Draws the elements of one document, *scale* px for each of its own."""

    def __init__(self, root: Element, scale: float) -> None:
        self.scale = scale
        self.letters = Lettering()
        self.size = float(root.get("font-size", "13"))
        self.clips = {one.get("id", ""): one for one in root.iter(f"{SVG}clipPath")}
        self.patterns = {one.get("id", ""): one for one in root.iter(f"{SVG}pattern")}

    def draw(self, element: Element, image: Image.Image) -> None:
        for one in element:
            name = one.tag.removeprefix(SVG)
            if name == "g":
                self._group(one, image)
            elif name not in ("title", "defs"):
                self._shape(name, one, image)

    def _group(self, group: Element, image: Image.Image) -> None:
        """Draw a group on a copy, of which the part within its clip is taken over, as far as it is opaque."""
        clip = self.clips.get((group.get("clip-path") or "")[5:-1])
        opacity = float(group.get("opacity", "1"))
        if clip is None and opacity == 1:
            self.draw(group, image)
            return
        copy = image.copy()
        self.draw(group, copy)
        if opacity < 1:
            copy = Image.blend(image, copy, opacity)
        box = (0, 0, *image.size) if clip is None else _whole(self._box(clip[0]))
        image.paste(copy.crop(box), box[:2])

    def _shape(self, name: str, one: Element, image: Image.Image) -> None:
        pen = ImageDraw.Draw(image, "RGBA")  # Colours with an alpha are laid over what is there.
        fill = one.get("fill", "none" if name == "path" and one.get("stroke") else "#000000")
        if fill.startswith("url("):
            self._pattern(one, self.patterns[fill[5:-1]], image)
        elif name == "text":
            self._text(one, pen)
        elif name == "rect":
            pen.rectangle(self._box(one), fill=colour(fill))
        elif name == "circle":
            self._circle(one, pen, fill)
        else:
            lines = self._lines(name, one)
            if fill != "none":
                for points in (line for line in lines if len(line) > 2):
                    pen.polygon(points, fill=colour(fill))
            self._stroke(one, lines, pen)

    def _box(self, one: Element) -> Box:
        x, y, width, height = (float(one.get(name, "0")) * self.scale for name in ("x", "y", "width", "height"))
        return x, y, max(x, x + width - 1), max(y, y + height - 1)

    def _circle(self, one: Element, pen: ImageDraw.ImageDraw, fill: str) -> None:
        x, y, radius = (float(one.get(name, "0")) * self.scale for name in ("cx", "cy", "r"))
        edge, width = one.get("stroke"), float(one.get("stroke-width", "1")) * self.scale
        grown = radius + (width / 2 if edge else 0)
        pen.ellipse(
            (x - grown, y - grown, x + grown, y + grown),
            fill=None if fill == "none" else colour(fill),
            outline=colour(edge) if edge else None,
            width=max(1, round(width)) if edge else 0,
        )

    def _text(self, one: Element, pen: ImageDraw.ImageDraw) -> None:
        size = round(float(one.get("font-size", self.size)) * self.scale)
        shade = colour(one.get("fill", "#000000"))
        pen.text(
            (float(one.get("x", "0")) * self.scale, float(one.get("y", "0")) * self.scale),
            self.letters.fit(one.text or ""),
            fill=shade,
            font=self.letters.font(size),
            anchor=ANCHORS[one.get("text-anchor", "start")],
            stroke_width=0.4 * self.scale if one.get("font-weight") else 0,
            stroke_fill=shade,
        )

    def _lines(self, name: str, one: Element) -> list[list[Point]]:
        if name == "polygon":
            found = [float(number) for number in NUMBER.findall(one.get("points", ""))]
            corners = list(zip(found[::2], found[1::2], strict=True))
            return [[(x * self.scale, y * self.scale) for x, y in [*corners, corners[0]]]]
        return [[(x * self.scale, y * self.scale) for x, y in line] for line in lines_of(one.get("d", ""))]

    def _stroke(self, one: Element, lines: list[list[Point]], pen: ImageDraw.ImageDraw) -> None:
        edge = one.get("stroke", "none")
        if edge == "none":
            return
        width = max(1, round(float(one.get("stroke-width", "1")) * self.scale))
        dashes = [float(part) * self.scale for part in one.get("stroke-dasharray", "").split()]
        for line in lines:
            for points in dashed(line, dashes) if dashes else [line]:
                if len(points) > 1:
                    pen.line(points, fill=colour(edge), width=width, joint="curve")

    def _pattern(self, one: Element, pattern: Element, image: Image.Image) -> None:
        side = round(6 * self.scale)
        tile = Image.new("RGBA", (side, side))
        self._stroke(pattern[0], self._lines("path", pattern[0]), ImageDraw.Draw(tile))
        x0, y0, x1, y1 = _whole(self._box(one))
        if x1 <= x0 or y1 <= y0:
            return
        bar = Image.new("RGBA", (x1 - x0, y1 - y0))
        # A pattern lies on the whole picture and shows through the bar: neighbours fit together.
        for x in range(-(x0 % side), x1 - x0, side):
            for y in range(-(y0 % side), y1 - y0, side):
                bar.paste(tile, (x, y))
        image.paste(bar, (x0, y0), bar)


def _whole(box: Box) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return round(left), round(top), round(right) + 1, round(bottom) + 1


def png_of(svg: str, scale: int = 2) -> bytes:
    """Return a chart of `draw_svg` as PNG with *scale* px for each of its own; equal charts give equal bytes."""
    root = fromstring(svg)
    width, height = (round(float(root.get(name, "0"))) for name in ("width", "height"))
    size = (width * scale * SHARP, height * scale * SHARP)
    image = Image.new("RGB", size, "#FFFFFF")
    _Painter(root, scale * SHARP).draw(root, image)
    out = io.BytesIO()
    image.resize((width * scale, height * scale), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def colour(text: str) -> tuple[int, int, int, int]:
    """Return a colour of a chart, #RRGGBB or rgba(), with its alpha in 0..255."""
    if match := RGBA.fullmatch(text):
        red, green, blue = (int(part) for part in match.groups()[:3])
        return red, green, blue, round(float(match[4]) * 255)
    found = ImageColor.getcolor(text, "RGBA")
    if isinstance(found, int):
        raise ValueError(f"{text} is no colour")
    return found[0], found[1], found[2], found[3] if len(found) > 3 else 255


def lines_of(path: str) -> list[list[Point]]:
    """Return the lines of an SVG path of straight steps."""
    lines: list[list[Point]] = []
    for step, rest in STEP.findall(path):
        numbers = [float(number) for number in NUMBER.findall(rest)]
        if step == "Z":
            if lines:
                lines[-1].append(lines[-1][0])
            continue
        x, y = lines[-1][-1] if lines else (0.0, 0.0)
        if step == "M":
            lines.append([(numbers[0], numbers[1])])
        elif step == "L":
            lines[-1].append((numbers[0], numbers[1]))
        else:
            lines[-1].append({"H": (numbers[0], y), "h": (x + numbers[0], y), "V": (x, numbers[0])}[step])
    return lines


def dashed(line: list[Point], dashes: list[float]) -> Iterator[list[Point]]:
    """Give the dashes of a line, each as a line of its own."""
    index, left, drawn = 0, dashes[0], True
    piece = [line[0]]
    for start, end in pairwise(line):
        length, done = hypot(end[0] - start[0], end[1] - start[1]), 0.0
        while length - done > left:
            done += left
            share = done / length
            here = (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
            if drawn:
                yield [*piece, here]
            piece = [here]
            drawn, index = not drawn, (index + 1) % len(dashes)
            left = dashes[index]
        left -= length - done
        piece.append(end)
    if drawn:
        yield piece
