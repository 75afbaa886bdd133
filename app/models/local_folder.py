"""Models on this machine: which folders hold one. Nothing of them is loaded, and little is imported."""

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
DEFAULT_PORT = 8700
EXTRA = "govsim-observatory[local]"
NEEDED = ("torch", "transformers", "tokenizers", "safetensors")
CONFIG, ABOUT = "config.json", "govsim.json"
LONGEST_CONTEXT = 8192
"""Tokens that are kept of a prompt and its answer together, however many a model could take."""
MAX_JSON = 1_000_000  # bytes; a longer file is no model's configuration


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
        found = sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))
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
        context_tokens=min(longest, LONGEST_CONTEXT) if isinstance(longest, int) and longest >= 256 else None,
        problem=None if any(folder.glob("*.safetensors")) else "It has no weights: a .safetensors file is missing.",
    )


def missing_extra() -> str | None:
    """Return which package of the extra [local] is not installed; None where all are. Nothing is imported."""
    return next((name for name in NEEDED if importlib.util.find_spec(name) is None), None)


def install_advice(missing: str) -> str:
    """Return one sentence that says what to install."""
    return f"Local models need the package {missing}, which is not installed: pip install '{EXTRA}'."


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
