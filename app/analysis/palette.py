"""The colours and signs of charts, as static/css/tokens.css has them for pages (a test holds the two together)."""

from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark"]

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

SYMBOLS = (
    "circle", "square", "triangle-up", "diamond", "pentagon", "hexagon2",
    "cross", "triangle-down", "octagon", "star", "hourglass", "bowtie",
)  # fmt: skip
"""An agent's marker, by its place among the agents: the shape of its mark on the page."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""An agent's line, repeated after six."""

PATTERNS = ("", "/", ".", "x", "-", "\\", "+", "|")
"""An agent's bar, repeated after eight."""


@dataclass(frozen=True)
class Palette:
    """One theme's colours, each as #RRGGBB."""

    surface: str
    text: str
    muted: str
    line: str
    accent: str
    ok: str
    warn: str
    bad: str
    agents: tuple[str, ...]

    def agent(self, index: int) -> str:
        """Return the colour of the agent at place *index*, counted from 0."""
        return self.agents[index % len(self.agents)]


LIGHT = Palette(
    surface="#FFFFFF",
    text="#1B1F24",
    muted="#57606A",
    line="#DEDFDA",
    accent="#0B5CAD",
    ok="#0B6E4F",
    warn="#8A5A00",
    bad="#B42318",
    agents=(
        "#002D98", "#7B1900", "#008458", "#AF509C", "#330947",
        "#1B1F24", "#3F464F", "#57606A", "#1B1F24", "#3F464F", "#57606A", "#1B1F24",
    ),
)  # fmt: skip

DARK = Palette(
    surface="#171C22",
    text="#E8EAED",
    muted="#A3ACB7",
    line="#2A323B",
    accent="#7CB8FF",
    ok="#4FD1A5",
    warn="#F2B84B",
    bad="#FF8A7A",
    agents=(
        "#5085FF", "#B58052", "#86FFC2", "#E752A4", "#FFF347",
        "#E8EAED", "#C6CCD3", "#A3ACB7", "#E8EAED", "#C6CCD3", "#A3ACB7", "#E8EAED",
    ),
)  # fmt: skip


def palette(theme: Theme) -> Palette:
    """Return the colours of *theme*."""
    return DARK if theme == "dark" else LIGHT
