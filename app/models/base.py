"""The tiny model interface: messages in, a completion out, under a key that names the call."""

from typing import Literal, Protocol

from pydantic import Field

from app.commons.config import SamplingConfig
from app.commons.frozen import Frozen, content_hash
from app.models.decoding import WrittenDecoding

SegmentKind = Literal["system", "rules", "situation", "memory", "talk", "task", "reminder"]


class Retrieval(Frozen):
    """How a memory came to be in a prompt: always included, or by its scores, each 0..1 and rounded to 3 decimals.

    Relevance is that to the focal point it fits best; with embeddings it may be below 0.
    """

    always: bool = False
    recency: float | None = None
    importance: float | None = None
    relevance: float | None = None


class Segment(Frozen):
    """A piece of a message: what it is, its text, and the memory it quotes, if it does (`Memory.id`).

    `retrieval` says how that memory was found; it is kept with the call and is no part of the request.
    """

    kind: SegmentKind
    text: str
    memory: int | None = None
    retrieval: Retrieval | None = None


class Message(Frozen):
    """One message of a request. Its content is the text of its segments, joined without separators."""

    role: Literal["system", "user", "assistant"]
    segments: tuple[Segment, ...]

    @property
    def content(self) -> str:
        """The text that is sent."""
        return "".join(segment.text for segment in self.segments)


class CallKey(Frozen):
    """The structural name of a call: never arrival order, so that a replay finds it again.

    `item` is the turn number, memory index or asked agent; a re-ask is a new `attempt`; transport retries stay inside
    one call.
    """

    month: int
    phase: str
    agent: str = Field(description="an agent's name, or 'framework'")
    purpose: str
    item: str = ""
    attempt: int = 1

    def __str__(self) -> str:
        """Return the key as one line: month/phase/agent/purpose/item/attempt."""
        return f"{self.month}/{self.phase}/{self.agent}/{self.purpose}/{self.item}/{self.attempt}"

    def again(self) -> "CallKey":
        """Return the key of the next attempt."""
        return self.model_copy(update={"attempt": self.attempt + 1})


class Completion(Frozen):
    """What came back. Token counts are None where the endpoint does not report them."""

    text: str
    thinking: str | None = Field(default=None, description="a reasoning model's thinking, kept apart")
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str | None = None
    model_revision: str | None = Field(default=None, description="the model the endpoint says it used")
    fingerprint: str | None = Field(default=None, description="the backend configuration the endpoint names")
    provider: str | None = Field(default=None, description="who answered, where the endpoint is a gateway and says so")
    latency_ms: int | None = None
    transport_attempts: int = Field(default=1, description="requests made until this answer came")
    decoding: WrittenDecoding | None = Field(
        default=None,
        description="how it was made, where the endpoint says so",
        exclude_if=lambda decoding: decoding is None,
    )

    @property
    def tokens(self) -> int | None:
        """Tokens of prompt and completion together."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens


class Model(Protocol):
    """A language model behind one name."""

    name: str

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return the completion of *messages*.

        Raises:
            EndpointDown: after all retries, or at once for an answer that no retry can mend.
        """
        ...


class ModelError(Exception):
    """A model could not answer; the message says which endpoint, what happened and what to do."""


class EndpointDown(ModelError):
    """The transport gave up. The run pauses; nothing is answered in the model's place.

    `endpoint` names it where it may answer later without anybody's doing, not before `retry_after_s` seconds have
    passed if it said so; it is None where a person has to mend something.
    """

    def __init__(self, message: str, *, endpoint: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.retry_after_s = retry_after_s


class ModelNotConfigured(ModelError):
    """The name (`model`) means no configured model, or its key is missing from the environment."""

    def __init__(self, message: str, *, model: str | None = None) -> None:
        super().__init__(message)
        self.model = model


class RecordMismatch(ModelError):
    """A call is recorded under this key, but for another request: the run must not go on with either answer."""


class Transient(ModelError):
    """One request failed in a way that another try may mend. It stays between a wire client and the retries.

    `what` continues a sentence that begins with the endpoint ("answered 503"); `detail` is what it said, if anything;
    `retry_after_s` is how long it asked to be left alone, in seconds; `status` is what it answered with, if it did.
    """

    def __init__(
        self, what: str, detail: str = "", retry_after_s: float | None = None, *, status: int | None = None
    ) -> None:
        super().__init__(f"{what}: {detail}" if detail else what)
        self.what = what
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.status = status


def request_hash(model: str, messages: tuple[Message, ...], sampling: SamplingConfig | None) -> str:
    """Return the SHA-256 that identifies a request: model name, roles, contents and sampling (None: embeddings)."""
    return content_hash(
        {
            "model": model,
            "messages": [[message.role, message.content] for message in messages],
            "sampling": None if sampling is None else sampling.model_dump(mode="json"),
        }
    )


class RecordedCall(Frozen):
    """A call as the log keeps it."""

    key: CallKey
    model: str
    request_hash: str
    messages: tuple[Message, ...]
    sampling: SamplingConfig | None
    completion: Completion | None = Field(description="None where an imported log holds no completion")
    cost: float | None = Field(default=None, description="US dollars; None where the price is unknown")


class CallLog(Protocol):
    """Where calls are kept. Implemented by the store; a run has one."""

    def find(self, key: CallKey) -> tuple[str, Completion] | None:
        """Return the request hash and completion recorded under *key*, or None."""
        ...

    def record(self, call: RecordedCall) -> None:
        """Keep a call. It is written before any event that follows from it."""
        ...
