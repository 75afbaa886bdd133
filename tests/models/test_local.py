"""Models on this machine: which folders hold one, and how they are offered. Nothing is loaded."""

import json
from pathlib import Path

import pytest

from app.models import local
from app.models.base import ModelNotConfigured
from app.models.decoding import Decoding, read_decoding
from app.models.endpoints import Endpoint
from app.models.hub import ModelHub
from app.models.local import local_endpoint, with_local
from app.models.local_folder import find_models


def put_model(folder: Path, name: str, *, label: str | None = None, weights: bool = True, config: str = "") -> None:
    place = folder / name
    place.mkdir(parents=True)
    (place / "config.json").write_text(config or json.dumps({"max_position_embeddings": 2048}))
    if weights:
        (place / "model.safetensors").write_bytes(b"weights")
    if label:
        (place / "govsim.json").write_text(json.dumps({"label": label}))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is there, as far as anybody looks."""
    monkeypatch.setattr(local, "missing_extra", lambda: None)


def test_folders_with_a_configuration_are_models(tmp_path: Path) -> None:
    put_model(tmp_path, "demo", label="a demonstration\n, not a research model")
    put_model(tmp_path, "plain")
    put_model(tmp_path, "training", weights=False)
    put_model(tmp_path, "broken", config="{")
    put_model(tmp_path, "listed", config="[]")
    put_model(tmp_path, "not a name")
    (tmp_path / "empty").mkdir()
    found = {model.name: model for model in find_models(tmp_path)}
    assert set(found) == {"demo", "plain", "training", "broken", "listed"}
    assert found["demo"].label == "a demonstration , not a research model"
    assert (found["plain"].label, found["plain"].context_tokens, found["plain"].problem) == (None, 2048, None)
    assert found["training"].problem == "It has no weights: a .safetensors file is missing."
    assert "config.json cannot be read" in str(found["broken"].problem)
    assert find_models(tmp_path / "nowhere") == ()


def test_they_are_an_endpoint_without_key_and_cost(tmp_path: Path, installed: None) -> None:
    put_model(tmp_path, "demo", label="demonstration, not a research model")
    put_model(tmp_path, "training", weights=False)
    endpoints = with_local((), tmp_path, "http://127.0.0.1:4321")
    hub = ModelHub(endpoints)
    assert hub.names() == ("local/demo",)
    assert (hub.label_of("local/demo"), hub.context_of("local/demo")) == ("demonstration, not a research model", 2048)
    price = hub.price_of("local/demo")
    assert price is not None and price.of(1000, 1000) == 0
    (view,) = hub.views()
    assert (view.host, view.api_key_env, view.on_this_machine) == ("127.0.0.1:4321", None, True)
    assert endpoints[0].base_url == "http://127.0.0.1:4321/v1"
    with pytest.raises(ModelNotConfigured, match=r"only demo: .* add it to the folder of local models"):
        hub.check_name("local/training")


def test_without_the_extra_they_are_not_offered_and_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_model(tmp_path, "demo")
    monkeypatch.setattr(local, "missing_extra", lambda: "torch")
    hub = ModelHub(with_local((), tmp_path, None))
    assert hub.names() == () and not hub.can_ask("local/demo")
    with pytest.raises(ModelNotConfigured, match=r"need the package torch.*pip install 'govsim-observatory\[local\]'"):
        hub.check_name("local/demo")


def test_a_folder_without_models_says_where_they_are_looked_for(tmp_path: Path) -> None:
    assert local_endpoint(find_models(tmp_path)) is None
    with pytest.raises(ModelNotConfigured, match="GOVSIM_LOCAL_MODELS"):
        ModelHub(with_local((), tmp_path, None)).check_name("local/demo")


def test_a_table_called_local_stands_in_for_the_folder(tmp_path: Path, installed: None) -> None:
    put_model(tmp_path, "demo")
    own = Endpoint(name="local", base_url="http://gpu-box:8000/v1", models=("big",))
    assert with_local((own,), tmp_path, None) == (own,)


def test_what_usage_tells_of_the_decoding() -> None:
    said = {"exit_layer": 1, "draft_length": 4, "drafted": 16, "accepted": 8, "verifications": 4, "more": "words"}
    made = read_decoding({"prompt_tokens_details": {"cached_tokens": 7}, "layerskip": said})
    assert made == Decoding(cached_tokens=7, exit_layer=1, draft_length=4, drafted=16, accepted=8, verifications=4)
    assert made.tokens_per_verification == 3.0
    assert read_decoding({"prompt_tokens": 3, "prompt_tokens_details": {"audio_tokens": 0}}) is None
    nonsense = {"drafted": -1, "accepted": True, "verifications": "4", "exit_layer": 2**60}
    assert read_decoding({"prompt_tokens_details": 5, "layerskip": nonsense}) is None
