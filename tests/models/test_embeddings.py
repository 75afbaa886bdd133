"""Embeddings: requests, vectors as they are kept, and as calls of the log."""

import json
from typing import Any

import pytest

from app.models.base import Completion
from app.models.embeddings import read_embeddings, read_vectors, request_for
from app.models.endpoints import Endpoint
from app.models.hub import ModelHub
from app.models.openai_reply import NotACompletion
from tests.fakes.process import FakeModelServer
from tests.models.scripted import SAMPLING, MemoryLog, key
from tests.models.test_hub import no_wait


def reply(*vectors: Any, **changes: Any) -> bytes:
    data = [{"index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    return json.dumps(
        {"data": data, "model": "e-1", "usage": {"prompt_tokens": 5, "total_tokens": 5}} | changes
    ).encode()


def signed(vector: bytes) -> list[int]:
    return [value - 256 if value > 127 else value for value in vector]


def test_vectors_are_kept_as_whole_numbers() -> None:
    read = read_embeddings(reply([0.5, -1.0, 0.25], [0, 0, 0]), 2, 9)
    assert [signed(vector) for vector in read_vectors(read.text)] == [[64, -127, 32], [0, 0, 0]]
    assert (read.prompt_tokens, read.completion_tokens, read.model_revision, read.latency_ms) == (5, 0, "e-1", 9)


def test_vectors_come_in_the_order_of_the_texts() -> None:
    rows = [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]
    read = read_embeddings(reply(data=rows), 2, 1)
    assert [signed(vector) for vector in read_vectors(read.text)] == [[127, 0], [0, 127]]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"no", "not JSON"),
        (b'{"error": {"message": "too long"}}', "too long"),
        (b"{}", "without data"),
        (reply([1.0]), "1 vectors for 2 texts"),
        (reply([1.0], [1.0, 2.0]), "different lengths"),
        (reply([1.0], []), "no list of numbers"),
        (reply([1.0], ["1"]), "no list of numbers"),
        (b'{"data": [{"embedding": [NaN]}, {"embedding": [1]}]}', "no list of numbers"),
        (reply(data=[{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]), "vectors for 2 texts"),
    ],
)
def test_what_is_no_embedding_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(NotACompletion, match=says):
        read_embeddings(body, 2, 1)


def hub_for(server: FakeModelServer) -> ModelHub:
    table = {"name": "fake", "base_url": server.base_url, "embeddings": ("embedder",), "send_call_key": True}
    return ModelHub([Endpoint.model_validate(table)], sleep=no_wait)


async def test_a_request_for_vectors_is_a_recorded_call_and_is_not_made_twice(server: FakeModelServer) -> None:
    log, wanted = MemoryLog(), key("embedding")

    async def ask() -> Completion:
        async with hub_for(server) as hub:
            return await hub.open("fake/embedder", "run-1", log).complete(
                request_for(["a fish", "fish"]), SAMPLING, wanted
            )

    server.control(fail_next=1, status=503)
    first = await ask()
    assert first.transport_attempts == 2 and len(read_vectors(first.text)) == 2
    assert await ask() == first and server.stats()["answered"] == 1
    call = log.calls[wanted]
    assert call.sampling is None and [segment.text for segment in call.messages[0].segments] == ["a fish", "fish"]
