"""An experiment as a researcher lives it: from one file to a link that others open."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.benchmarks.experiment import GRID, LATENCY_MS, LIMIT_S, SMALL, Journey, from_file_to_link
from tests.fakes.process import FakeModelServer
from tests.support import Instance


def travelled(folder: Path, definition: str) -> Journey:
    with FakeModelServer(seed=1, latency_ms=LATENCY_MS) as server:
        made = Instance(folder, server.models_toml("lab", max_concurrency=50))
        try:
            return from_file_to_link(made, definition)
        finally:
            asyncio.run(made.close())


def check(journey: Journey, cells: int, seeds: int) -> None:
    """See that all runs are there, in their cells, in the comparison, in the table and behind the link."""
    grid = journey.experiment["cells"]
    assert [(cell["planned"], cell["finished"], cell["failed"]) for cell in grid] == [(seeds, seeds, 0)] * cells
    assert {run["state"] for run in journey.experiment["runs"]} == {"finished"}
    groups = journey.comparison["comparison"]["groups"]
    assert sum(len(group["runs"]) + len(group["twins"]) for group in groups) == cells * seeds
    assert "\\begin{tabular}" in journey.latex and "villager" in journey.latex
    assert re.search(r"/s/[\w-]{22}", journey.link)
    assert "lab/villager" in journey.opened and "Shared view" in journey.opened


def test_a_small_grid_goes_from_its_file_to_a_link(tmp_path: Path) -> None:
    check(travelled(tmp_path, SMALL), cells=4, seeds=2)


@pytest.mark.long
def test_36_runs_go_from_their_file_to_a_link_in_five_minutes(tmp_path: Path) -> None:
    journey = travelled(tmp_path, GRID)
    check(journey, cells=12, seeds=3)
    assert journey.total < LIMIT_S, journey.seconds
    if shutil.which("pdflatex") is not None:
        (tmp_path / "table.tex").write_text(journey.latex)
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
