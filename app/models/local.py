"""Models on this machine: those found in a folder, as the endpoint `local`. Nothing of them is loaded here."""

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.models.endpoints import NAME_PATTERN, DeclaredPrice, Endpoint

NAME = "local"
DEFAULT_PORT = 8700
DEFAULT_ADDRESS = f"http://127.0.0.1:{DEFAULT_PORT}"
EXTRA = "govsim-observatory[local]"
NEEDED = ("torch", "transformers", "tokenizers", "safetensors")
CONFIG, ABOUT = "config.json", "govsim.json"
MAX_JSON = 1_000_000  # bytes; a longer file is no model's configuration

# Requests at once: the engine computes them together, and five agents decide at the same moment.
AT_ONCE = 8
# A long answer of a large model on a CPU; a request also waits while a model is loaded.
TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class LocalModel:
    """A model's folder in the Hugging Face form.

    `label` is what its `govsim.json` says it is, `context_tokens` how long a prompt and its answer may be together;
    `problem` says in a sentence why it cannot be loaded, as far as that shows from outside.
    """

    name: str
    folder: Path
    label: str | None = None
    context_tokens: int | None = None
    problem: str | None = None


def find_models(folder: Path) -> tuple[LocalModel, ...]:
    """Return the models below *folder* by name: each sub-folder with a config.json; none where there is no folder."""
    try:
        found = sorted(path for path in folder.iterdir() if re.match(NAME_PATTERN, path.name) and len(path.name) <= 100)
        return tuple(look_at(path) for path in found if (path / CONFIG).is_file())
    except OSError:
        return ()


def look_at(folder: Path, name: str | None = None) -> LocalModel:
    """Return the model in *folder*, which is called as the folder is if no *name* is given."""
    name = name or folder.resolve().name
    try:
        config = _json(folder / CONFIG)
    except (OSError, ValueError) as error:
        return LocalModel(name, folder, problem=f"Its {CONFIG} cannot be read: {error}.")
    try:
        about = _json(folder / ABOUT)
    except (OSError, ValueError):
        about = {}  # few folders have one, and nothing rests on it
    label, longest = about.get("label"), config.get("max_position_embeddings")
    return LocalModel(
        name,
        folder,
        label=" ".join(label.split())[:120] if isinstance(label, str) and label.strip() else None,
        context_tokens=longest if isinstance(longest, int) and 256 <= longest <= 10**9 else None,
        problem=None if any(folder.glob("*.safetensors")) else "It has no weights: a .safetensors file is missing.",
    )


def missing_extra() -> str | None:
    """Return which package of the extra [local] is not installed; None where all are. Nothing is imported."""
    return next((name for name in NEEDED if importlib.util.find_spec(name) is None), None)


def install_advice(missing: str) -> str:
    """Return one sentence that says what to install."""
    return f"Local models need the package {missing}, which is not installed: pip install '{EXTRA}'."


def local_endpoint(models: tuple[LocalModel, ...], address: str | None = None) -> Endpoint | None:
    """Return the endpoint of the *models*, asked at *address* (`http://host:port`); None where there are none.

    They cost nothing. Without the extra they are offered by nobody, and whoever names one is told what to install.
    """
    usable = [model for model in models if model.problem is None]
    if not usable:
        return None
    missing = missing_extra()
    return Endpoint(
        name=NAME,
        base_url=(address or DEFAULT_ADDRESS).rstrip("/") + "/v1",
        models=tuple(model.name for model in usable),
        max_concurrency=AT_ONCE,
        timeout_s=TIMEOUT_S,
        prices=tuple(DeclaredPrice(model=model.name, input_per_mtok=0, output_per_mtok=0) for model in usable),
        labels={model.name: model.label for model in usable if model.label},
        lengths={model.name: model.context_tokens for model in usable if model.context_tokens},
        place="the folder of local models (GOVSIM_LOCAL_MODELS)",
        unusable=None if missing is None else install_advice(missing),
    )


def with_local(endpoints: tuple[Endpoint, ...], folder: Path, address: str | None) -> tuple[Endpoint, ...]:
    """Return *endpoints* and that of the models in *folder*, which a table of that name stands in for."""
    if any(endpoint.name == NAME for endpoint in endpoints):
        return endpoints
    local = local_endpoint(find_models(folder), address)
    return endpoints if local is None else (*endpoints, local)


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_JSON:
        raise ValueError("it is too long")
    try:
        found = json.loads(path.read_text("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    return found
