"""What a benchmark prints: each figure with its limit and the ratio to it, `OVER` where the limit is missed."""

import os
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """A measured figure and its limit, in the same unit; without a limit it is only told."""

    name: str
    measured: float
    limit: float | None
    unit: str = ""

    @property
    def over(self) -> bool:
        """Whether the limit is missed."""
        return self.limit is not None and self.measured > self.limit

    def __str__(self) -> str:
        told = f"{self.name:<78} {self.measured:>10,.2f} {self.unit:<8}"
        if self.limit is None:
            return told.rstrip()
        ratio = self.measured / self.limit if self.limit else float("inf") if self.measured else 0.0
        return f"{told} limit {self.limit:>8,.2f}  ratio {ratio:>5.2f}{'  OVER' if self.over else ''}"


class Report:
    """Prints figures as they come and keeps them for the end."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def heading(self, text: str) -> None:
        """Begin a group of figures."""
        print(f"\n{text}", flush=True)

    def note(self, text: str) -> None:
        """Say something that is no figure."""
        print(f"  {text}", flush=True)

    def add(self, name: str, measured: float, limit: float | None = None, unit: str = "") -> None:
        """Print and keep a figure."""
        figure = Figure(name, measured, limit, unit)
        self.figures.append(figure)
        print(f"  {figure}", flush=True)


def percentile(values: list[float], share: float) -> float:
    """Return the value that the fraction *share* of *values* does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def machine() -> str:
    """Describe the machine and how busy it is."""
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) / 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    parts = [
        f"{os.cpu_count()} cores" + (f" ({names[0]})" if names else ""),
        *(f"{size:.0f} GiB memory" for size in memory),
        f"{platform.system()} {platform.release()}",
        f"Python {sys.version.split()[0]}",
        f"load {os.getloadavg()[0]:.1f}",
        f"{datetime.now(UTC):%Y-%m-%d}",
    ]
    return ", ".join(parts)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
