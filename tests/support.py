"""What several test rooms need: small configurations, played episodes, a migrated database."""

from collections.abc import Sequence
from pathlib import Path

from app.commons.config import AgentConfig, EpisodeConfig, GameConfig, PolicyName, ScriptedMind
from app.commons.events import Event, event_json
from app.commons.scenario import get_condition
from app.engine.play import play
from app.minds.build import build_minds
from app.models.base import Model
from app.store.connect import Database, open_database
from app.store.migrate import upgrade

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
    names = [*NAMES, *(f"Agent {n}" for n in range(6, 13))]
    return EpisodeConfig(
        scenario=scenario,
        condition=condition,
        phases=get_condition(condition).phases(),
        agents=tuple(
            AgentConfig(name=name, mind=ScriptedMind(policy=policy))
            for name, policy in zip(names, policies, strict=False)
        ),
        seed=seed,
        game=game or GameConfig(),
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


def fresh_database(folder: Path) -> tuple[Database, str]:
    """Return an open, migrated database in *folder* and its URL."""
    url = f"sqlite:///{folder / 'test.db'}"
    upgrade(url, ROOT / "migrations")
    return open_database(url), url
