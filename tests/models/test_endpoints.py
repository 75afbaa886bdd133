from pathlib import Path

import pytest

from app.models.base import ModelNotConfigured
from app.models.endpoints import KNOWN, ModelsFileError, load_endpoints
from app.models.hub import ModelHub
from app.models.prices import Price

LAB = """
[endpoints.lab]
base_url = "http://localhost:8000/v1/"
models = ["org/big", "small"]
max_concurrency = 40
send_call_key = true
"""
PRICES = """
[[endpoints.lab.prices]]
model = "small"
input_per_mtok = 0.5
output_per_mtok = 2
"""


@pytest.fixture
def models_file(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


def test_an_endpoint_of_the_file_is_read_with_its_defaults(models_file: Path) -> None:
    models_file.write_text(LAB)
    (lab,) = load_endpoints(models_file, {})
    assert (lab.name, lab.base_url, lab.models) == ("lab", "http://localhost:8000/v1", ("org/big", "small"))
    assert (lab.max_concurrency, lab.send_call_key, lab.protocol, lab.attempts) == (40, True, "openai", 6)
    assert lab.key_present and lab.host == "localhost:8000"


def test_the_operator_says_what_a_model_costs(models_file: Path) -> None:
    models_file.write_text(LAB + PRICES)
    hub = ModelHub(load_endpoints(models_file, {}))
    assert hub.price_of("lab/small") == Price(input_per_mtok=0.5, output_per_mtok=2)
    assert hub.price_of("lab/org/big") is None and hub.price_of("nowhere/small") is None


def test_nothing_is_configured_without_file_and_keys() -> None:
    assert load_endpoints(None, {"PATH": "/bin", "OPENAI_API_KEY": " "}) == ()


def test_keys_in_the_environment_bring_their_endpoints() -> None:
    found = load_endpoints(None, {"OPENAI_API_KEY": "sk-1", "GEMINI_API_KEY": "g-1\n"})
    assert [endpoint.name for endpoint in found] == ["openai", "gemini"]
    assert found[0].max_tokens_field == "max_completion_tokens"
    assert found[1].key is not None and found[1].key.get_secret_value() == "g-1"


def test_a_key_never_shows() -> None:
    (endpoint,) = load_endpoints(None, {"OPENAI_API_KEY": "sk-secret"})
    assert "sk-secret" not in repr(endpoint) + str(endpoint) + endpoint.model_dump_json()


def test_the_file_changes_a_known_endpoint_and_keeps_the_rest(models_file: Path) -> None:
    models_file.write_text('[endpoints.openai]\nmodels = ["gpt-5.4-mini"]\n')
    (openai,) = load_endpoints(models_file, {"OPENAI_API_KEY": "sk-1"})
    assert openai.models == ("gpt-5.4-mini",)
    assert openai.base_url == KNOWN["openai"].base_url and openai.key_present


def test_a_known_endpoints_key_does_not_follow_its_name_to_another_address(models_file: Path) -> None:
    models_file.write_text('[endpoints.openai]\nbase_url = "http://elsewhere/v1"\nmodels = ["m"]\n')
    (openai,) = load_endpoints(models_file, {"OPENAI_API_KEY": "sk-1"})
    assert openai.key is None


def test_an_endpoint_without_its_key_is_there_and_says_so(models_file: Path) -> None:
    models_file.write_text(LAB + 'api_key_env = "LAB_KEY"\n')
    (lab,) = load_endpoints(models_file, {})
    assert not lab.key_present
    (lab,) = load_endpoints(models_file, {"LAB_KEY": "k"})
    assert lab.key_present


def test_a_key_that_no_header_carries_is_named_not_shown() -> None:
    with pytest.raises(ModelNotConfigured, match="OPENAI_API_KEY") as caught:
        load_endpoints(None, {"OPENAI_API_KEY": "sk-1\nsk-2é"})
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAB + "max_concurency = 3\n", r"lab\] has an unknown key 'max_concurency'; did you mean 'max_concurrency'\?"),
        (LAB + 'api_key = "sk-secret"\n', "'api_key'; a key stays in the environment"),
        (LAB + 'api_key_env = "sk-secret"\n', "takes the name of the variable, never the key"),
        ('[endpoints.lab]\nmodels = ["m"]\n', r"lab\] has no 'base_url'"),
        (LAB.replace("http://localhost:8000/v1/", "localhost:8000"), "an address like http://"),
        (LAB.replace("http://localhost", "http://me:sk-secret@localhost"), "belongs in the environment"),
        (LAB.replace("/v1/", "/v1?key=sk-secret"), "belongs in the environment"),
        (LAB.replace('"small"', '"org/big"'), "names a model twice"),
        (LAB.replace('"small"', '"two words"'), r"models\.1"),
        (LAB.replace('["org/big", "small"]', "[]"), "'models'"),
        (LAB.replace("40", "0"), "'max_concurrency'"),
        (LAB + 'protocol = "telnet"\n', "'protocol'"),
        (LAB + PRICES.replace("small", "tiny"), "name 'tiny', which is none of its models"),
        (LAB + 2 * PRICES, "name a model twice"),
        (LAB + PRICES.replace("0.5", "-1"), r"'prices\.0\.input_per_mtok'"),
        (LAB + PRICES.replace("0.5", "nan"), r"'prices\.0\.input_per_mtok'"),
        (LAB.replace(".lab", ".'my lab'"), "needs a name of letters"),
        ("[endpoint.lab]\n", "unknown key 'endpoint'"),
        ("endpoints = 3\n", r"\[endpoints.NAME\]"),
        ("[endpoints", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence_with_file_and_key(models_file: Path, text: str, says: str) -> None:
    models_file.write_text(text)
    with pytest.raises(ModelsFileError, match=says) as caught:
        load_endpoints(models_file, {})
    message = str(caught.value)
    assert "models.toml" in message and message.endswith(".") and "sk-secret" not in message and "\n" not in message


def test_a_missing_file_is_told(models_file: Path) -> None:
    with pytest.raises(ModelsFileError, match=r"cannot be read.*GOVSIM_MODELS_FILE"):
        load_endpoints(models_file, {})


def test_a_file_that_is_no_text_is_told(models_file: Path) -> None:
    models_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelsFileError, match="not valid TOML"):
        load_endpoints(models_file, {})
