"""The OpenAI chat-completions protocol on httpx: one request, one completion, or an error that says what happened."""

import asyncio
import json
from time import perf_counter
from typing import Any
from urllib.parse import quote

import httpx

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, EndpointDown, Message, ModelError, Transient
from app.models.connections import Connections
from app.models.endpoints import Endpoint
from app.models.openai_reply import (
    NotACompletion,
    error_detail,
    read_completion,
    refused_parameter,
    retry_after_seconds,
)

MAX_BODY = 16 * 2**20  # bytes; a longer answer is no answer to our prompts


class OpenAIModel:
    """One model of an OpenAI-compatible endpoint, for one run. *connections* belong to the caller."""

    def __init__(self, endpoint: Endpoint, model: str, connections: Connections, run: str) -> None:
        self.name = f"{endpoint.name}/{model}"
        self._endpoint = endpoint
        self._model = model
        self._connections = connections
        self._secret = endpoint.key.get_secret_value() if endpoint.key else ""
        self._url = httpx.URL(f"{endpoint.base_url}/chat/completions")
        self._headers = {"Content-Type": "application/json"}
        if self._secret:
            self._headers["Authorization"] = f"Bearer {self._secret}"
        if endpoint.send_call_key:
            self._headers["X-Run"] = header_text(run)

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Make one request.

        Raises:
            Transient: no answer, or one that another try may mend (408, 409, 429, 5xx, a body that is no completion).
            EndpointDown: an answer that no retry can mend; the message says what to do.
        """
        headers = self._headers
        if self._endpoint.send_call_key:
            headers = headers | {"X-Call-Key": header_text(str(key))}
        content = self._request_body(messages, sampling)
        started = perf_counter()
        response, body = await self._exchange(content, headers)
        latency_ms = round((perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise self._failure(response, body)
        try:
            return read_completion(body, latency_ms, self._secret)
        except NotACompletion as error:
            raise Transient("sent no chat completion", f"it sent {error}") from error

    def _request_body(self, messages: tuple[Message, ...], sampling: SamplingConfig) -> bytes:
        asked: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            self._endpoint.max_tokens_field: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        return json.dumps({field: value for field, value in asked.items() if value is not None}).encode()

    async def _exchange(self, content: bytes, headers: dict[str, str]) -> tuple[httpx.Response, bytes]:
        timeout_s = self._endpoint.timeout_s
        try:
            with self._connections.take() as client:
                async with (
                    asyncio.timeout(timeout_s),
                    client.stream("POST", self._url, content=content, headers=headers) as response,
                ):
                    return response, await self._read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            detail = self._clean(str(error))
            raise Transient(f"could not be reached at {self._endpoint.host}", detail) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Transient(f"did not answer within {timeout_s:g} s") from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise Transient("dropped the connection", self._clean(str(error))) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            detail = self._clean(str(error)) or type(error).__name__
            raise self._down(f"cannot be used: {detail}", "Check its base_url and the proxy settings.") from error

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_BODY:
                raise self._down(f"sent more than {MAX_BODY // 2**20} MB", "Check its base_url.")
        return bytes(body)

    def _failure(self, response: httpx.Response, body: bytes) -> ModelError:
        status, detail = response.status_code, error_detail(body, self._secret)
        says = f"answered {status}" + (f": {detail.rstrip('.')}" if detail else "")
        key_env = self._endpoint.api_key_env
        if "insufficient_quota" in detail or b'"insufficient_quota"' in body:
            return self._down(says, "Its account has no credit left: add some and resume.")
        if status in (408, 409, 429) or status >= 500:
            return Transient(f"answered {status}", detail, retry_after_seconds(response.headers.get("Retry-After")))
        if status in (401, 403):
            # What a provider says of a wrong key may repeat part of it.
            return self._down(
                f"answered {status}: it refuses the key",
                f"Check the key in {key_env}." if key_env else "Name its key's variable (api_key_env).",
            )
        if status == 404:
            return self._down(says, f"Check its base_url and that it has the model '{self._model}'.")
        if status in (400, 422) and (parameter := refused_parameter(body)):
            return self._down(says, self._advice(parameter, detail))
        return self._down(says, "The request cannot be mended by trying again.")

    def _advice(self, parameter: str, detail: str) -> str:
        fields = {"max_tokens", "max_completion_tokens"}
        if parameter not in fields:
            return f"Leave {parameter} empty in the sampling: it is then not sent."
        sent = self._endpoint.max_tokens_field
        other = (fields - {sent}).pop()
        if other in detail:
            return f'Set max_tokens_field = "{other}" for this endpoint in models.toml.'
        return "Lower max_tokens in the sampling."

    def _down(self, what: str, advice: str) -> EndpointDown:
        return EndpointDown(f"Endpoint '{self._endpoint.name}' {what}. {advice}")

    def _clean(self, text: str) -> str:
        return error_detail(text.encode("utf-8", "replace"), self._secret)


def header_text(value: str) -> str:
    """Return *value* as a header can carry it: percent-encoded unless it is printable ASCII without '%'."""
    plain = value.isascii() and value.isprintable() and "%" not in value and value == value.strip()
    return value if plain else quote(value, safe="/ ", errors="replace")
