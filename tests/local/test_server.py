"""The server of local models over HTTP, with a stand-in for the model: no extra is needed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.commons.config import SamplingConfig
from app.local.server import MAX_BODY
from app.local.serving import answer, is_loopback, listen
from app.local.shelf import Shelf
from app.local.wire import read_request
from app.models.base import CallKey, EndpointDown, Message, Segment
from app.models.connections import Connections
from app.models.local import local_endpoint
from app.models.local_folder import LocalModel
from app.models.openai import OpenAIModel
from tests.local.fake import FakeModel, words

KEY = CallKey(month=1, phase="harvest", agent="John", purpose="harvest")


@dataclass
class Served:
    model: FakeModel
    http: httpx.AsyncClient
    address: str
    shelf: Shelf

    async def ask(self, text: str = "How many tons?", **fields: Any) -> httpx.Response:
        return await self.http.post("/v1/chat/completions", json=asked(text, **fields))


def asked(text: str = "How many tons?", **fields: Any) -> dict[str, Any]:
    return {"model": "demo", "messages": [{"role": "user", "content": text}], **fields}


@asynccontextmanager
async def serving(
    model: FakeModel, *, open_to_all: bool = False, failing: list[str] | None = None
) -> AsyncIterator[Served]:
    def load(wanted: LocalModel) -> FakeModel:
        if failing:
            raise RuntimeError(failing.pop(0))
        return model

    shelf = Shelf([LocalModel("demo", Path("demo"))], load)
    listener = listen("127.0.0.1", 0)
    ready, stop = asyncio.Event(), asyncio.Event()

    async def until(told: asyncio.Event) -> None:
        await stop.wait()
        told.set()

    task = asyncio.create_task(answer(shelf, listener, open_to_all=open_to_all, ready=ready.set, until=until))
    await ready.wait()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as http:
            yield Served(model, http, address, shelf)
    finally:
        stop.set()
        await task
        assert model.closed or shelf.states()[0]["state"] != "ready"


async def seen(happened: Callable[[], bool]) -> None:
    """Wait until a thread of the model has done something, 10 seconds at most."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - threads set no event of this loop
            await asyncio.sleep(0.01)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(FakeModel()) as found:
        yield found


async def test_a_completion_has_the_standard_form_and_tells_of_its_drafts(served: Served) -> None:
    body = (await served.ask()).raise_for_status().json()
    assert body["object"] == "chat.completion" and body["model"] == "demo@5f5f5f5f5f5f"
    assert body["system_fingerprint"] == "fake"
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop" and choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "".join(words(read_request(asked())))
    assert body["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 12,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 3},
        "layerskip": {
            "exit_layer": 1,
            "draft_length": 4,
            "drafted": 16,
            "accepted": 8,
            "verifications": 4,
            "tokens_per_verification": 3.0,
        },
    }


async def test_our_client_reads_model_fingerprint_and_drafts(served: Served) -> None:
    endpoint = local_endpoint((LocalModel("demo", Path("demo")),), served.address)
    assert endpoint is not None
    connections = Connections(endpoint)
    model = OpenAIModel(endpoint, "demo", connections, "run")
    message = Message(role="user", segments=(Segment(kind="task", text="How many tons?"),))
    completion = await model.complete((message,), SamplingConfig(), KEY)
    await connections.aclose()
    assert completion.model_revision == "demo@5f5f5f5f5f5f" and completion.fingerprint == "fake"
    made = completion.decoding
    assert made is not None
    assert (made.cached_tokens, made.exit_layer, made.draft_length, made.drafted, made.accepted) == (3, 1, 4, 16, 8)
    assert made.tokens_per_verification == 3.0


async def test_a_stream_says_the_same_in_pieces(served: Served) -> None:
    whole = (await served.ask()).json()["choices"][0]["message"]["content"]
    response = await served.ask(stream=True, stream_options={"include_usage": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    pieces = [json.loads(line) for line in lines]
    assert {piece["object"] for piece in pieces} == {"chat.completion.chunk"}
    assert len({piece["id"] for piece in pieces}) == 1
    said = [piece["choices"][0]["delta"].get("content", "") for piece in pieces if piece["choices"]]
    assert "".join(said) == whole and len(said) > 10
    assert pieces[-2]["choices"][0]["finish_reason"] == "stop"
    assert pieces[-1]["usage"]["layerskip"]["accepted"] == 8


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"presence_penalty": 0.5}, "presence_penalty", "unsupported_parameter"),
        ({"beam": 3}, "beam", "unsupported_parameter"),
        ({"temperature": -1}, "temperature", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_value"),
        ({"top_p": 0}, "top_p", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"stop": [""]}, "stop.0", "invalid_value"),
        ({"stop": ["x"] * 9}, "stop", "invalid_value"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role", "invalid_value"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, None, "invalid_value"),
        ({"model": "other"}, "model", "model_not_found"),
        ({"messages": [{"role": "user", "content": "word " * 200}]}, "messages", "context_length_exceeded"),
    ],
)
async def test_what_is_not_supported_is_refused_by_name(
    served: Served, fields: dict[str, Any], param: str | None, code: str
) -> None:
    response = await served.ask(**fields)
    assert response.status_code == (404 if code == "model_not_found" else 400)
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code and error["type"] == "invalid_request_error"
    if param is not None:
        assert error["param"] == param
    assert (await served.ask()).status_code == 200


