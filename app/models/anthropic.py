"""The Anthropic Messages protocol: the system text apart, `max_tokens` required, thinking in blocks of its own.

Its stop reasons are told in the words of the other protocol, so that a cut answer is the same everywhere: `stop`,
`length`, `content_filter`; others stay as they are.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, Transient
from app.models.connections import Connections
from app.models.endpoints import Endpoint
from app.models.exchange import Exchange
from app.models.openai_reply import NotACompletion, count_of, error_detail, json_object, label_of, storable

VERSION = "2023-06-01"
STOP_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "refusal": "content_filter",
    }
)
_INPUT_TOKENS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class AnthropicModel:
    """One model of an endpoint that speaks the Messages protocol, for one run. *connections* belong to the caller."""

    def __init__(self, endpoint: Endpoint, model: str, connections: Connections, run: str) -> None:
        self.name = f"{endpoint.name}/{model}"
        self._model = model
        headers = {"anthropic-version": VERSION}
        if endpoint.key:
            headers["x-api-key"] = endpoint.key.get_secret_value()
        self._exchange = Exchange(endpoint, model, "/messages", connections, run, headers)

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Make one request.

        Raises:
            Transient: no answer, or one that another try may mend (429, 5xx, 529 "overloaded", no message in it).
            EndpointDown: an answer that no retry can mend, or a request seed, which this protocol does not have.
        """
        if sampling.seed is not None:
            raise self._exchange.down("takes no request seed", "Leave seed empty in the sampling.")
        body, latency_ms = await self._exchange.post(request_body(self._model, messages, sampling), key)
        try:
            return read_message(body, latency_ms, self._exchange.secret)
        except NotACompletion as error:
            raise Transient("sent no message", f"it sent {error}") from error


def request_body(model: str, messages: Sequence[Message], sampling: SamplingConfig) -> dict[str, Any]:
    """Return the request as the protocol wants it; None stands for what is not sent."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    return {
        "model": model,
        "max_tokens": sampling.max_tokens,
        "system": system or None,
        "messages": [
            {"role": message.role, "content": message.content} for message in messages if message.role != "system"
        ],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }


def read_message(body: bytes, latency_ms: int, secret: str = "") -> Completion:
    """Return the completion in *body*; an error found in its place is told without *secret*.

    Cached input counts as input. Redacted thinking has no text and is left out.

    Raises:
        NotACompletion: *body* is not JSON, holds an error, or no message.
    """
    data = json_object(body)
    if data.get("error"):
        raise NotACompletion(f"an error in place of an answer: {error_detail(body, secret)}")
    blocks = data.get("content")
    if not isinstance(blocks, list):
        raise NotACompletion("an answer without content")
    reason = data.get("stop_reason")
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    tokens = [count_of(usage.get(name)) for name in _INPUT_TOKENS]
    return Completion(
        text=storable("".join(_texts(blocks, "text"))),
        thinking=storable("\n\n".join(thought.strip() for thought in _texts(blocks, "thinking"))) or None,
        prompt_tokens=None if tokens[0] is None else sum(found or 0 for found in tokens),
        completion_tokens=count_of(usage.get("output_tokens")),
        finish_reason=STOP_REASONS.get(reason, label_of(reason)) if isinstance(reason, str) else None,
        model_revision=label_of(data.get("model")),
        latency_ms=latency_ms,
    )


def _texts(blocks: Sequence[Any], kind: str) -> list[str]:
    """Return what the blocks of a kind hold, under the name of the kind."""
    found = [block.get(kind) for block in blocks if isinstance(block, dict) and block.get("type") == kind]
    return [text for text in found if isinstance(text, str)]
