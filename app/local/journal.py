"""What a training says of itself: one JSON line for each look at the held-out prompts, and a chart of them as SVG."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

LOG = "training.jsonl"
CHART = "training.svg"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 420, 56, 44, 40, 110
DASHES = ("", "7 4")
"""A line of each of two trainings in one chart: whole, or broken."""


@dataclass(frozen=True)
class Look:
    """The state of a training after `step` steps.

    `losses` are those of held-out prompts and answers, weighed as in training, at each exit layer, first to last, in
    nats a token; `loss` is the last step's; `tokens` were read in `seconds`, `cpu_seconds` of computing time.
    """

    step: int
    loss: float
    losses: tuple[float, ...]
    tokens: int
    seconds: float
    cpu_seconds: float

    def told(self, steps: int) -> str:
        """Say how far a training of *steps* steps is, in a line."""
        losses = " ".join(f"{loss:.2f}" for loss in self.losses)
        left = self.seconds / self.step * (steps - self.step)
        return f"step {self.step} of {steps}  loss by exit layer {losses}  {self.seconds:.0f} s, {left:.0f} s to go"


def write_look(folder: Path, look: Look) -> None:
    """Append *look* to the log in *folder*."""
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(look)) + "\n")


def read_looks(folder: Path) -> list[Look]:
    """Return the log in *folder*, first to last; a step that was trained again counts as it was the last time."""
    path = folder / LOG
    if not path.is_file():
        return []
    looks: dict[int, Look] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        looks[said["step"]] = Look(**{**said, "losses": tuple(said["losses"])})
    return [looks[step] for step in sorted(looks)]


def forget_after(folder: Path, step: int) -> None:
    """Drop what the log in *folder* says of steps after *step*: they will be trained again."""
    kept = [look for look in read_looks(folder) if look.step <= step]
    if (folder / LOG).is_file():
        (folder / LOG).write_text("".join(json.dumps(asdict(look)) + "\n" for look in kept), encoding="utf-8")


def chart(trainings: Mapping[str, Sequence[Look]], layers: Iterable[int]) -> str:
    """Return the losses at the exit *layers* (counted from 1) of one or two named trainings as an SVG document."""
    shown = list(layers)
    points = [look for looks in trainings.values() for look in looks]
    last = max((look.step for look in points), default=1)
    highest = max((look.losses[layer - 1] for look in points for layer in shown), default=1.0)
    highest = max(1.0, min(highest, 9.0))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13" role="img"><title>Loss by exit layer</title><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="22">Loss of held-out prompts and answers, nats a token</text>',
    ]
    for tick in range(int(highest) + 1):
        y = _y(tick, highest)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    for tick in range(5):
        x = _x(last * tick / 4, last)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{last * tick // 4}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">step</text>')
    ends: list[tuple[float, str, str]] = []
    for (name, looks), dash in zip(trainings.items(), DASHES, strict=False):
        for layer in shown:
            colour = f"hsl({220 - 220 * (layer - 1) // max(1, max(shown) - 1)} 70% 42%)"
            path = " ".join(
                f"{'M' if index == 0 else 'L'}{_x(look.step, last):.1f} {_y(look.losses[layer - 1], highest):.1f}"
                for index, look in enumerate(looks)
            )
            parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
            if looks:
                label = f"{layer} {name}" if len(trainings) > 1 else f"layer {layer}"
                ends.append((_y(looks[-1].losses[layer - 1], highest), colour, label))
    below = 0.0
    for y, colour, label in sorted(ends):
        below = max(y, below + 14)
        parts.append(f'<text x="{WIDTH - RIGHT + 6}" y="{below + 4:.1f}" fill="{colour}">{escape(label)}</text>')
    return "".join(parts) + "</svg>\n"


def _x(step: float, last: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * step / max(1, last)


def _y(loss: float, highest: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(loss, highest) / highest
