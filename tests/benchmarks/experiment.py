"""An experiment from its file to a link: launched, played, compared, exported to LaTeX and shared, step by step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.benchmarks.figures import Report
from tests.benchmarks.places import instance
from tests.browser.observatory import Observatory
from tests.fakes.process import FakeModelServer
from tests.support import Instance

LATENCY_MS = 20
LIMIT_S = 300
GRID = """
name = "Two models in three villages"
scenarios = ["fishery", "pasture", "pollution"]
conditions = ["default", "universalization"]
seeds = "1-3"
models = ["generative:lab/villager", "generative:lab/greedy"]
"""
SMALL = """
name = "Two models in one village"
scenarios = ["fishery"]
conditions = ["default", "universalization"]
seeds = "1-2"
models = ["generative:lab/villager", "generative:lab/greedy"]
[settings]
months = 2
"""


@dataclass
class Journey:
    """What came of each step, and how many seconds each took."""

    experiment: dict[str, Any] = field(default_factory=dict)
    comparison: dict[str, Any] = field(default_factory=dict)
    latex: str = ""
    link: str = ""
    opened: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """From the launch to the opened link, in seconds."""
        return sum(self.seconds.values())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step."""
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started


def from_file_to_link(made: Instance, definition: str, limit_s: float = LIMIT_S) -> Journey:
    """Launch *definition* from a file, wait for its runs, compare, export and share them, and open the link.

    Raises:
        TimeoutError: if the runs are not over in *limit_s* seconds.
    """
    file = made.folder / "experiment.toml"
    file.write_text(definition)
    journey = Journey()
    served = Observatory(made)
    try:
        with httpx.Client(base_url=served.base, trust_env=False, timeout=120) as client:
            with journey.step("launch"):
                done = made.govsim("run", "--experiment", str(file), "--detach", "--json")
                assert done.returncode == 0, done.stderr
                experiment = httpx.Response(200, text=done.stdout).json()["experiment"]
            with journey.step("play"):
                _until_over(client, experiment, limit_s)
                journey.experiment = client.get(f"/api/v1/experiments/{experiment}").raise_for_status().json()
            chosen = {"experiment": experiment, "group": ["model", "condition"]}
            with journey.step("compare"):
                journey.comparison = client.get("/api/v1/compare", params=chosen).raise_for_status().json()
            with journey.step("export"):
                journey.latex = client.get("/compare/export/tex", params=chosen).raise_for_status().text
            with journey.step("share"):
                share = client.post("/api/v1/compare/shares", params=chosen, json={}).raise_for_status()
                journey.link = share.json()["link"]
                journey.opened = client.get(journey.link).raise_for_status().text
    finally:
        served.kill()
    return journey


def measure(report: Report) -> None:
    """Measure the way of 36 runs from one file to a link."""
    report.heading(f"An experiment of 36 runs from its file to a link, models answering in {LATENCY_MS} ms")
    with FakeModelServer(seed=1, latency_ms=LATENCY_MS) as server, instance(server) as made:
        journey = from_file_to_link(made, GRID)
    for name, seconds in journey.seconds.items():
        report.add(name, seconds, None, "s")
    report.add("from launch to link", journey.total, LIMIT_S, "s")


def _until_over(client: httpx.Client, experiment: str, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while True:
        [line] = client.get("/api/v1/experiments", params={"q": experiment}).raise_for_status().json()["experiments"]
        if line["state"] != "running":
            return
        if time.monotonic() > end:
            raise TimeoutError(f"after {limit_s:.0f} s the runs are {line['states']}")
        time.sleep(0.25)
