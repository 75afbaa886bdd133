"""The models of a process: connections and a limit per endpoint, shared by all runs; a stack of its own per run."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Literal, Self

from pydantic import Field

from app.commons.config import SamplingConfig
from app.commons.frozen import Frozen
from app.models.anthropic import AnthropicModel
from app.models.base import (
    CallKey,
    CallLog,
    Completion,
    EndpointDown,
    Message,
    Model,
    ModelNotConfigured,
    Segment,
    Transient,
)
from app.models.connections import Connections
from app.models.embeddings import EmbeddingModel
from app.models.endpoints import KNOWN, Endpoint
from app.models.gate import Gate
from app.models.ledger import Ledger, LocalLedger
from app.models.limit import LimitedModel, TokenEstimate
from app.models.local import NAME as LOCAL
from app.models.meter import Meter, MeteredLog, MeteredModel
from app.models.openai import OpenAIModel
from app.models.prices import Price, PriceTag, listed_context
from app.models.recorded import RecordedModel
from app.models.retry import RetryingModel, RetryPolicy, Sleep

Wire = Callable[[Endpoint, str, Connections, str], Model]
Kind = Literal["chat", "embeddings"]

# A protocol is a class that makes one request of it.
WIRES: Mapping[str, Wire] = MappingProxyType({"openai": OpenAIModel, "anthropic": AnthropicModel})

PROBE = (Message(role="user", segments=(Segment(kind="task", text="Reply with the word: ready"),)),)


class EndpointView(Frozen):
    """What may be shown of an endpoint."""

    name: str
    protocol: str
    host: str
    models: tuple[str, ...]
    embeddings: tuple[str, ...]
    api_key_env: str | None
    key_present: bool
    max_concurrency: int
    requests_per_minute: int | None
    tokens_per_minute: int | None
    labels: Mapping[str, str] = Field(default_factory=dict, description="what a model is, where that is known")
    unusable: str | None = Field(default=None, description="why none of its models can be asked")
    on_this_machine: bool = Field(default=False, description="whether they were found in the folder of local models")

    @property
    def rates(self) -> str:
        """The limits a minute in words, empty if there are none."""
        limits = ((self.requests_per_minute, "requests"), (self.tokens_per_minute, "tokens"))
        return ", ".join(f"{limit:,} {what}" for limit, what in limits if limit is not None)


@dataclass(frozen=True)
class _Line:
    """What all runs of a process share of one endpoint."""

    connections: Connections
    gate: Gate
    usage: dict[str, TokenEstimate] = field(default_factory=dict)


class ModelHub:
    """Opens models by name (`ENDPOINT/MODEL`).

    Names and views need nothing open; `open` and `probe` work inside `async with`, which closes the connections at its
    end. The limits of the endpoints hold over all who share *ledger*; without one, over this hub.
    `meter` counts what is asked of the endpoints.
    """

    def __init__(
        self, endpoints: Iterable[Endpoint], sleep: Sleep = asyncio.sleep, ledger: Ledger | None = None
    ) -> None:
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._sleep = sleep
        self._ledger = ledger or LocalLedger()
        self._lines: dict[str, _Line] | None = None
        self.meter = Meter()

    async def __aenter__(self) -> Self:
        self._lines = {}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lines, self._lines = self._lines or {}, None
        for line in lines.values():
            await line.gate.aclose()
            await line.connections.aclose()

    def sharing(self, ledger: Ledger) -> "ModelHub":
        """Return a hub with the same endpoints, whose limits hold over all who share *ledger*."""
        return ModelHub(self._endpoints.values(), self._sleep, ledger)

    def names(self) -> tuple[str, ...]:
        """Return the names of all models that can be asked, endpoint by endpoint."""
        usable = (endpoint for endpoint in self._endpoints.values() if endpoint.can_ask)
        return tuple(f"{endpoint.name}/{model}" for endpoint in usable for model in endpoint.models)

    def embedding_names(self) -> tuple[str, ...]:
        """Return the names of all embedding models that can be asked."""
        usable = (endpoint for endpoint in self._endpoints.values() if endpoint.can_ask)
        return tuple(f"{endpoint.name}/{model}" for endpoint in usable for model in endpoint.embeddings)

    def views(self) -> tuple[EndpointView, ...]:
        """Return what may be shown of each endpoint; never a key."""
        return tuple(
            EndpointView(
                name=endpoint.name,
                protocol=endpoint.protocol,
                host=endpoint.host,
                models=endpoint.models,
                embeddings=endpoint.embeddings,
                api_key_env=endpoint.api_key_env,
                key_present=endpoint.key_present,
                max_concurrency=endpoint.max_concurrency,
                requests_per_minute=endpoint.requests_per_minute,
                tokens_per_minute=endpoint.tokens_per_minute,
                labels=endpoint.labels,
                unusable=endpoint.unusable,
                on_this_machine=endpoint.place is not None,
            )
            for endpoint in self._endpoints.values()
        )

    def check_name(self, name: str, kind: Kind = "chat") -> None:
        """Do nothing if *name* can be asked for a completion, or for embeddings.

        Raises:
            ModelNotConfigured: it cannot; the message says what there is, or which variable is missing.
        """
        self._find(name, kind)

    def label_of(self, name: str) -> str | None:
        """Return what the model *name* is, where its endpoint knows more than a name."""
        endpoint_name, _, model = name.partition("/")
        endpoint = self._endpoints.get(endpoint_name)
        return None if endpoint is None else endpoint.labels.get(model)

    def price_of(self, name: str) -> Price | None:
        """Return what the model *name* costs; None where the price is unknown, or the model."""
        endpoint_name, _, model = name.partition("/")
        endpoint = self._endpoints.get(endpoint_name)
        return None if endpoint is None else _price_tag(endpoint, model).price

    def context_of(self, name: str) -> int | None:
        """Return how many tokens a prompt and its answer may have together in the model *name*; None where unknown."""
        endpoint_name, _, model = name.partition("/")
        endpoint = self._endpoints.get(endpoint_name)
        if endpoint is None:
            return None
        return endpoint.context_tokens or endpoint.lengths.get(model) or listed_context(endpoint.base_url, model)

    def strict_context_of(self, name: str) -> int | None:
        """Return as `context_of` where a request that asks for more is refused.

        The server of local models fits an answer to the room that its prompt leaves; nobody has to reckon that.
        """
        endpoint = self._endpoints.get(name.partition("/")[0])
        return None if endpoint is None or endpoint.place is not None else self.context_of(name)

    def can_ask(self, name: str) -> bool:
        """Tell whether *name*, an embedding model or another, is configured and has its key."""
        try:
            self._find(name, self._kind(name))
        except ModelNotConfigured:
            return False
        return True

    def open(self, name: str, run: str, log: CallLog) -> Model:
        """Return the model *name*, an embedding model or another, for the run *run*, whose calls are kept in *log*.

        Raises:
            ModelNotConfigured: as `check_name`.
        """
        kind = self._kind(name)
        endpoint, model = self._find(name, kind)
        line = self._line(endpoint)
        wire = self._wire(kind, endpoint)(endpoint, model, line.connections, run)
        metered = MeteredModel(wire, endpoint.name, self.meter)
        policy = RetryPolicy(attempts=endpoint.attempts, backoff_s=endpoint.backoff_s)
        # The limit is inside the retries: a call that waits for its next attempt holds no slot.
        limited = LimitedModel(metered, line.gate, line.usage.setdefault(model, TokenEstimate()))
        patient = RetryingModel(limited, endpoint.name, policy, self._sleep)
        counted = MeteredLog(log, endpoint.name, run, self.meter)
        return RecordedModel(patient, counted, _price_tag(endpoint, model), sampled=kind == "chat")

    async def probe(self, name: str, sampling: SamplingConfig, patience_s: float) -> Completion:
        """Ask the model *name* for next to nothing, once, over a connection of its own; nothing is recorded.

        The endpoint's limits hold for this request too.

        Raises:
            ModelError: it cannot be asked, has no place or does not answer within *patience_s* seconds each, or
                refuses; a sentence says so.
        """
        kind = self._kind(name)
        endpoint, model = self._find(name, kind)
        hurried = endpoint.model_copy(update={"timeout_s": min(endpoint.timeout_s, patience_s)})
        gate = self._line(endpoint).gate
        connections = Connections(hurried)
        key = CallKey(month=0, phase="check", agent="check", purpose="embedding" if kind == "embeddings" else "check")
        try:
            wire = self._wire(kind, endpoint)(hurried, model, connections, "check")
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(patience_s):
                    permit = await stack.enter_async_context(gate.take(sampling.max_tokens))
                completion = await wire.complete(PROBE, sampling, key)
                permit.used = completion.tokens
                return completion
        except TimeoutError:
            raise EndpointDown(f"Endpoint '{endpoint.name}' is busy: {gate.reason()}. Try again later.") from None
        except Transient as failure:
            raise EndpointDown(f"Endpoint '{endpoint.name}' {str(failure).rstrip('.')}.") from failure
        finally:
            await connections.aclose()

    def _kind(self, name: str) -> Kind:
        endpoint_name, _, model = name.partition("/")
        endpoint = self._endpoints.get(endpoint_name)
        return "embeddings" if endpoint and model in endpoint.embeddings else "chat"

    def _wire(self, kind: Kind, endpoint: Endpoint) -> Wire:
        return EmbeddingModel if kind == "embeddings" else WIRES[endpoint.protocol]

    def _line(self, endpoint: Endpoint) -> _Line:
        if self._lines is None:
            raise RuntimeError("models are asked inside 'async with ModelHub(...)'")
        if endpoint.name not in self._lines:
            gate = Gate(endpoint.name, endpoint.limits, self._ledger)
            self._lines[endpoint.name] = _Line(Connections(endpoint), gate)
        return self._lines[endpoint.name]

    def _find(self, name: str, kind: Kind = "chat") -> tuple[Endpoint, str]:
        endpoint_name, _, model = name.partition("/")
        endpoint = self._endpoints.get(endpoint_name)
        if endpoint is None:
            message = f"There is no model '{name[:200]}': {self._what_there_is(endpoint_name)}"
            raise ModelNotConfigured(message, model=name)
        offered = endpoint.models if kind == "chat" else endpoint.embeddings
        if model not in offered:
            what, key = ("model", "models") if kind == "chat" else ("embedding model", "embeddings")
            raise ModelNotConfigured(
                f"Endpoint '{endpoint_name}' offers no {what} '{model[:200]}'"
                + (f", only {_listed(offered)}: choose one of them or add" if offered else ": add")
                + (f" it to {endpoint.place}." if endpoint.place else f" it to its {key} in models.toml."),
                model=name,
            )
        if endpoint.unusable is not None:
            raise ModelNotConfigured(endpoint.unusable, model=name)
        if not endpoint.key_present:
            raise ModelNotConfigured(_needs(endpoint.name, endpoint.api_key_env), model=name)
        return endpoint, model

    def _what_there_is(self, wanted: str) -> str:
        if wanted in KNOWN:
            return _needs(wanted, KNOWN[wanted].api_key_env)
        if wanted == LOCAL:
            return "no model was found in the folder of local models (GOVSIM_LOCAL_MODELS)."
        if not self._endpoints:
            variables = ", ".join(known.api_key_env or "" for known in KNOWN.values())
            return f"no endpoint is configured. Set one of {variables}, or name a models.toml in GOVSIM_MODELS_FILE."
        names = _listed(tuple(f"'{name}'" for name in self._endpoints))
        return f"no endpoint has that name. Configured: {names}. A model is written ENDPOINT/MODEL."


def _price_tag(endpoint: Endpoint, model: str) -> PriceTag:
    return PriceTag(endpoint.base_url, model, endpoint.declared_price(model))


def _needs(endpoint: str, variable: str | None) -> str:
    return f"endpoint '{endpoint}' needs its key: set {variable} in the environment and start again."


def _listed(names: tuple[str, ...], limit: int = 12) -> str:
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
