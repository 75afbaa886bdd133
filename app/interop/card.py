"""The picture that goes with a link in a chat or a feed: 1200 by 630 px, drawn here, without fonts of the machine."""

import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image, ImageDraw

from app.analysis.palette import LIGHT
from app.interop.lettering import Lettering

WIDTH, HEIGHT = 1200, 630
SHARP = 2
"""It is drawn larger by this factor and made smaller then: smooth lines."""
MOST_CURVES = 60
KEPT = 64

Kind = Literal["ok", "bad", "plain"]
COLOURS: dict[Kind, str] = {"ok": LIGHT.ok, "bad": LIGHT.bad, "plain": LIGHT.accent}


@dataclass(frozen=True)
class Curve:
    """A run's stock: before and after each harvest, in parts of the commons' capacity; how it ended colours it."""

    stocks: tuple[tuple[float, float], ...]
    months: int
    kind: Kind = "plain"


@dataclass(frozen=True)
class Card:
    """What a link says of itself before it is opened.

    Attributes:
        title: how it came out and of what: "Survived 12/12: Llama-3-8B, fishery".
        text: a sentence or two more.
        alt: what the picture shows, in words.
        facts: names and values beside the drawing, at most six are drawn.
        curves: the drawing.
        unit: what the vertical axis counts, in words.
    """

    title: str
    text: str
    alt: str
    facts: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]
    unit: str = "stock, parts of capacity"
    kind: Kind = "plain"


@dataclass
class Pictures:
    """Pictures drawn lately, by what they show: whoever may not see a card has no way to ask for its picture."""

    drawn: "OrderedDict[Card, bytes]" = field(default_factory=OrderedDict)

    def of(self, card: Card) -> bytes:
        """Return the picture of *card*."""
        found = self.drawn.pop(card, None) or draw_card(card)
        self.drawn[card] = found
        while len(self.drawn) > KEPT:
            self.drawn.popitem(last=False)
        return found


def draw_card(card: Card) -> bytes:
    """Return the picture of *card* as PNG; equal cards give equal bytes."""
    image = Image.new("RGB", (WIDTH * SHARP, HEIGHT * SHARP), "#FAFAF8")
    pen, letters = ImageDraw.Draw(image), Lettering()

    def write(x: float, y: float, text: str, size: int, colour: str, bold: float = 0, anchor: str = "la") -> None:
        pen.text(
            (x * SHARP, y * SHARP),
            text,
            fill=colour,
            font=letters.font(size * SHARP),
            anchor=anchor,
            stroke_width=bold * SHARP,
            stroke_fill=colour,
        )

    pen.rectangle((0, 0, WIDTH * SHARP, 12 * SHARP), fill=COLOURS[card.kind])
    write(60, 48, "GovSim Observatory", 26, LIGHT.muted)
    write(WIDTH - 60, 48, "read-only", 26, LIGHT.muted, anchor="ra")
    lines = letters.wrapped(card.title, 56 * SHARP, (WIDTH - 120) * SHARP, 2)
    for number, line in enumerate(lines):
        write(60, 94 + 66 * number, line, 56, LIGHT.text, bold=0.7)
    top = 94 + 66 * len(lines) + 34
    facts = card.facts[:6]
    right = 760 if facts else WIDTH - 60
    _draw_curves(pen, letters, card, (96, top, right, HEIGHT - 84))
    for number, (name, value) in enumerate(facts):
        y = top + number * min(78, (HEIGHT - 60 - top) / len(facts))
        write(820, y, letters.shortened(name, 22 * SHARP, 330 * SHARP), 22, LIGHT.muted)
        write(820, y + 26, letters.shortened(value, 32 * SHARP, 330 * SHARP), 32, LIGHT.text)
    out = io.BytesIO()
    # Few colours: a third of the bytes, and nothing that an eye would miss.
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).quantize(64, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()


def _draw_curves(
    pen: ImageDraw.ImageDraw, letters: Lettering, card: Card, box: tuple[float, float, float, float]
) -> None:
    left, top, right, bottom = (side * SHARP for side in box)
    months = max((curve.months for curve in card.curves), default=12)
    small = 20 * SHARP

    def x(month: float) -> float:
        return left + (right - left) * month / max(months, 1)

    def y(part: float) -> float:
        return bottom - (bottom - top) * min(max(part, 0.0), 1.0)

    for part, label in ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %")):
        pen.line(((left, y(part)), (right, y(part))), fill=LIGHT.line, width=SHARP * 2)
        pen.text((left - 12 * SHARP, y(part)), label, fill=LIGHT.muted, font=letters.font(small), anchor="rm")
    for month in _ticks(months):
        pen.text(
            (x(month - 0.5), bottom + 10 * SHARP), str(month), fill=LIGHT.muted, font=letters.font(small), anchor="ma"
        )
    when = "before and after each harvest" if len(card.curves) < 4 else "after each harvest"
    label = letters.fit(f"{card.unit}, {when}, by month")
    pen.text((left, bottom + 40 * SHARP), label, fill=LIGHT.muted, font=letters.font(small), anchor="la")
    curves = card.curves[:MOST_CURVES]
    few = len(curves) < 4
    for curve in curves:
        # Of many runs only what each harvest left: else nothing could be told apart.
        points = [
            point
            for month, (before, after) in enumerate(curve.stocks)
            for point in (((x(month + 0.1), y(before)),) if few else ()) + ((x(month + 0.9), y(after)),)
        ]
        colour = COLOURS[curve.kind]
        if len(points) > 1:
            pen.line(points, fill=colour, width=SHARP * (5 if few else 3), joint="curve")
        if points:
            radius = SHARP * (9 if few else 5)
            cx, cy = points[-1]
            pen.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=colour)


def _ticks(months: int) -> Sequence[int]:
    step = max(1, -(-months // 12))
    return range(1, months + 1, step)
