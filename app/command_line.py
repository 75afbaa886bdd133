"""What the commands of `govsim` share: settings, models, prompt sets, and one sentence for what is wrong."""

import gc
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from app.logs import Level, secrets_in, set_up_logs
from app.settings import Settings, environment, load_settings

if TYPE_CHECKING:
    from app.jobs.local_server import LocalServer
    from app.models.hub import ModelHub

errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def fail(message: str) -> NoReturn:
    """Say what is wrong and end with exit code 2."""
    errors.print(f"govsim: {message}")
    raise typer.Exit(2)


def settings_and_schema(least: Level = "warning") -> Settings:
    """Return the settings, with logs and the database set up as they say; *least* is the level where they say none."""
    from app.store.migrate import upgrade

    settings = load_settings()
    start_logs(settings, least)
    upgrade(settings.database_url, settings.migrations)
    return settings


def start_logs(settings: Settings | None = None, least: Level = "warning") -> None:
    """Send log lines to standard error; standard output is for results."""
    form, level = (settings.log_format, settings.log_level or least) if settings else ("console", least)
    set_up_logs(form, level, secrets_in(environment()) | (settings.secrets if settings else set()))


def collect_seldom() -> None:
    """Let the collector of reference cycles look less often, and never at what was loaded at the start.

    A process that plays makes many small objects that live for a call; looking through all of them after every 700 new
    ones took a sixth of its time. A web process paused for 0.1 s at every twentieth page (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def hub_of(settings: Settings) -> "ModelHub":
    """Return the models that the environment and the models file name."""
    from app.models.hub import ModelHub

    return ModelHub(settings.endpoints(environment()))


def serving_local(settings: Settings, models: Iterable[str]) -> tuple[Settings, "LocalServer | None"]:
    """Return the settings with the address of local models, and the server to keep for them if none runs yet.

    Args:
        settings: as they are.
        models: names of what will be asked; where none is `local/...`, nothing is looked for.
    """
    from app.jobs.local_server import local_server

    if not any(name.startswith("local/") for name in models):
        return settings, None
    address, server = local_server(settings.local_models, settings.local_url)
    return settings.model_copy(update={"local_url": address}), server


def keeping(server: "LocalServer | None") -> AbstractAsyncContextManager[None]:
    """Keep *server*, if there is one, inside `async with`."""
    return server.kept() if server is not None else nullcontext()


def prompt_folders(settings: Settings) -> list[Path]:
    """Return where prompt sets lie: the user's folder first."""
    return list(settings.prompt_folders)


def number_or_none(option: str, text: str) -> float | None:
    """Read a number, or `none` for a parameter that is not sent."""
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        fail(f"{option} takes a number or none, not '{text}'.")
