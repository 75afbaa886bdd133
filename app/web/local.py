"""The models on this machine, as pages and the JSON API tell of them."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from app.jobs.local_server import LocalServer, ModelState, look_at_models
from app.models.local_folder import LocalModel, find_models, install_advice, missing_extra


@dataclass(frozen=True)
class LocalModels:
    """Where they lie, where they are served (`address`), and the server if it is ours."""

    folder: Path
    address: str | None = None
    server: LocalServer | None = None


@dataclass(frozen=True)
class LocalLine:
    """A model on this machine and how it is; `advice` says what to do where it failed."""

    model: LocalModel
    now: ModelState
    advice: str | None


async def look_at_local(local: LocalModels) -> list[LocalLine]:
    """Return a line for each model in the folder, in the order of their names."""
    models = await asyncio.to_thread(find_models, local.folder)
    if not models:
        return []
    states = await look_at_models(models, local.address, local.server)
    return [LocalLine(model, state, _advice(model, state)) for model, state in zip(models, states, strict=True)]


def _advice(model: LocalModel, now: ModelState) -> str | None:
    if now.state != "failed":
        return None
    if (missing := missing_extra()) is not None:
        return install_advice(missing)
    if model.problem is not None:
        return f"Put the whole model into {model.folder}, then start again."
    return "Mend that, then start again; runs that wait for it go on by themselves."
