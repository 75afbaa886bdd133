"""The `/v1/embeddings` protocol as a model like others: texts in, vectors out, so that its requests are calls.

A request is one message with a segment a text. The completion's text is the vectors, one a line: whole numbers from
-127 to 127, a byte each, in base64. So they are kept with the call, compactly, and a run that is played again computes
with exactly the numbers it was played with. Cosines change by less than 0.01.
"""

import base64
from array import array
from collections.abc import Sequence
from math import isfinite
from typing import Any

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Completion, Message, Segment, Transient
from app.models.connections import Connections
from app.models.endpoints import Endpoint
from app.models.exchange import Exchange
from app.models.openai import bearer
from app.models.openai_reply import NotACompletion, count_of, error_detail, json_object, label_of

HIGHEST = 127
MAX_DIMENSIONS = 20_000


class EmbeddingModel:
    """One embedding model of an endpoint, for one run. *connections* belong to the caller."""

    def __init__(self, endpoint: Endpoint, model: str, connections: Connections, run: str) -> None:
        self.name = f"{endpoint.name}/{model}"
        self._model = model
        self._exchange = Exchange(endpoint, model, "/embeddings", connections, run, bearer(endpoint))

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Make one request; nothing is sampled, and *sampling* is not sent.

        Raises:
            Transient: no answer, or one that another try may mend.
            EndpointDown: an answer that no retry can mend; the message says what to do.
        """
        texts = [segment.text for message in messages for segment in message.segments]
        body, latency_ms = await self._exchange.post({"model": self._model, "input": texts}, key)
        try:
            return read_embeddings(body, len(texts), latency_ms, self._exchange.secret)
        except NotACompletion as error:
            raise Transient("sent no embeddings", f"it sent {error}") from error


def request_for(texts: Sequence[str]) -> tuple[Message, ...]:
    """Return the request for the vectors of *texts*."""
    return (Message(role="user", segments=tuple(Segment(kind="task", text=text) for text in texts)),)


def read_embeddings(body: bytes, wanted: int, latency_ms: int, secret: str = "") -> Completion:
    """Return the *wanted* vectors in *body* as a completion; they are put into the order of their `index`.

    Raises:
        NotACompletion: *body* is not JSON, holds an error, or other than *wanted* vectors of one length.
    """
    data = json_object(body)
    if data.get("error"):
        raise NotACompletion(f"an error in place of an answer: {error_detail(body, secret)}")
    rows = data.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotACompletion("an answer without data")
    found = {row.get("index", place): row.get("embedding") for place, row in enumerate(rows)}
    if set(found) != set(range(wanted)) or len(rows) != wanted:
        raise NotACompletion(f"{len(rows)} vectors for {wanted} texts")
    vectors = [_small(found[place]) for place in range(wanted)]
    if len({len(vector) for vector in vectors}) > 1:
        raise NotACompletion("vectors of different lengths")
    usage = data.get("usage")
    return Completion(
        text="\n".join(base64.b64encode(vector).decode() for vector in vectors),
        prompt_tokens=count_of(usage.get("prompt_tokens")) if isinstance(usage, dict) else None,
        completion_tokens=0,
        model_revision=label_of(data.get("model")),
        provider=label_of(data.get("provider")),
        latency_ms=latency_ms,
    )


def read_vectors(text: str) -> list[bytes]:
    """Return the vectors in a completion's text: signed bytes.

    Raises:
        ValueError: if *text* is not what `read_embeddings` writes.
    """
    return [base64.b64decode(line, validate=True) for line in text.split("\n")]


def _small(vector: Any) -> bytes:
    if not isinstance(vector, list) or not 1 <= len(vector) <= MAX_DIMENSIONS or not all(map(_is_number, vector)):
        raise NotACompletion("a vector that is no list of numbers")
    top = max(map(abs, vector)) or 1.0
    return array("b", (round(value * HIGHEST / top) for value in vector)).tobytes()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
