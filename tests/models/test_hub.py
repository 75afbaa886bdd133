"""The whole stack, names and views; with real HTTP to a server in a process of its own."""

import asyncio
import gc
import socket
from pathlib import Path

import pytest

from app.models.base import CallKey, Completion, EndpointDown, ModelNotConfigured, RecordMismatch
from app.models.endpoints import Endpoint, load_endpoints
from app.models.hub import ModelHub
from tests.fakes.process import FakeModelServer
from tests.models.scripted import SAMPLING, MemoryLog, key, said

PURPOSES = ("harvest", "utterance", "summary", "limit", "planning", "interesting", "rating", "insight")


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


def hub_for(server: FakeModelServer, **settings: object) -> ModelHub:
    table = {"base_url": server.base_url, "models": ("villager", "thinker"), "send_call_key": True} | settings
    return ModelHub([Endpoint.model_validate({"name": "fake", **table})], sleep=no_wait)


async def ask(
    server: FakeModelServer, log: MemoryLog | None = None, run: str = "run-1", **settings: object
) -> Completion:
    async with hub_for(server, **settings) as hub:
        return await hub.open("fake/villager", run, log or MemoryLog()).complete(said(), SAMPLING, key())


# ---------------------------------------------------------------- names and views


def offered(tmp_path: Path) -> ModelHub:
    file = tmp_path / "models.toml"
    file.write_text(
        '[endpoints.lab]\nbase_url = "http://gpu:8000/v1"\nmodels = ["org/m", "n"]\n'
        '[endpoints.locked]\nbase_url = "https://locked.test/v1"\nmodels = ["x"]\napi_key_env = "LOCKED_KEY"\n'
    )
    return ModelHub(load_endpoints(file, {"MISTRAL_API_KEY": "sk-secret"}))


def test_names_are_those_that_can_be_asked(tmp_path: Path) -> None:
    names = offered(tmp_path).names()
    assert names[:2] == ("lab/org/m", "lab/n") and "mistral/mistral-small-latest" in names
    assert not any(name.startswith("locked/") for name in names)


def test_views_tell_everything_but_the_key(tmp_path: Path) -> None:
    views = {view.name: view for view in offered(tmp_path).views()}
    assert views["lab"].host == "gpu:8000" and views["lab"].key_present and views["lab"].models == ("org/m", "n")
    assert not views["locked"].key_present and views["locked"].api_key_env == "LOCKED_KEY"
    assert "sk-secret" not in str(views)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lab/other", "offers no model 'other', only org/m, n"),
        ("locked/x", "set LOCKED_KEY in the environment"),
        ("openai/gpt-4o", "set OPENAI_API_KEY in the environment"),
        ("nowhere/m", "Configured: 'lab', 'locked', 'mistral'"),
        ("lab", "offers no model ''"),
        ("", "no endpoint has that name"),
    ],
)
def test_a_name_that_cannot_be_asked_is_told_what_there_is(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ModelNotConfigured, match=says):
        offered(tmp_path).check_name(name)


def test_without_any_endpoint_the_way_to_one_is_told() -> None:
    with pytest.raises(ModelNotConfigured, match=r"OPENAI_API_KEY.*GOVSIM_MODELS_FILE"):
        ModelHub([]).check_name("lab/m")


def test_models_open_only_inside_the_hub(tmp_path: Path) -> None:
    hub = offered(tmp_path)
    hub.check_name("lab/org/m")
    with pytest.raises(RuntimeError):
        hub.open("lab/org/m", "run-1", MemoryLog())


# ---------------------------------------------------------------- over HTTP


async def test_an_answer_comes_with_all_that_is_known_of_it(server: FakeModelServer) -> None:
    log = MemoryLog()
    completion = await ask(server, log)
    assert completion.text.splitlines()[-1].startswith("Answer: ")
    assert completion.model_revision == "villager-fake-1" and completion.finish_reason == "stop"
    assert completion.prompt_tokens and completion.completion_tokens and completion.transport_attempts == 1
    assert log.calls[key()].cost is None, "a local model has no list price"
    assert server.stats()["calls"] == {"run-1": {"1/harvest/Kate/harvest//1": 1}}


async def test_answers_are_a_function_of_the_key(server: FakeModelServer) -> None:
    keys = [key(purpose, agent) for purpose in PURPOSES for agent in ("Kate", "太郎")]

    async def all_answers(run: str) -> list[str]:
        async with hub_for(server) as hub:
            model = hub.open("fake/villager", run, MemoryLog())
            return [c.text for c in await asyncio.gather(*(model.complete(said(), SAMPLING, k) for k in keys))]

    first = await all_answers("a")
    assert first == await all_answers("b") and len(set(first)) > len(PURPOSES)
    assert server.stats()["by_purpose"] == dict.fromkeys(PURPOSES, 4)


async def test_a_recorded_call_makes_no_request(server: FakeModelServer) -> None:
    log = MemoryLog()
    first = await ask(server, log)
    assert await ask(server, log) == first
    assert server.stats()["requests"] == 1
    async with hub_for(server) as hub:
        with pytest.raises(RecordMismatch):
            await hub.open("fake/villager", "run-1", log).complete(said("Other?"), SAMPLING, key())
    assert server.stats()["requests"] == 1


@pytest.mark.parametrize("status", [429, 500, 503, 0])
async def test_failures_on_the_way_are_tried_again(server: FakeModelServer, status: int) -> None:
    plain = await ask(server)
    server.control(fail_next=3, status=status)
    completion = await ask(server)
    assert completion.transport_attempts == 4 and completion.text == plain.text


