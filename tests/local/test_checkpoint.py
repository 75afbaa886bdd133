"""Checkpoints load, save and compute as transformers does with the same files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra [local] is not installed")

from safetensors.torch import load_file, save_file  # noqa: E402

from app.local.checkpoint import load_model, save_model  # noqa: E402
from app.local.llama import Llama  # noqa: E402
from app.local.shape import Rope, Shape, UnusableCheckpoint, read_shape, shape_of  # noqa: E402

TINY = Shape(vocabulary=50, width=32, layers=3, heads=4, kv_heads=2, head_size=8, inner=48, positions=512, eos=(1,))
SHAPES = {
    "grouped": TINY,
    "heads of their own, biases, untied": replace(TINY, kv_heads=4, tied=False, attention_bias=True, mlp_bias=True),
    "one key-value head, wide heads": replace(TINY, kv_heads=1, head_size=16),
    "llama3": replace(TINY, rope=Rope(500_000.0, "llama3", 8.0, 1.0, 4.0, 64)),
    "linear": replace(TINY, rope=Rope(10_000.0, "linear", 4.0)),
}


def made(shape: Shape, seed: int = 0) -> Llama:
    torch.manual_seed(seed)
    model = Llama(shape)
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.randn_like(value) * 0.2 + (1.0 if value.dim() == 1 else 0.0))
    return model


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_computes_what_transformers_does(shape: Shape, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    save_model(made(shape), tmp_path)
    assert read_shape(tmp_path) == shape
    ours = load_model(tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    tokens = torch.randint(0, 50, (2, 120), generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        mine = ours.logits(ours(tokens)[-1])
        assert torch.allclose(mine, theirs(tokens).logits, atol=2e-4)
        hidden = theirs(tokens, output_hidden_states=True).hidden_states
        assert torch.allclose(ours(tokens)[0], hidden[1], atol=2e-4)


def test_weights_in_several_files_and_in_bfloat16(tmp_path: Path) -> None:
    save_model(made(TINY), tmp_path, torch.bfloat16)
    whole = load_model(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    names = sorted(weights)
    parts = {"a.safetensors": names[:5], "b.safetensors": names[5:]}
    for file, inside in parts.items():
        save_file({name: weights[name] for name in inside}, tmp_path / file)
    index = {"weight_map": {name: file for file, inside in parts.items() for name in inside}}
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    split = load_model(tmp_path)
    for (name, one), (_, other) in zip(whole.state_dict().items(), split.state_dict().items(), strict=True):
        assert torch.equal(one, other), name
    assert load_model(tmp_path, torch.bfloat16).lm_head.weight.dtype == torch.bfloat16


def test_a_layer_that_is_not_kept_hands_its_input_on() -> None:
    model = made(TINY)
    tokens = torch.randint(0, 50, (2, 9), generator=torch.Generator().manual_seed(1))
    kept = torch.tensor([[True, True], [False, True], [True, False]])
    with torch.inference_mode():
        states, whole = model(tokens, kept=kept), model(tokens)
    assert torch.equal(states[1][0], states[0][0])
    assert torch.allclose(states[1][1], whole[1][1], atol=1e-6)
    assert torch.equal(states[2][1], states[1][1])
    assert not torch.allclose(states[2][0], whole[2][0], atol=1e-3)


GOOD = {
    "model_type": "llama",
    "hidden_size": 32,
    "num_attention_heads": 4,
    "vocab_size": 50,
    "num_hidden_layers": 2,
    "intermediate_size": 48,
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_type": "gpt2"}, "type 'gpt2'"),
        ({"hidden_size": None}, "wrong value"),
        ({"num_hidden_layers": 0}, "layers must be 1 or more"),
        ({"num_key_value_heads": 3}, "cannot share"),
        ({"hidden_act": "gelu"}, "activation 'gelu'"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 2}}, "type 'yarn'"),
        ({"quantization_config": {"bits": 4}}, "Quantized"),
        ({"sliding_window": 4096}, "sliding"),
        ({"head_dim": 7}, "even head size"),
    ],
)
def test_what_is_no_llama_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(UnusableCheckpoint, match=says):
        shape_of(GOOD | change)


def test_configurations_written_before_transformers_5_are_read() -> None:
    scaling = {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    old = GOOD | {"rope_theta": 500000.0, "rope_scaling": scaling | {"original_max_position_embeddings": 8192}}
    assert shape_of(old).rope == Rope(500_000.0, "llama3", 32.0, 1.0, 4.0, 8192)
    assert shape_of(old | {"eos_token_id": [5, 6]}).eos == (5, 6)


def test_damaged_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableCheckpoint, match=r"no config\.json"):
        load_model(tmp_path)
    save_model(made(TINY), tmp_path)
    weights = tmp_path / "model.safetensors"
    full = weights.read_bytes()
    weights.write_bytes(full[: len(full) // 2])
    with pytest.raises(UnusableCheckpoint, match="cannot be read"):
        load_model(tmp_path)
    weights.unlink()
    with pytest.raises(UnusableCheckpoint, match=r"no model\.safetensors"):
        load_model(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"x": "../../etc/passwd"}}')
    with pytest.raises(UnusableCheckpoint, match="not in the folder"):
        load_model(tmp_path)
    save_model(made(replace(TINY, inner=40)), tmp_path)
    (tmp_path / "config.json").write_text(
        json.dumps(GOOD | {"num_key_value_heads": 2, "num_hidden_layers": 3, "tie_word_embeddings": True})
    )
    with pytest.raises(UnusableCheckpoint, match="size"):
        load_model(tmp_path)