async def test_fields_that_change_nothing_are_taken(served: Served) -> None:
    plain = (await served.ask()).json()["choices"]
    fields = {"n": 1, "user": "me", "logprobs": False, "stop": None, "tools": [], "max_completion_tokens": 50}
    assert (await served.ask(**fields)).json()["choices"] == plain
    parts = [{"type": "text", "text": "How many "}, {"type": "text", "text": "tons?"}]
    assert (await served.ask(messages=[{"role": "user", "content": parts}])).json()["choices"] == plain


async def test_bodies_are_bounded_and_must_be_json(served: Served) -> None:
    address = "/v1/chat/completions"
    form = await served.http.post(address, content=b"{}", headers={"Content-Type": "text/plain"})
    broken = await served.http.post(address, content=b"{", headers={"Content-Type": "application/json"})
    listed = await served.http.post(address, json=[1])
    long = await served.http.post(address, json=asked("x" * MAX_BODY))
    found = [response.status_code for response in (form, broken, listed, long)]
    assert found == [415, 400, 400, 413]
    assert all(response.json()["error"]["message"] for response in (form, broken, listed, long))


async def test_other_hosts_are_refused_unless_it_is_open() -> None:
    async with serving(FakeModel()) as served:
        refused = await served.http.get("/v1/models", headers={"Host": "evil.example"})
        assert refused.status_code == 403
        assert (await served.http.get("/v1/models", headers={"Host": "localhost:8700"})).status_code == 200
    async with serving(FakeModel(), open_to_all=True) as served:
        assert (await served.http.get("/v1/models", headers={"Host": "gpu-box"})).status_code == 200


async def test_models_and_health(served: Served) -> None:
    assert [model["id"] for model in (await served.http.get("/v1/models")).json()["data"]] == ["demo"]
    before = (await served.http.get("/health")).json()
    assert before == {"status": "ok", "models": [{"id": "demo", "state": "not started"}]}
    await served.ask()
    (state,) = (await served.http.get("/health")).json()["models"]
    assert (state["state"], state["device"], state["exit_layer"], state["draft_length"]) == ("ready", "cpu", 1, 4)
    assert (await served.http.get("/elsewhere")).json()["error"]["message"].startswith("There is nothing at GET")


async def test_concurrent_requests_get_what_serial_ones_get(served: Served) -> None:
    prompts = [f"How many tons in month {number}?" for number in range(24)]
    serial = [(await served.ask(text, seed=number)).json()["choices"] for number, text in enumerate(prompts)]
    served.model.hold.clear()
    asking = [asyncio.create_task(served.ask(text, seed=number)) for number, text in enumerate(prompts)]
    await seen(lambda: served.model.under_way == len(prompts))
    served.model.hold.set()
    together = await asyncio.gather(*asking)
    assert [response.json()["choices"] for response in together] == serial


async def test_a_failing_request_is_a_500_and_leaves_the_server_usable(served: Served) -> None:
    failed = await served.ask("please break")
    assert failed.status_code == 500
    assert failed.json()["error"]["type"] == "server_error" and "secret" not in failed.text
    stream = await served.ask("please break", stream=True)
    assert stream.status_code == 200 and "server_error" in stream.text and "[DONE]" not in stream.text
    assert (await served.ask()).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_cancels_its_request(served: Served, stream: bool) -> None:
    await served.ask()
    served.model.hold.clear()
    asking = asyncio.create_task(served.ask("How long?", stream=stream))
    await seen(lambda: served.model.under_way == 1)
    asking.cancel()
    await seen(lambda: served.model.cancelled == 1)
    served.model.hold.set()
    assert (await served.ask()).status_code == 200


async def test_a_model_that_cannot_be_loaded_says_why_and_is_tried_again() -> None:
    async with serving(FakeModel(), failing=["its tokenizer is missing"]) as served:
        failed = await served.ask()
        assert failed.status_code == 503
        text = "The model 'demo' cannot be loaded: its tokenizer is missing."
        assert failed.json()["error"]["message"] == text
        (state,) = (await served.http.get("/health")).json()["models"]
        assert state == {"id": "demo", "state": "failed", "reason": "its tokenizer is missing."}
        assert (await served.ask()).status_code == 200


async def test_requests_that_come_while_a_model_is_loaded_wait_for_the_one_loading() -> None:
    loads = []

    def load(wanted: LocalModel) -> FakeModel:
        loads.append(wanted.name)
        return FakeModel()

    shelf = Shelf([LocalModel("demo", Path("demo"))], load)
    found = await asyncio.gather(*(shelf.get("demo") for _ in range(5)))
    assert loads == ["demo"] and len({id(model) for model in found}) == 1
    await shelf.close()


async def test_a_refusal_pauses_with_words_that_help(served: Served) -> None:
    endpoint = local_endpoint((LocalModel("demo", Path("demo")),), served.address)
    assert endpoint is not None
    connections = Connections(endpoint)
    message = Message(role="user", segments=(Segment(kind="task", text="word " * 200),))
    with pytest.raises(EndpointDown, match=r"Endpoint 'local' answered 400: It is too long"):
        await OpenAIModel(endpoint, "demo", connections, "run").complete((message,), SamplingConfig(), KEY)
    await connections.aclose()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("gpu-box", False), ("::", False)],
)
def test_which_addresses_are_this_machine_only(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_fake_depends_on_the_request_alone() -> None:
    assert words(read_request(asked("a"))) == words(read_request(asked("a"))) != words(read_request(asked("b")))