async def test_retry_after_is_kept_over_http(server: FakeModelServer) -> None:
    server.control(fail_next=1, status=429, retry_after="17")

    class Waits(Exception):
        pass

    async def wait(seconds: float) -> None:
        raise Waits(seconds)

    table = {"name": "fake", "base_url": server.base_url, "models": ("villager",)}
    async with ModelHub([Endpoint.model_validate(table)], sleep=wait) as hub:
        with pytest.raises(Waits) as waits:
            await hub.open("fake/villager", "r", MemoryLog()).complete(said(), SAMPLING, key())
        assert 17 <= waits.value.args[0] <= 18
        # It is the endpoint that asked to be left alone, so other calls wait too.
        with pytest.raises(EndpointDown, match=r"is busy: it asked to be left alone for 1\d s more"):
            await hub.probe("fake/villager", SAMPLING, patience_s=0.01)
    assert server.stats()["requests"] == 1


async def test_a_server_that_is_down_is_told_after_all_attempts(server: FakeModelServer) -> None:
    server.control(down=True)
    log = MemoryLog()
    with pytest.raises(EndpointDown, match="Endpoint 'fake' answered 503 six times; last: told to fail"):
        await ask(server, log)
    assert server.stats()["requests"] == 6 and log.calls == {}
    server.control(down=False)
    assert (await ask(server, log)).text


async def test_a_server_that_is_not_there_is_told(server: FakeModelServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(EndpointDown, match=f"could not be reached at {address} six times"):
        await ask(server, base_url=f"http://{address}/v1")


async def test_a_server_too_slow_is_told(server: FakeModelServer) -> None:
    server.control(latency_ms=5000)
    with pytest.raises(EndpointDown, match=r"did not answer within 0\.05 s twice"):
        await ask(server, timeout_s=0.05, attempts=2)


async def test_a_wrong_key_is_told_once_and_never_shown(server: FakeModelServer) -> None:
    server.control(api_key="sk-right")
    endpoint = {"name": "fake", "base_url": server.base_url, "models": ("m",), "api_key_env": "FAKE_KEY"}
    async with ModelHub([Endpoint.model_validate({**endpoint, "key": "sk-wrong-secret"})], sleep=no_wait) as hub:
        with pytest.raises(EndpointDown, match=r"401: it refuses the key\. Check the key in FAKE_KEY"):
            await hub.open("fake/m", "r", MemoryLog()).complete(said(), SAMPLING, key())
    assert server.stats()["requests"] == 1
    async with ModelHub([Endpoint.model_validate({**endpoint, "key": "sk-right"})], sleep=no_wait) as hub:
        assert (await hub.open("fake/m", "r", MemoryLog()).complete(said(), SAMPLING, key())).text


@pytest.mark.parametrize("thinking", ["field", "inline"])
async def test_thinking_is_kept_apart(server: FakeModelServer, thinking: str) -> None:
    plain = await ask(server)
    server.control(thinking=thinking)
    completion = await ask(server)
    assert plain.thinking is None and completion.thinking and completion.text == plain.text


async def test_rubbish_is_an_answer_too(server: FakeModelServer) -> None:
    server.control(rubbish_rate=1.0)
    assert "Answer" not in (await ask(server)).text


async def test_the_limit_holds_over_all_runs(server: FakeModelServer) -> None:
    server.control(latency_ms=5)
    async with hub_for(server, max_concurrency=4) as hub:
        models = [hub.open("fake/villager", f"run-{n}", MemoryLog()) for n in range(5)]
        models += [hub.open("fake/thinker", "run-9", MemoryLog())]
        await asyncio.gather(*(m.complete(said(), SAMPLING, key(item=str(i))) for m in models for i in range(10)))
    stats = server.stats()
    assert stats["max_in_flight"] == 4 and stats["answered"] == 60 and len(stats["calls"]) == 6


async def test_all_is_answered_through_every_kind_of_trouble(server: FakeModelServer) -> None:
    server.control(limit_rate=0.1, error_rate=0.1, drop_rate=0.1)
    log = MemoryLog()
    async with hub_for(server, attempts=12) as hub:
        model = hub.open("fake/villager", "run-1", log)
        await asyncio.gather(*(model.complete(said(), SAMPLING, key("rating", item=str(i))) for i in range(60)))
    stats = server.stats()
    assert len(log.calls) == 60 == stats["answered"]
    assert set(stats["by_status"]) == {"200", "429", "500", "dropped"}
    attempts = sum(call.completion.transport_attempts for call in log.calls.values() if call.completion)
    assert attempts == stats["requests"] > 60


async def test_a_cancelled_call_gives_its_place_back(server: FakeModelServer) -> None:
    server.control(latency_ms=5000)
    async with hub_for(server, max_concurrency=1) as hub:
        model = hub.open("fake/villager", "run-1", MemoryLog())
        stuck = asyncio.create_task(model.complete(said(), SAMPLING, key()))
        while not server.stats()["requests"]:  # noqa: ASYNC110 - the server is another process
            await asyncio.sleep(0.01)
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        server.control(latency_ms=0)
        assert (await model.complete(said(), SAMPLING, key("limit"))).text
    gc.collect()  # an unclosed connection would warn here


async def test_names_of_agents_reach_the_server_whole(server: FakeModelServer) -> None:
    async with hub_for(server) as hub:
        odd = CallKey(month=1, phase="talk", agent="Zoë 50%", purpose="utterance", item="3")
        await hub.open("fake/villager", "lauf-ü", MemoryLog()).complete(said(), SAMPLING, odd)
    assert server.stats()["calls"] == {"lauf-ü": {"1/talk/Zoë 50%/utterance/3/1": 1}}
