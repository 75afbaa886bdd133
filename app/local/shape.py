"""The shape of a Llama: what `config.json` of a Hugging Face folder says, checked, and nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MODEL_TYPES = ("llama", "mistral")
"""Types of `config.json` whose layers are Llama's (Mistral without its sliding window)."""
ROPE_TYPES = ("default", "linear", "llama3")
MAX_CONFIG_BYTES = 1_000_000


class UnusableCheckpoint(ValueError):
    """A folder that is no checkpoint we can run; the message says what is wrong with it."""


@dataclass(frozen=True)
class Rope:
    """Rotary positions: base `theta`, and how the frequencies are stretched (`kind` is one of ROPE_TYPES)."""

    theta: float = 10_000.0
    kind: str = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_positions: int = 8192


@dataclass(frozen=True)
class Shape:
    """Sizes of a Llama. `width` is the hidden size; `kv_heads` of `heads` hold keys and values (GQA)."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    inner: int
    positions: int
    eps: float = 1e-5
    tied: bool = True
    attention_bias: bool = False
    mlp_bias: bool = False
    rope: Rope = Rope()
    bos: int | None = None
    eos: tuple[int, ...] = ()
    pad: int | None = None

    def __post_init__(self) -> None:
        """Check what must hold between the sizes.

        Raises:
            UnusableCheckpoint: it does not.
        """
        for name in ("vocabulary", "width", "layers", "heads", "kv_heads", "head_size", "inner", "positions"):
            if getattr(self, name) < 1:
                raise UnusableCheckpoint(f"{name} must be 1 or more, not {getattr(self, name)}.")
        if self.heads % self.kv_heads:
            raise UnusableCheckpoint(f"{self.heads} heads cannot share {self.kv_heads} key-value heads evenly.")
        if self.head_size % 2:
            raise UnusableCheckpoint(f"Rotary positions need an even head size, not {self.head_size}.")

    @property
    def parameters(self) -> int:
        """How many weights a model of this shape has."""
        attention = self.width * self.head_size * (2 * self.heads + 2 * self.kv_heads)
        layer = attention + 3 * self.width * self.inner + 2 * self.width
        heads = 1 if self.tied else 2
        return self.layers * layer + heads * self.vocabulary * self.width + self.width


def read_shape(folder: Path) -> Shape:
    """Return the shape that *folder*`/config.json` describes.

    Raises:
        UnusableCheckpoint: there is no such file, it is not JSON, or it describes something other than a Llama.
    """
    path = folder / "config.json"
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise UnusableCheckpoint(f"{path.name} is larger than {MAX_CONFIG_BYTES} bytes.")
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UnusableCheckpoint(f"{folder.name} has no config.json that can be read.") from None
    except ValueError as error:
        raise UnusableCheckpoint(f"{path.name} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise UnusableCheckpoint(f"{path.name} holds no object.")
    return shape_of(config)


def shape_of(config: Mapping[str, Any]) -> Shape:
    """Return the shape in *config*, the object of a `config.json`.

    Raises:
        UnusableCheckpoint: a size is missing or wrong, or the layers are not Llama's.
    """
    kind = config.get("model_type")
    if kind not in MODEL_TYPES:
        raise UnusableCheckpoint(f"Models of type {kind!r} are not supported, only {' and '.join(MODEL_TYPES)}.")
    if config.get("sliding_window"):
        raise UnusableCheckpoint("A sliding attention window is not supported.")
    if config.get("quantization_config"):
        raise UnusableCheckpoint("Quantized weights are not supported: use a checkpoint in float32 or bfloat16.")
    if (activation := config.get("hidden_act", "silu")) != "silu":
        raise UnusableCheckpoint(f"The activation {activation!r} is not supported, only 'silu'.")
    try:
        width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        return Shape(
            vocabulary=int(config["vocab_size"]),
            width=width,
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_size=int(config.get("head_dim") or width // max(heads, 1)),
            inner=int(config["intermediate_size"]),
            positions=int(config.get("max_position_embeddings") or 2048),
            eps=float(config.get("rms_norm_eps", 1e-6)),
            tied=bool(config.get("tie_word_embeddings", False)),
            attention_bias=bool(config.get("attention_bias", False)),
            mlp_bias=bool(config.get("mlp_bias", False)),
            rope=_rope(config),
            bos=_one(config.get("bos_token_id")),
            eos=_ids(config.get("eos_token_id")),
            pad=_one(config.get("pad_token_id")),
        )
    except KeyError as error:
        raise UnusableCheckpoint(f"config.json does not say {error.args[0]}.") from None
    except (TypeError, ValueError) as error:
        if isinstance(error, UnusableCheckpoint):
            raise
        raise UnusableCheckpoint(f"config.json holds a wrong value: {error}.") from None


def config_of(shape: Shape, dtype: str) -> dict[str, Any]:
    """Return the `config.json` of a model of *shape* whose weights are stored as *dtype*, for transformers too."""
    rope: dict[str, Any] = {"rope_type": shape.rope.kind, "rope_theta": shape.rope.theta}
    if shape.rope.kind != "default":
        rope["factor"] = shape.rope.factor
    if shape.rope.kind == "llama3":
        rope |= {
            "low_freq_factor": shape.rope.low_freq_factor,
            "high_freq_factor": shape.rope.high_freq_factor,
            "original_max_position_embeddings": shape.rope.original_positions,
        }
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_size,
        "intermediate_size": shape.inner,
        "max_position_embeddings": shape.positions,
        "rms_norm_eps": shape.eps,
        "tie_word_embeddings": shape.tied,
        "attention_bias": shape.attention_bias,
        "mlp_bias": shape.mlp_bias,
        "hidden_act": "silu",
        "rope_parameters": rope,
        "bos_token_id": shape.bos,
        "eos_token_id": list(shape.eos) if len(shape.eos) != 1 else shape.eos[0],
        "pad_token_id": shape.pad,
        "dtype": dtype,
    }


def _rope(config: Mapping[str, Any]) -> Rope:
    # transformers 5 writes `rope_parameters`; older files have `rope_theta` and `rope_scaling` beside it.
    said = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    kind = str(said.get("rope_type") or said.get("type") or "default")
    if kind not in ROPE_TYPES:
        raise UnusableCheckpoint(f"Rotary positions of type {kind!r} are not supported, only {', '.join(ROPE_TYPES)}.")
    given = {
        "theta": said.get("rope_theta", config.get("rope_theta")),
        "factor": said.get("factor"),
        "low_freq_factor": said.get("low_freq_factor"),
        "high_freq_factor": said.get("high_freq_factor"),
        "original_positions": said.get("original_max_position_embeddings"),
    }
    known = {name: value for name, value in given.items() if value is not None}
    return Rope(**(asdict(Rope()) | {"kind": kind} | known))


def _one(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _ids(value: object) -> tuple[int, ...]:
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, int))
    return (value,) if isinstance(value, int) else ()
