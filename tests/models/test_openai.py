import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.commons.config import SamplingConfig
from app.models import exchange
from app.models.base import EndpointDown, ModelError, Transient
from app.models.endpoints import Endpoint
from app.models.exchange import header_text
from app.models.openai import OpenAIModel
from tests.models.scripted import SAMPLING, key, said

SECRET = "sk-very-secret"
GOOD = {"choices": [{"message": {"content": "Answer: 8"}, "finish_reason": "stop"}]}


class OneTransport:
    """Connections that all lead to a function."""

    def __init__(self, handler: Callable[[httpx.Request], httpx.Response]) -> None:
        self._transport = httpx.MockTransport(handler)

    @contextmanager
    def take(self) -> Iterator[httpx.MockTransport]:
        yield self._transport


def model(handler: Callable[[httpx.Request], httpx.Response], **settings: Any) -> OpenAIModel:
    table = {"base_url": "http://lab.test/v1", "models": ("org/m",), "api_key_env": "LAB_KEY"} | settings
    endpoint = Endpoint(name="lab", key=SecretStr(SECRET), **table)
    return OpenAIModel(endpoint, "org/m", OneTransport(handler), "run-1")  # type: ignore[arg-type]


async def failure(status: int, sent: Any, headers: dict[str, str] | None = None, **settings: Any) -> ModelError:
    content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    wire = model(lambda _: httpx.Response(status, content=content, headers=headers), **settings)
    with pytest.raises(ModelError) as caught:
        await wire.complete(said(), SAMPLING, key())
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


async def request_of(sampling: SamplingConfig, **settings: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=GOOD)

    completion = await model(handler, **settings).complete(said("How much?", "Rules."), sampling, key())
    assert completion.text == "Answer: 8" and completion.latency_ms is not None
    return seen[0]


async def test_a_request_carries_messages_sampling_and_key() -> None:
    request = await request_of(SamplingConfig(temperature=0, top_p=1, max_tokens=50, seed=42))
    assert str(request.url) == "http://lab.test/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert json.loads(request.content) == {
        "model": "org/m",
        "messages": [{"role": "system", "content": "Rules."}, {"role": "user", "content": "How much?"}],
        "max_tokens": 50,
        "temperature": 0,
        "top_p": 1,
        "seed": 42,
    }


async def test_what_is_none_is_not_sent() -> None:
    request = await request_of(SamplingConfig(temperature=None, top_p=None), max_tokens_field="max_completion_tokens")
    assert json.loads(request.content).keys() == {"model", "messages", "max_completion_tokens"}


async def test_the_calls_key_goes_along_only_where_the_endpoint_asks() -> None:
    request = await request_of(SAMPLING, send_call_key=True)
    assert request.headers["X-Call-Key"] == "1/harvest/Kate/harvest//1" and request.headers["X-Run"] == "run-1"
    request = await request_of(SAMPLING)
    assert "X-Call-Key" not in request.headers and "X-Run" not in request.headers


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("1/home/Kate/insight//1", "1/home/Kate/insight//1"),
        ("1/home/Mary Ann/insight//1", "1/home/Mary Ann/insight//1"),
        ("1/home/太郎/insight//1", "1/home/%E5%A4%AA%E9%83%8E/insight//1"),
        ("50%25", "50%2525"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A 1"),
    ],
)
def test_headers_carry_any_text_without_loss(value: str, sent: str) -> None:
    assert header_text(value) == sent


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_failures_that_another_try_may_mend(status: int) -> None:
    error = await failure(status, {"error": {"message": f"busy {SECRET}"}}, {"Retry-After": "3"})
    assert isinstance(error, Transient)
    assert (error.what, error.detail, error.retry_after_s) == (f"answered {status}", "busy [key]", 3.0)


@pytest.mark.parametrize(
    ("status", "sent", "says"),
    [
        (401, {"error": {"message": f"Incorrect API key provided: {SECRET}."}}, "Check the key in LAB_KEY"),
        (403, b"", "answered 403: it refuses the key. Check the key in LAB_KEY"),
        (404, {"error": "not found"}, r"Check its base_url and that it has the model 'org/m'"),
        (301, b"", "answered 301"),
        (413, b"<html>", "answered 413. The request cannot be mended"),
        (400, {"error": {"message": "no", "param": "temperature"}}, "Leave temperature empty in the sampling"),
        (422, {"detail": "extra: seed"}, "Leave seed empty in the sampling"),
        (
            400,
            {"error": {"message": "Use 'max_completion_tokens' instead.", "param": "max_tokens"}},
            'Set max_tokens_field = "max_completion_tokens"',
        ),
        (400, {"error": {"message": "max_tokens is too large: 8000"}}, "Lower max_tokens in the sampling"),
        (429, {"error": {"message": "You exceeded", "code": "insufficient_quota"}}, "no credit left"),
    ],
)
async def test_failures_that_no_retry_mends_say_what_to_do(status: int, sent: Any, says: str) -> None:
    error = await failure(status, sent)
    assert isinstance(error, EndpointDown) and str(error).startswith("Endpoint 'lab' ")
    assert says.replace("\\", "") in str(error)


async def test_a_body_that_is_no_completion_is_a_failure_not_an_answer() -> None:
    error = await failure(200, b"<html>hello</html>")
    assert isinstance(error, Transient) and "not JSON" in error.detail
    error = await failure(200, {"error": {"message": f"bad key {SECRET}"}})
    assert isinstance(error, Transient) and "bad key [key]" in error.detail


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_BODY", 1000)
    error = await failure(200, b" " * 1001)
    assert isinstance(error, EndpointDown) and "sent more than" in str(error)


@pytest.mark.parametrize(
    ("trouble", "what"),
    [
        (httpx.ConnectError("refused"), "could not be reached at lab.test"),
        (httpx.ConnectTimeout("slow"), "could not be reached at lab.test"),
        (httpx.ReadTimeout("slow"), "did not answer within 300 s"),
        (httpx.ReadError("reset"), "dropped the connection"),
        (httpx.RemoteProtocolError("peer closed"), "dropped the connection"),
    ],
)
async def test_troubles_of_the_connection_may_pass(trouble: Exception, what: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise trouble

    with pytest.raises(Transient) as caught:
        await model(handler).complete(said(), SAMPLING, key())
    assert caught.value.what == what


async def test_a_broken_proxy_or_address_does_not_pass() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.UnsupportedProtocol("no such scheme")

    with pytest.raises(EndpointDown, match="cannot be used: no such scheme"):
        await model(handler).complete(said(), SAMPLING, key())
