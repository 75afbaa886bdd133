"""The Messages protocol: what is sent, what is read, and against a server that follows the public API."""

import json
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.commons.config import SamplingConfig
from app.models.anthropic import AnthropicModel, read_message, request_body
from app.models.base import Completion, EndpointDown, Message, Segment, Transient
from app.models.endpoints import Endpoint
from app.models.hub import ModelHub
from app.models.openai_reply import NotACompletion
from tests.fakes.process import FakeModelServer
from tests.models.scripted import SAMPLING, MemoryLog, key, said
from tests.models.test_hub import no_wait
from tests.models.test_openai import OneTransport

ONE = SamplingConfig(top_p=None)


def message(**changes: Any) -> bytes:
    body = {
        "type": "message",
        "role": "assistant",
        "model": "claude-x-1",
        "content": [{"type": "text", "text": "Answer: 8"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "cache_read_input_tokens": 3, "output_tokens": 4},
    }
    return json.dumps(body | changes).encode()


def model(
    status: int, body: bytes, headers: dict[str, str] | None = None
) -> tuple[AnthropicModel, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, content=body, headers=headers)

    endpoint = Endpoint(
        name="claude",
        protocol="anthropic",
        base_url="https://api.test/v1",
        models=("m",),
        api_key_env="A_KEY",
        key=SecretStr("sk-ant-secret"),
    )
    return AnthropicModel(endpoint, "m", OneTransport(handler), "run-1"), seen  # type: ignore[arg-type]


async def test_a_request_has_its_system_text_apart_and_its_key_in_its_own_header() -> None:
    wire, seen = model(200, message())
    completion = await wire.complete(said("How much?", "Rules."), ONE, key())
    assert completion.text == "Answer: 8" and completion.latency_ms is not None
    (request,) = seen
    assert str(request.url) == "https://api.test/v1/messages"
    assert request.headers["x-api-key"] == "sk-ant-secret" and request.headers["anthropic-version"] == "2023-06-01"
    assert "Authorization" not in request.headers
    assert json.loads(request.content) == {
        "model": "m",
        "max_tokens": 8000,
        "system": "Rules.",
        "messages": [{"role": "user", "content": "How much?"}],
        "temperature": 0,
    }


def test_an_answer_that_is_shown_again_is_the_assistants() -> None:
    again = [Message(role=role, segments=(Segment(kind="reminder", text=role),)) for role in ("assistant", "user")]
    roles = [one["role"] for one in request_body("m", (*said(), *again), SAMPLING)["messages"]]
    assert roles == ["user", "assistant", "user"]


async def test_a_seed_is_refused_rather_than_dropped() -> None:
    wire, seen = model(200, message())
    with pytest.raises(EndpointDown, match="Leave seed empty"):
        await wire.complete(said(), SamplingConfig(seed=1), key())
    assert seen == []


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        (None, None),
    ],
)
def test_stop_reasons_are_told_in_the_words_of_the_other_protocol(reason: str | None, told: str | None) -> None:
    assert read_message(message(stop_reason=reason), 1).finish_reason == told


def test_thinking_is_kept_apart_and_cached_input_counts() -> None:
    content = [
        {"type": "thinking", "thinking": "They took a lot.\n", "signature": "x"},
        {"type": "redacted_thinking", "data": "abc"},
        {"type": "text", "text": "Answer: "},
        {"type": "text", "text": "8"},
    ]
    read = read_message(message(content=content), 12)
    assert read == Completion(
        text="Answer: 8",
        thinking="They took a lot.",
        prompt_tokens=10,
        completion_tokens=4,
        finish_reason="stop",
        model_revision="claude-x-1",
        latency_ms=12,
    )


def test_without_usage_the_tokens_are_unknown() -> None:
    read = read_message(message(usage=None, content=[]), 1)
    assert (read.text, read.prompt_tokens, read.completion_tokens) == ("", None, None)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", message(content="text"), b'{"error": {"message": "no"}}'])
async def test_a_body_that_is_no_message_is_a_failure_not_an_answer(body: bytes) -> None:
    with pytest.raises(NotACompletion):
        read_message(body, 1)
    with pytest.raises(Transient, match="sent no message"):
        await model(200, body)[0].complete(said(), ONE, key())


def refusal(kind: str, text: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": text}, "request_id": "r"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "text", "says"),
    [
        (401, "authentication_error", "invalid x-api-key sk-ant-secret", "Check the key in A_KEY"),
        (403, "permission_error", "no access", "Check the key in A_KEY"),
        (404, "not_found_error", "model: m", "that it has the model 'm'"),
        (
            400,
            "invalid_request_error",
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            "Leave top_p empty in the sampling",
        ),
        (400, "invalid_request_error", "`temperature` is deprecated for this model.", "Leave temperature empty"),
        (400, "invalid_request_error", "max_tokens: 8000 > 4096", "Lower max_tokens"),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", "no credit left"),
        (413, "request_too_large", "too large", "cannot be mended"),
    ],
)
async def test_refusals_say_what_to_do(status: int, kind: str, text: str, says: str) -> None:
    with pytest.raises(EndpointDown) as caught:
        await model(status, refusal(kind, text))[0].complete(said(), SAMPLING, key())
    assert says in str(caught.value) and "sk-ant-secret" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 504, 529])
async def test_an_overloaded_server_is_asked_again(status: int) -> None:
    wire, _ = model(status, refusal("overloaded_error", "Overloaded"), {"Retry-After": "2"})
    with pytest.raises(Transient) as caught:
        await wire.complete(said(), ONE, key())
    assert (caught.value.what, caught.value.detail, caught.value.retry_after_s) == (
        f"answered {status}",
        "Overloaded",
        2,
    )


# ---------------------------------------------------------------- with a server that follows the API document


async def ask(server: FakeModelServer, sampling: SamplingConfig = ONE, name: str = "villager") -> Completion:
    table = {"name": "claude", "protocol": "anthropic", "base_url": server.base_url, "models": (name,)}
    endpoint = Endpoint.model_validate(table | {"send_call_key": True})
    async with ModelHub([endpoint], sleep=no_wait) as hub:
        return await hub.open(f"claude/{name}", "run-1", MemoryLog()).complete(said(), sampling, key())


async def test_the_whole_stack_speaks_it(server: FakeModelServer) -> None:
    answered = await ask(server)
    assert "Answer:" in answered.text and answered.finish_reason == "stop" and answered.thinking is None
    assert answered.model_revision == "villager-fake-1" and (answered.fingerprint, answered.provider) == (None, None)
    assert answered.prompt_tokens and answered.completion_tokens


async def test_an_overloaded_server_answers_in_the_end(server: FakeModelServer) -> None:
    server.control(fail_next=2, status=529)
    assert (await ask(server)).transport_attempts == 3
    assert server.stats()["by_status"] == {"529": 2, "200": 1}


async def test_a_thinker_thinks_apart_and_a_cut_answer_is_told(server: FakeModelServer) -> None:
    assert (await ask(server, name="thinker")).thinking == "Let me see what the others did."
    assert (await ask(server, SamplingConfig(top_p=None, max_tokens=2))).finish_reason == "length"


async def test_a_model_that_takes_only_one_sampling_parameter_says_so(server: FakeModelServer) -> None:
    server.control(one_of_both=True)
    with pytest.raises(EndpointDown, match=r"Leave top_p empty in the sampling \(--top-p none\)"):
        await ask(server, SAMPLING)
    assert (await ask(server)).text
