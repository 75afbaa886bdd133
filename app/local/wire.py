"""The OpenAI chat-completions protocol as our server speaks it: requests checked, answers and errors written."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.local.requests import Result
from app.models.decoding import EXTENSION

MAX_MESSAGES = 2000
MAX_STOPS = 8
# They change nothing in an answer.
HARMLESS = frozenset({"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"})
# Values at which what we have not is not asked for.
ABSENT: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none",),
    "function_call": ("none",),
    "parallel_tool_calls": (True, False),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
    "reasoning_effort": ("none",),
}


class Refused(Exception):
    """A request that is not answered: the status, and the fields of OpenAI's error object."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Part(_Closed):
    type: Literal["text"]
    text: str


class ChatMessage(_Closed):
    """One message; parts of text are joined."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]
    name: str | None = None

    @property
    def text(self) -> str:
        """What it says."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)

    @property
    def plain(self) -> dict[str, str]:
        """The message as chat templates take it."""
        return {"role": "system" if self.role == "developer" else self.role, "content": self.text}


class StreamOptions(_Closed):
    """`include_usage` asks for a last piece with the usage."""

    include_usage: bool = False
    include_obfuscation: bool = False


Stop = Annotated[str, Field(min_length=1, max_length=200)]


class ChatRequest(_Closed):
    """What is asked. Without `max_tokens` an answer may fill what the prompt leaves of the context."""

    model: str = Field(max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    temperature: float = Field(default=1.0, ge=0, le=2, allow_inf_nan=False)
    top_p: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**64)
    stop: list[Stop] = Field(default=[], max_length=MAX_STOPS)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_several(cls, stop: object) -> object:
        return [stop] if isinstance(stop, str) else stop

    @property
    def longest(self) -> int | None:
        """The most tokens of an answer; None where nothing was said."""
        given = [limit for limit in (self.max_completion_tokens, self.max_tokens) if limit is not None]
        return min(given) if given else None


def read_request(data: object) -> ChatRequest:
    """Return the request in *data*, read from JSON.

    Raises:
        Refused: it is none, or asks for something that local models do not do; the error names the field.
    """
    if not isinstance(data, dict):
        raise Refused("The body must be a JSON object.")
    asked = {}
    for name, value in data.items():
        if value is None or name in HARMLESS:
            continue
        if name in ABSENT:
            if value not in ABSENT[name]:
                text = f"Local models do not support '{name}': leave it out."
                raise Refused(text, param=name, code="unsupported_parameter")
            continue
        asked[name] = value
    try:
        return ChatRequest.model_validate(asked)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        param = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            text = f"Local models do not know the parameter '{param[:100]}'."
            raise Refused(text, param=param[:100], code="unsupported_parameter") from None
        raise Refused(f"'{param[:100]}': {first['msg']}.", param=param[:100], code="invalid_value") from None


def usage_of(result: Result) -> dict[str, Any]:
    """Return the `usage` object: the standard one, and under `layerskip` how far the model guessed ahead."""
    passes = result.verifications
    return {
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "total_tokens": result.prompt_tokens + result.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": result.cached_tokens},
        EXTENSION: {
            "exit_layer": result.exit_layer,
            "draft_length": result.draft_length,
            "drafted": result.drafted,
            "accepted": result.accepted,
            "verifications": passes,
            "tokens_per_verification": round((result.accepted + passes) / passes, 3) if passes else None,
        },
    }


@dataclass(frozen=True)
class Envelope:
    """What goes around an answer: its id, the model with the revision of its weights, and what computed it."""

    id: str
    model: str
    fingerprint: str
    created: int

    @classmethod
    def of(cls, number: str, model: str, fingerprint: str) -> "Envelope":
        """Return an envelope of now."""
        return cls(f"chatcmpl-{number}", model, fingerprint, int(time.time()))

    def whole(self, result: Result) -> dict[str, Any]:
        """Return the body of a whole answer."""
        message = {"role": "assistant", "content": result.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": result.finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage_of(result)}

    def piece(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        """Return one piece of a streamed answer."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def last(self, result: Result) -> dict[str, Any]:
        """Return the piece that tells the usage of a streamed answer."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": usage_of(result)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }
