"""One POST to an endpoint: the bytes it answers with, or an error that says what happened and what to do."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from time import perf_counter
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx

from app.models.base import CallKey, EndpointDown, ModelError, Transient
from app.models.connections import Connections
from app.models.endpoints import Endpoint
from app.models.openai_reply import error_detail, refused_parameter, retry_after_seconds

MAX_BODY = 16 * 2**20  # bytes; a longer answer is no answer to our prompts
ACCEPTED = MappingProxyType(
    {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": f"python-httpx/{httpx.__version__}"}
)
_NO_CREDIT = ("insufficient_quota", "credit balance is too low", "billing_error")


class Exchange:
    """Requests of one run to one address of an endpoint. *connections* belong to the caller."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        path: str,
        connections: Connections,
        run: str,
        headers: Mapping[str, str],
    ) -> None:
        self._endpoint = endpoint
        self._model = model
        self._connections = connections
        self.secret = endpoint.key.get_secret_value() if endpoint.key else ""
        self._url = httpx.URL(endpoint.base_url + path)
        self._extensions = {"timeout": {"connect": endpoint.connect_timeout_s}}
        self._headers = {"Content-Type": "application/json", **ACCEPTED, **headers}
        if endpoint.send_call_key:
            self._headers["X-Run"] = header_text(run)

    async def post(self, asked: Mapping[str, Any], key: CallKey) -> tuple[bytes, int]:
        """Send *asked* without what is None; return the body of the answer and the milliseconds it took.

        Raises:
            Transient: no answer, or one that another try may mend (408, 409, 429, 5xx).
            EndpointDown: an answer that no retry can mend; the message says what to do.
        """
        headers = self._headers
        if self._endpoint.send_call_key:
            headers = headers | {"X-Call-Key": header_text(str(key))}
        content = json.dumps({field: value for field, value in asked.items() if value is not None}).encode()
        started = perf_counter()
        response, body = await self._send(content, headers)
        latency_ms = round((perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise self._failure(response, body)
        return body, latency_ms

    def down(self, what: str, advice: str) -> EndpointDown:
        """Return the error that *what* happened at this endpoint, with what a person has to do."""
        return EndpointDown(f"Endpoint '{self._endpoint.name}' {what}. {advice}")

    async def _send(self, content: bytes, headers: dict[str, str]) -> tuple[httpx.Response, bytes]:
        timeout_s = self._endpoint.timeout_s
        request = httpx.Request("POST", self._url, headers=headers, content=content, extensions=self._extensions)
        try:
            # One limit for the whole request: a slow model's first byte may take all of it.
            with self._connections.take() as transport:
                async with (
                    asyncio.timeout(timeout_s),
                    aclosing(await transport.handle_async_request(request)) as answer,
                ):
                    return answer, await self._read(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            detail = self._clean(str(error))
            raise Transient(f"could not be reached at {self._endpoint.host}", detail) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Transient(f"did not answer within {timeout_s:g} s") from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise Transient("dropped the connection", self._clean(str(error))) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            detail = self._clean(str(error)) or type(error).__name__
            raise self.down(f"cannot be used: {detail}", "Check its base_url and the proxy settings.") from error

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_BODY:
                raise self.down(f"sent more than {MAX_BODY // 2**20} MB", "Check its base_url.")
        return bytes(body)

    def _failure(self, response: httpx.Response, body: bytes) -> ModelError:
        status, detail = response.status_code, error_detail(body, self.secret)
        says = f"answered {status}" + (f": {detail.rstrip('.')}" if detail else "")
        key_env = self._endpoint.api_key_env
        if any(sign in detail or sign.encode() in body for sign in _NO_CREDIT):
            message = f"Endpoint '{self._endpoint.name}' {says}. Its account has no credit left: add some."
            return EndpointDown(message, endpoint=self._endpoint.name)
        if status in (408, 409, 429) or status >= 500:
            return Transient(f"answered {status}", detail, retry_after_seconds(response.headers.get("Retry-After")))
        if status in (401, 403):
            # What a provider says of a wrong key may repeat part of it.
            return self.down(
                f"answered {status}: it refuses the key",
                f"Check the key in {key_env}." if key_env else "Name its key's variable (api_key_env).",
            )
        if status == 404:
            return self.down(says, f"Check its base_url and that it has the model '{self._model}'.")
        if status in (400, 422) and (parameter := refused_parameter(body)):
            return self.down(says, self._advice(parameter, detail))
        return self.down(says, "The request cannot be mended by trying again.")

    def _advice(self, parameter: str, detail: str) -> str:
        if "temperature" in detail and "top_p" in detail and "both" in detail:
            # Temperature is what studies report; top_p = 1 is how a model samples when nothing is sent.
            return "Leave top_p empty in the sampling (--top-p none): it is then not sent."
        fields = {"max_tokens", "max_completion_tokens"}
        if parameter not in fields:
            return f"Leave {parameter} empty in the sampling: it is then not sent."
        sent = self._endpoint.max_tokens_field
        other = (fields - {sent}).pop()
        if other in detail:
            return f'Set max_tokens_field = "{other}" for this endpoint in models.toml.'
        return "Lower max_tokens in the sampling."

    def _clean(self, text: str) -> str:
        return error_detail(text.encode("utf-8", "replace"), self.secret)


def header_text(value: str) -> str:
    """Return *value* as a header can carry it: percent-encoded unless it is printable ASCII without '%'."""
    plain = value.isascii() and value.isprintable() and "%" not in value and value == value.strip()
    return value if plain else quote(value, safe="/ ", errors="replace")
