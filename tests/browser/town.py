"""A populated instance: one run for every way a run can be, and what else pages show.

It is filled through the API, as a program of its users would fill it.
"""

import asyncio
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from sqlalchemy import update

from app.store.tables import RunRow
from tests.browser.observatory import Observatory
from tests.fakes.process import FakeModelServer
from tests.support import ROOT, Instance

LOGS = ROOT.parent / "shared" / "data" / "govsim-logs" / "runs"
LOG = "sleek-music-168"
# Nobody listens there.
GONE = '\n[endpoints.gone]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["nobody"]\nattempts = 1\n'
HELD_MS = 3_600_000

VILLAGE = ("forgetful", "greedy", "random", "fair-share", "reciprocal")
NAMES = ("John", "Kate", "Jack", "Emma", "Luke", "Mia", "Noah", "Olga", "Pete", "Quinn", "Rosa", "Sam")

GRID = {
    "name": "Policies under two conditions",
    "note": "What a table looks like.",
    "scenarios": ["fishery", "pollution"],
    "conditions": ["default", "universalization"],
    "seeds": [1, 2, 3],
    "models": ["scripted:greedy", "scripted:random"],
    "settings": {"months": 2},
    "budget": {"tokens": 1_000_000},
}
"""An experiment launched by its definition, over before anybody looks."""

RUNS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "finished": {"minds": ["generative:lab/villager"], "months": 3, "condition": "universalization"},
        "broken": {"minds": ["scripted:forgetful"], "scenario": "pasture", "name": "Promises"},
        "collapsed": {"minds": ["scripted:greedy"], "name": "Everybody for themselves", "seeds": [1, 2]},
        "crowd": {"minds": ["scripted:reciprocal"], "scenario": "pollution", "agents": NAMES, "capacity": 240},
        "long": {"minds": ["scripted:reciprocal"], "agents": NAMES, "capacity": 240, "months": 120},
        "mixed": {"minds": [f"scripted:{policy}" for policy in VILLAGE], "seeds": [3, 4]},
        "failed": {"minds": ["scripted:random"], "months": 2},
        "deleted": {"minds": ["scripted:random"], "months": 1},
    }
)
"""Runs that are over before anybody looks, by the name under which tests find them."""


@dataclass(frozen=True)
class Town:
    """Where the instance is served, and what is in it: ids and links by name, to be put into addresses."""

    base: str
    names: Mapping[str, str] = field(default_factory=dict)

    def address(self, path: str) -> str:
        """Return the address of *path*, in which `{finished}` and the like stand for ids.

        Raises:
            KeyError: if the town has no such thing.
        """
        filled = path.format_map(self.names)
        return filled if filled.startswith("http") else self.base + filled

    def has(self, path: str) -> bool:
        """Tell whether everything that *path* names is there: without the real logs nothing is imported."""
        try:
            self.address(path)
        except KeyError:
            return False
        return True


@contextmanager
def open_town(folder: Path) -> Iterator[Town]:
    """Serve a populated instance from *folder*, one of its runs in the middle of a month for as long as it is open."""
    with FakeModelServer(seed=1) as models:
        instance = Instance(folder, models.models_toml("lab", max_concurrency=25, attempts=2, timeout_s=3600) + GONE)
        instance.settings["GOVSIM_RETRY_AFTER_S"] = "600"
        served = Observatory(instance)
        try:
            with httpx.Client(base_url=served.base, trust_env=False, timeout=60) as client:
                names = _fill(client, models)
            asyncio.run(_fail(instance, names["failed"]))
            yield Town(served.base, MappingProxyType(names))
        finally:
            served.kill()
            asyncio.run(instance.close())


@contextmanager
def open_empty_town(folder: Path, password: str) -> Iterator[Town]:
    """Serve an instance in which nothing has happened yet, behind a password."""
    instance = Instance(folder, "")
    instance.settings["GOVSIM_PASSWORD"] = password
    served = Observatory(instance, "--no-worker")
    try:
        yield Town(served.base)
    finally:
        served.kill()
        asyncio.run(instance.close())


