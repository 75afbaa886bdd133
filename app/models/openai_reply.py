"""Reads what an OpenAI-compatible endpoint sends back: completions, thinking, errors. Pure functions on bytes."""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from app.models.base import Completion
from app.models.decoding import read_decoding

MAX_DETAIL = 300  # characters of an endpoint's own words that go into a message
_PARAMETERS = re.compile(r"\b(max_tokens|max_completion_tokens|temperature|top_p|seed)\b")


class NotACompletion(ValueError):
    """The body is no chat completion; the message continues "sent ..."."""


def read_completion(body: bytes, latency_ms: int, secret: str = "") -> Completion:
    """Return the completion in *body*; an error found in its place is told without *secret*.

    Thinking is kept apart, whether it comes in a field of its own, as parts of the content, or in the text before
    `</think>`. NUL characters and lone surrogates, which no database keeps, become U+FFFD.

    Raises:
        NotACompletion: *body* is not JSON, holds an error, or no choice with a message.
    """
    data = json_object(body)
    if data.get("error"):
        raise NotACompletion(f"an error in place of an answer: {error_detail(body, secret)}")
    choice = _first(data.get("choices"))
    message = choice.get("message")
    if not isinstance(message, dict):
        raise NotACompletion("an answer without a message")
    finish_reason = choice.get("finish_reason")
    if finish_reason == "error":
        raise NotACompletion("an answer that broke off with an error")

    text, thinking = _content(message.get("content"))
    if not text and isinstance(message.get("refusal"), str):
        text = message["refusal"]
    own_field = message.get("reasoning_content") or message.get("reasoning")
    text, inline = _split_thinking(text)
    thoughts = [thought.strip() for thought in (own_field, thinking, inline) if isinstance(thought, str)]
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Completion(
        text=storable(text),
        thinking=storable("\n\n".join(filter(None, thoughts))) or None,
        prompt_tokens=count_of(usage.get("prompt_tokens")),
        completion_tokens=count_of(usage.get("completion_tokens")),
        finish_reason=label_of(finish_reason),
        model_revision=label_of(data.get("model")),
        fingerprint=label_of(data.get("system_fingerprint")),
        provider=label_of(data.get("provider")),
        latency_ms=latency_ms,
        decoding=read_decoding(usage),
    )


def error_detail(body: bytes, secret: str = "") -> str:
    """Return what an error body says, as one bounded line without *secret*; "" when it says nothing readable."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
        said = "" if text.lstrip().startswith("<") else text  # a proxy's HTML page says nothing worth quoting
    else:
        said = _error_message(data)
    if secret:
        said = said.replace(secret, "[key]")
    line = " ".join("".join(char if char.isprintable() else " " for char in said).split())
    return line if len(line) <= MAX_DETAIL else line[: MAX_DETAIL - 1] + "…"


def refused_parameter(body: bytes) -> str | None:
    """Return the sampling parameter that an error body complains about, or None."""
    try:
        error = json_object(body).get("error")
    except NotACompletion:
        error = None
    param = error.get("param") if isinstance(error, dict) else None
    found = _PARAMETERS.search(param if isinstance(param, str) else error_detail(body))
    return found.group(1) if found else None


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Return how many seconds a Retry-After header asks to wait (it gives seconds or a date), or None."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in *body*.

    Raises:
        NotACompletion: if there is none.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise NotACompletion("something that is not JSON") from None
    if not isinstance(data, dict):
        raise NotACompletion("JSON that is no chat completion")
    return data


def _first(choices: Any) -> dict[str, Any]:
    if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
        raise NotACompletion("an answer without choices")
    return choices[0]


def _content(content: Any) -> tuple[str, str]:
    """Return the text and the thinking of a message's content: null, a text, or a list of parts."""
    if isinstance(content, str):
        return content, ""
    if content is None:
        return "", ""
    if not isinstance(content, list):
        raise NotACompletion("an answer whose content is neither text nor parts")
    texts, thoughts = [], []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and part.get("type") in ("thinking", "reasoning"):
            thought = part.get("thinking") or part.get("reasoning") or part.get("text")
            thoughts.append(thought if isinstance(thought, str) else _content(thought)[0])
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
    return "".join(texts), "".join(thoughts)


def _split_thinking(text: str) -> tuple[str, str]:
    """Return the answer and the thinking before it. Some templates open the thinking themselves: only its end shows."""
    before, end, after = text.partition("</think>")
    opened = before.lstrip().startswith("<think>")
    if not opened and not end:
        return text, ""
    return after.lstrip(), before.lstrip().removeprefix("<think>")


def _error_message(data: Any) -> str:
    """Return the sentence in the shapes that servers give their errors."""
    if isinstance(data, list):
        data = data[0] if data else ""
    for key in ("error", "message", "detail"):
        if isinstance(data, dict) and data.get(key):
            return _error_message(data[key])
    return data if isinstance(data, str) else json.dumps(data) if data else ""


def storable(text: str) -> str:
    """Return *text* with what no database keeps (NUL, lone surrogates) replaced by U+FFFD."""
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def count_of(value: Any) -> int | None:
    """Return *value* if it is a number of something, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def label_of(value: Any) -> str | None:
    """Return *value*, bounded, if it is a text that says something, else None."""
    return storable(value)[:200] if isinstance(value, str) and value else None
