"""Checkpoints: folders as Hugging Face lays them out, with `config.json` and weights in safetensors files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from app.local.llama import Llama, rope_frequencies
from app.local.shape import Shape, UnusableCheckpoint, config_of, read_shape

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# Older checkpoints carry them; they follow from the configuration.
_DERIVED = ("rotary_emb.inv_freq",)


def load_model(folder: Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Llama:
    """Return the model in *folder*, its weights as *dtype* on *device*.

    Raises:
        UnusableCheckpoint: a file is missing or damaged, or a weight is missing, unknown or of another size.
    """
    shape = read_shape(folder)
    with torch.device("meta"):
        model = Llama(shape)
    expected = model.state_dict()
    weights = read_weights(folder)
    if shape.tied:
        weights.setdefault("lm_head.weight", weights.get("model.embed_tokens.weight", torch.empty(0)))
    _check(expected, weights)
    model.load_state_dict({name: value.to(device, dtype) for name, value in weights.items()}, assign=True)
    if shape.tied:
        model.lm_head.weight = model.model.embed_tokens.weight
    # It was made without memory; it is no part of a checkpoint.
    model.register_buffer("frequencies", rope_frequencies(shape.rope, shape.head_size).to(device), persistent=False)
    return model.eval().requires_grad_(False)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Return all tensors in the safetensors files of *folder*, one or several, as they are stored.

    Raises:
        UnusableCheckpoint: there are none, or one cannot be read.
    """
    weights: dict[str, Tensor] = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                weights |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise UnusableCheckpoint(f"{path.name} cannot be read: {error}") from None
    return {name: value for name, value in weights.items() if not name.endswith(_DERIVED)}


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold the weights of *folder*, in a fixed order.

    Raises:
        UnusableCheckpoint: there are none, or the index names one outside the folder or one that is missing.
    """
    index = folder / INDEX
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not index.is_file():
        raise UnusableCheckpoint(f"{folder.name} has no {WEIGHTS}. Weights in other formats are not read.")
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        raise UnusableCheckpoint(f"{INDEX} cannot be read.") from None
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise UnusableCheckpoint(f"{INDEX} names {name!r}, which is not in the folder.")
    return [folder / name for name in names]


def save_model(model: Llama, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write *model* to *folder* so that we and transformers can load it; files there are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    name = next(name for name, value in DTYPES.items() if value == dtype)
    weights = {key: value.detach().to("cpu", dtype).contiguous() for key, value in model.state_dict().items()}
    if model.shape.tied:
        del weights["lm_head.weight"]
    partial = folder / f"{WEIGHTS}.partial"
    save_file(weights, partial, metadata={"format": "pt"})
    partial.replace(folder / WEIGHTS)
    (folder / "config.json").write_text(_json(config_of(model.shape, name)), encoding="utf-8")
    _write_generation(model.shape, folder)


def _write_generation(shape: Shape, folder: Path) -> None:
    said = {"bos_token_id": shape.bos, "eos_token_id": list(shape.eos) or None, "pad_token_id": shape.pad}
    text = _json({name: value for name, value in said.items() if value is not None})
    (folder / "generation_config.json").write_text(text, encoding="utf-8")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _check(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    if missing := sorted(expected.keys() - weights.keys()):
        raise UnusableCheckpoint(f"The weights lack {missing[0]} and {len(missing) - 1} more.")
    if unknown := sorted(weights.keys() - expected.keys()):
        raise UnusableCheckpoint(f"The weights hold {unknown[0]}, which no Llama of this shape has.")
    for name, value in weights.items():
        if value.shape != expected[name].shape:
            sizes = f"{tuple(value.shape)}, not {tuple(expected[name].shape)}"
            raise UnusableCheckpoint(f"{name} has the size {sizes}, which config.json asks for.")
        if not value.is_floating_point():
            raise UnusableCheckpoint(f"{name} holds {value.dtype}: quantized weights are not supported.")
