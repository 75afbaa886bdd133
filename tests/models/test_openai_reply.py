import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.models.openai_reply import (
    MAX_DETAIL,
    NotACompletion,
    error_detail,
    read_completion,
    refused_parameter,
    retry_after_seconds,
)


def body(message: Any, **more: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], **more}).encode()


def read(content: Any, **fields: Any) -> tuple[str, str | None]:
    completion = read_completion(body({"role": "assistant", "content": content, **fields}), 5)
    return completion.text, completion.thinking


def test_a_plain_answer_with_its_usage_and_model() -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    completion = read_completion(body({"content": "Answer: 8"}, model="m-2026", usage=usage), 41)
    assert (completion.text, completion.thinking) == ("Answer: 8", None)
    assert (completion.prompt_tokens, completion.completion_tokens) == (12, 3)
    assert (completion.finish_reason, completion.model_revision, completion.latency_ms) == ("stop", "m-2026", 41)


def test_usage_that_is_missing_or_odd_is_unknown() -> None:
    for usage in (None, [], {}, {"prompt_tokens": "12", "completion_tokens": -1}, {"prompt_tokens": True}):
        completion = read_completion(body({"content": "x"}, usage=usage), 1)
        assert completion.prompt_tokens is None and completion.completion_tokens is None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_in_a_field_of_its_own(field: str) -> None:
    assert read("Answer: 8", **{field: "Hmm."}) == ("Answer: 8", "Hmm.")


@pytest.mark.parametrize(
    ("content", "text", "thinking"),
    [
        ("<think>\nHmm.\n</think>\n\nAnswer: 8", "Answer: 8", "Hmm."),
        ("\n<think>Hmm.</think>Answer: 8", "Answer: 8", "Hmm."),
        ("Hmm.\n</think>\nAnswer: 8", "Answer: 8", "Hmm."),
        ("<think>Hmm, and then the tokens ran", "", "Hmm, and then the tokens ran"),
        ("<think></think>Answer: 8", "Answer: 8", None),
        ("I say <think> aloud", "I say <think> aloud", None),
    ],
)
def test_thinking_in_the_text(content: str, text: str, thinking: str | None) -> None:
    assert read(content) == (text, thinking)


def test_content_in_parts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hmm."}]},
        {"type": "text", "text": "Answer: "},
        "8",
        {"type": "image_url", "image_url": {}},
    ]
    assert read(parts) == ("Answer: 8", "Hmm.")


def test_null_content_is_an_empty_text() -> None:
    assert read(None) == ("", None)
    assert read(None, reasoning="All tokens went here.") == ("", "All tokens went here.")
    assert read(None, refusal="I cannot help with that.") == ("I cannot help with that.", None)


def test_text_that_no_database_keeps_is_mended() -> None:
    assert read("a\x00b\ud83dc \U0001f41f") == ("a\ufffdb\ufffdc \U0001f41f", None)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"<html>busy</html>", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "no chat completion"),
        (b"{}", "without choices"),
        (b'{"choices": []}', "without choices"),
        (b'{"choices": [{}]}', "without a message"),
        (b'{"choices": [{"message": {"content": 3}}]}', "neither text nor parts"),
        (b'{"choices": [{"message": {"content": ""}, "finish_reason": "error"}]}', "broke off"),
        (b'{"error": {"message": "upstream busy", "code": 502}}', "upstream busy"),
    ],
)
def test_what_is_no_completion_is_never_an_answer(sent: bytes, says: str) -> None:
    with pytest.raises(NotACompletion, match=says):
        read_completion(sent, 1)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b'{"error": {"message": "too long", "type": "x"}}', "too long"),
        (b'{"error": "model not found"}', "model not found"),
        (b'{"message": "no such route"}', "no such route"),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', '{"loc": ["body"], "msg": "field required"}'),
        (b'[{"error": {"message": "quota", "status": "X"}}]', "quota"),
        (b"plain\n  words\x07 here", "plain words here"),
        (b"<html><body>502</body></html>", ""),
        (b"null", ""),
        (b"", ""),
    ],
)
def test_error_bodies_of_all_shapes_become_one_line(sent: bytes, says: str) -> None:
    assert error_detail(sent) == says


def test_an_error_is_bounded_and_holds_no_secret_not_even_cut() -> None:
    sent = ("x" * (MAX_DETAIL - 20) + " sk-abcdefghijklmnopqrstuvwxyz " + "y" * 500).encode()
    detail = error_detail(sent, "sk-abcdefghijklmnopqrstuvwxyz")
    assert len(detail) == MAX_DETAIL and "sk-" not in detail and "[key]" in detail


@pytest.mark.parametrize(
    ("sent", "parameter"),
    [
        (b'{"error": {"message": "Unsupported", "param": "temperature"}}', "temperature"),
        (b'{"error": {"message": "\'max_tokens\' is not supported"}}', "max_tokens"),
        (b'{"detail": "extra field: seed"}', "seed"),
        (b'{"error": {"message": "bad request", "param": null}}', None),
        (b"nope", None),
    ],
)
def test_the_parameter_an_error_names(sent: bytes, parameter: str | None) -> None:
    assert refused_parameter(sent) == parameter


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)) == seconds
