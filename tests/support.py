"""What several test rooms need: small configurations, played episodes, a migrated database."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.commons.config import AgentConfig, EpisodeConfig, GameConfig, PolicyName, ScriptedMind
from app.commons.events import Event, event_json
from app.commons.scenario import get_condition, get_scenario
from app.engine.play import play
from app.jobs.launch import launch_plan
from app.jobs.launch_plan import LaunchPlan
from app.minds.build import build_minds
from app.models.base import Model
from app.store.connect import Database, open_database
from app.store.migrate import upgrade
from app.store.queries import events_after
from app.store.records import RunRecord
from app.store.runs import get_run

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("John", "Kate", "Jack", "Emma", "Luke")
VILLAGE: tuple[PolicyName, ...] = ("fair-share", "reciprocal", "forgetful", "reciprocal", "greedy")


def scripted_config(
    policies: Sequence[PolicyName] = VILLAGE,
    *,
    scenario: str = "fishery",
    condition: str = "default",
    seed: int = 1,
    game: GameConfig | None = None,
) -> EpisodeConfig:
    """Return a village of scripted agents."""
    names = [*NAMES, *(f"Agent {n}" for n in range(6, 13))][: len(policies)]
    chosen, words = get_condition(condition), get_scenario(scenario).words
    return EpisodeConfig(
        scenario=scenario,
        condition=condition,
        phases=chosen.phases(),
        agents=tuple(
            AgentConfig(name=name, mind=ScriptedMind(policy=policy), **dict(chosen.role(index, len(names), words)))
            for index, (name, policy) in enumerate(zip(names, policies, strict=True))
        ),
        seed=seed,
        game=game or GameConfig(months=chosen.months),
    )


def no_model(name: str) -> Model:
    """Fail: a scripted episode asks no model."""
    raise AssertionError(f"a scripted episode opened the model {name}")


async def played(config: EpisodeConfig) -> list[Event]:
    """Play a scripted episode and return its events."""
    events: list[Event] = []
    minds, framework = build_minds(config, {}, no_model)
    await play(config, minds, framework, events.append)
    return events


def texts(events: Sequence[Event]) -> list[str]:
    """Return the canonical bytes of events, as text."""
    return [event_json(event) for event in events]


def fresh_database(folder: Path, url: str | None = None) -> tuple[Database, str]:
    """Return an open, migrated database and its URL: that of *url*, else a file in *folder*."""
    url = url or f"sqlite:///{folder / 'test.db'}"
    upgrade(url, ROOT / "migrations")
    return open_database(url), url


class Instance:
    """A database (that of *url*, else a file) and a models file in a folder, and real `govsim` processes on them."""

    def __init__(self, folder: Path, models_toml: str, url: str | None = None) -> None:
        self.folder = folder
        (folder / "models.toml").write_text(models_toml)
        self.database, self.url = fresh_database(folder, url)
        self.processes: list[subprocess.Popen[str]] = []
        self.settings: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes: no keys, a lease that runs out soon."""
        kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        return kept | {
            "GOVSIM_DATABASE_URL": self.url,
            "GOVSIM_MODELS_FILE": str(self.folder / "models.toml"),
            "GOVSIM_STALE_AFTER_S": "3",
            "GOVSIM_RETRY_AFTER_S": "0.5",
            **self.settings,
        }

    def start(self, *arguments: str, module: str = "app.cli", **environment: str) -> "subprocess.Popen[str]":
        """Start `govsim` with *arguments*; *environment* adds to its variables."""
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.processes.append(process)
        return process

    def govsim(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `govsim` with *arguments* to its end."""
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    async def launch(self, **plan: object) -> list[str]:
        """Queue the runs of a plan and return their ids."""
        _, ids = await launch_plan(
            self.database,
            LaunchPlan.model_validate(plan),
            check_model=lambda name, kind="chat": None,
            prompt_folders=[ROOT / "templates" / "prompts"],
        )
        return ids

    async def until(self, run_id: str, reached: Callable[[RunRecord], bool], seconds: float = 60) -> RunRecord:
        """Wait until a run is as *reached* wants it.

        Raises:
            TimeoutError: naming the state it is in instead.
        """
        end = time.monotonic() + seconds
        while True:
            run = await get_run(self.database, run_id)
            if reached(run):
                return run
            if time.monotonic() > end:
                raise TimeoutError(f"run {run_id} is {run.state} ({run.reason}) after {run.months_played} months")
            await asyncio.sleep(0.05)

    async def events(self, run_id: str) -> list[str]:
        """Return the canonical bytes of a run's events."""
        return [text for _, text in await events_after(self.database, run_id)]

    async def close(self) -> None:
        """Kill what still runs and close the database."""
        for process in self.processes:
            process.kill()
            process.communicate()
        await self.database.close()