def _fill(client: httpx.Client, models: FakeModelServer) -> dict[str, str]:
    names: dict[str, str] = {}
    for name, plan in RUNS.items():
        launched = _post(client, "/api/v1/runs", plan)
        names[name] = launched["runs"][0]
        if launched["experiment"]:
            names[f"{name}_experiment"] = launched["experiment"]
    grid = _post(client, "/api/v1/experiments", GRID)
    names["grid"] = grid["experiment"]
    # One that is refused by its endpoint, and one whose models take an hour for the talk of month 2.
    names["paused"] = _post(client, "/api/v1/runs", {"minds": ["generative:gone/nobody"]})["runs"][0]
    for name in RUNS:
        _until(client, f"runs/{names[name]}", lambda run: run["state"] == "finished")
    for run in grid["runs"]:
        _until(client, f"runs/{run}", lambda run: run["state"] == "finished")
    tests = {"model": "lab/villager", "scenarios": ["fishery"], "cases": 2, "seed": 1}
    names["tests"] = _post(client, "/api/v1/subskills", tests)["tests"][0]
    _until(client, f"subskills/{names['tests']}", lambda run: run["state"] == "finished")
    _until(client, f"runs/{names['paused']}", lambda run: run["state"] == "paused")
    models.control(latency_ms=40)
    names["live"] = _post(client, "/api/v1/runs", {"minds": ["generative:lab/villager"]})["runs"][0]
    _until(client, f"runs/{names['live']}", lambda run: run["metrics"]["months_played"] >= 1)
    models.control(latency_ms=HELD_MS)
    for name, run, wish in (
        ("shared", "finished", {"scope": "snapshot", "label": "For the reading group"}),
        ("followed", "live", {"scope": "follow", "days": None}),
        ("shared_bare", "collapsed", {"prompts": False}),
        ("revoked", "finished", {}),
    ):
        made = _post(client, f"/api/v1/runs/{names[run]}/shares", wish)
        names[name] = made["link"]
        if name == "revoked":
            client.post(f"/api/v1/shares/{made['share']['id']}/revoke").raise_for_status()
    experiment = f"/api/v1/experiments/{names['mixed_experiment']}/shares"
    names["shared_experiment"] = _post(client, experiment, {"author": "R. Searcher"})["link"]
    compared = "/api/v1/compare/shares?scenario=fishery&group=model"
    names["shared_comparison"] = _post(client, compared, {"author": "R. Searcher"})["link"]
    client.delete(f"/api/v1/runs/{names['deleted']}").raise_for_status()
    client.put(f"/api/v1/runs/{names['broken']}/tags/for the paper").raise_for_status()
    kept = {"name": "Promises, kept and broken", "note": "Who breaks the agreement first?\nJohn, in month 2."}
    client.patch(f"/api/v1/runs/{names['broken']}", json=kept).raise_for_status()
    if (LOGS / LOG).is_dir():
        names["imported"] = _import(client)
    return names


def _post(client: httpx.Client, path: str, body: object) -> Any:
    answer = client.post(path, json=body)
    assert answer.is_success, f"{path}: {answer.text[:500]}"
    return answer.json()


def _until(client: httpx.Client, path: str, reached: Callable[[Any], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not reached(found := client.get(f"/api/v1/{path}").raise_for_status().json()):
        assert time.monotonic() < end, f"{path} is not as it should be after {seconds:.0f} s: {found}"
        time.sleep(0.05)


def _import(client: httpx.Client) -> str:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((LOGS / LOG).rglob("*")):
            archive.write(file, file.relative_to(LOGS))
    answer = client.post("/import", files={"files": (f"{LOG}.zip", packed.getvalue(), "application/zip")})
    assert answer.status_code < 400, answer.text[:500]
    found = client.get("/api/v1/runs", params={"q": LOG}).json()["runs"]
    return str(found[0]["id"])


async def _fail(instance: Instance, run_id: str) -> None:
    """Make a run one that failed: a defect of ours, which tests cannot cause."""
    async with instance.database.write() as connection:
        reason = "ZeroDivisionError: division by zero"
        values = {"state": "failed", "reason_kind": "defect", "reason": reason}
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**values))
