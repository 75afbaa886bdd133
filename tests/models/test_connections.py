import pytest

from app.models.connections import Connections, proxy_for
from app.models.endpoints import Endpoint

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


async def test_a_connection_given_back_is_lent_again_and_two_at_once_are_two() -> None:
    connections = Connections(Endpoint(name="lab", base_url="http://lab.test/v1", models=("m",)))
    with connections.take() as first, connections.take() as second:
        assert first is not second
    with connections.take() as again:
        assert again in (first, second)
    await connections.aclose()


@pytest.mark.parametrize(
    ("variables", "address", "proxy"),
    [
        ({}, "https://lab.test/v1", None),
        ({"HTTPS_PROXY": "http://proxy:8080"}, "https://lab.test/v1", "http://proxy:8080"),
        ({"HTTPS_PROXY": "proxy:8080"}, "https://lab.test/v1", "http://proxy:8080"),
        ({"HTTPS_PROXY": "http://proxy:8080"}, "http://lab.test/v1", None),
        ({"ALL_PROXY": "socks5://proxy:1080"}, "http://lab.test/v1", "socks5://proxy:1080"),
        ({"ALL_PROXY": "http://proxy:8080", "NO_PROXY": "lab.test"}, "http://lab.test:8000/v1", None),
        ({"ALL_PROXY": "http://proxy:8080", "NO_PROXY": "localhost,127.0.0.1"}, "http://127.0.0.1:8000/v1", None),
        ({"ALL_PROXY": "http://proxy:8080", "NO_PROXY": "*"}, "http://lab.test/v1", None),
        ({"ALL_PROXY": "http://proxy:8080", "NO_PROXY": "other.test"}, "http://lab.test/v1", "http://proxy:8080"),
    ],
)
def test_the_environment_names_the_proxy(
    environment: pytest.MonkeyPatch, variables: dict[str, str], address: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        environment.setenv(name.lower(), value)
    assert proxy_for(address) == proxy
