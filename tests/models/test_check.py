"""`govsim models --check`: one tiny call to each model."""

from app.commons.config import SamplingConfig
from app.models.check import STANDARD, ModelCheck, check_models
from app.models.endpoints import Endpoint
from app.models.hub import ModelHub
from tests.fakes.process import FakeModelServer


def endpoint(server: FakeModelServer, name: str, **settings: object) -> Endpoint:
    table = {"name": name, "base_url": server.base_url, "models": ("villager",), "send_call_key": True}
    return Endpoint.model_validate(table | settings)


async def checked(hub: ModelHub, sampling: SamplingConfig = STANDARD) -> list[ModelCheck]:
    async with hub:
        return await check_models(hub, sampling)


async def test_each_model_is_asked_once_and_told_apart(server: FakeModelServer) -> None:
    hub = ModelHub(
        [
            endpoint(server, "lab", embeddings=("embedder",)),
            endpoint(server, "claude", protocol="anthropic"),
            endpoint(server, "locked", api_key_env="LOCKED_KEY"),
            endpoint(server, "gone", base_url="http://127.0.0.1:9/v1"),
        ]
    )
    lab, embedder, claude, locked, gone = await checked(hub)
    assert lab.ok and lab.model_revision == "villager-fake-1" and lab.latency_ms is not None
    assert (lab.fingerprint, lab.provider) == ("fp_7", "village")
    assert embedder.ok and embedder.model == "lab/embedder"
    assert claude.ok
    assert not locked.ok and "set LOCKED_KEY" in str(locked.error)
    assert not gone.ok and str(gone.error).startswith("Endpoint 'gone' could not be reached at 127.0.0.1:9")
    assert server.stats()["requests"] == 3


async def test_a_failing_model_is_not_asked_again(server: FakeModelServer) -> None:
    server.control(down=True)
    (check,) = await checked(ModelHub([endpoint(server, "lab")]))
    assert check.error == "Endpoint 'lab' answered 503: told to fail." and server.stats()["requests"] == 1


async def test_the_sampling_can_be_one_that_the_model_takes(server: FakeModelServer) -> None:
    server.control(one_of_both=True)
    hub = ModelHub([endpoint(server, "claude", protocol="anthropic")])
    (standard,) = await checked(hub)
    assert "Leave top_p empty" in str(standard.error)
    (taken,) = await checked(hub, SamplingConfig(top_p=None, max_tokens=16))
    assert taken.ok
