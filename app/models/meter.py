"""What a process asks of its endpoints, counted: requests by what came of them, latency, tokens, cost.

A meter only counts; whoever owns it takes the counts now and then and adds them up with those of other processes
(`app.store.usage`).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from app.commons.config import SamplingConfig
from app.models.base import CallKey, CallLog, Completion, EndpointDown, Message, Model, RecordedCall, Transient

# Upper bounds of the latency classes, in milliseconds; the last class has none.
LATENCY_BOUNDS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000)


@dataclass
class EndpointUse:
    """What was asked of one endpoint over some time.

    Attributes:
        outcomes: requests by outcome: `answered`, a status such as `429`, `no_answer`, or `refused` (for good).
        latencies: answered requests by latency class, an index into `LATENCY_BOUNDS_MS` or one more.
        latency_ms: of all answered requests together, without waiting for a slot.
        prompt_tokens: of the calls that were recorded.
        completion_tokens: likewise.
        cost: US dollars, of those with a known price.
        unpriced: calls whose price is unknown.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: Counter[int] = field(default_factory=Counter)
    latency_ms: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0

    def add(self, other: "EndpointUse") -> None:
        """Count *other* too."""
        self.outcomes += other.outcomes
        self.latencies += other.latencies
        self.latency_ms += other.latency_ms
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost += other.cost
        self.unpriced += other.unpriced


@dataclass
class Use:
    """Counts since they were last taken: by endpoint, and the recorded calls by run."""

    endpoints: dict[str, EndpointUse] = field(default_factory=dict)
    runs: Counter[str] = field(default_factory=Counter)


class Meter:
    """Counts for one process."""

    def __init__(self) -> None:
        self._use = Use()

    def asked(self, endpoint: str, outcome: str, latency_ms: int | None = None) -> None:
        """Count one request and, where it was answered, how long that took."""
        use = self._of(endpoint)
        use.outcomes[outcome] += 1
        if latency_ms is not None:
            use.latencies[bisect_left(LATENCY_BOUNDS_MS, latency_ms)] += 1
            use.latency_ms += latency_ms

    def kept(self, endpoint: str, run: str, call: RecordedCall) -> None:
        """Count the tokens and the cost of a recorded call."""
        use = self._of(endpoint)
        self._use.runs[run] += 1
        if call.completion is not None:
            use.prompt_tokens += call.completion.prompt_tokens or 0
            use.completion_tokens += call.completion.completion_tokens or 0
        if call.cost is None:
            use.unpriced += 1
        else:
            use.cost += call.cost

    def take(self) -> Use:
        """Return the counts and start anew."""
        taken, self._use = self._use, Use()
        return taken

    def give_back(self, endpoints: Mapping[str, EndpointUse]) -> None:
        """Count again what could not be stored."""
        for endpoint, use in endpoints.items():
            self._of(endpoint).add(use)

    def _of(self, endpoint: str) -> EndpointUse:
        return self._use.endpoints.setdefault(endpoint, EndpointUse())


class MeteredModel:
    """Asks *inner* once and counts what came of it. It sits right around the wire, so that it sees every request."""

    def __init__(self, inner: Model, endpoint: str, meter: Meter) -> None:
        self.name = inner.name
        self._inner = inner
        self._endpoint = endpoint
        self._meter = meter

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return *inner*'s completion."""
        started = perf_counter()
        try:
            completion = await self._inner.complete(messages, sampling, key)
        except Transient as failure:
            self._meter.asked(self._endpoint, "no_answer" if failure.status is None else str(failure.status))
            raise
        except EndpointDown:
            self._meter.asked(self._endpoint, "refused")
            raise
        self._meter.asked(self._endpoint, "answered", round((perf_counter() - started) * 1000))
        return completion


class MeteredLog:
    """A call log that counts what it keeps."""

    def __init__(self, inner: CallLog, endpoint: str, run: str, meter: Meter) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._run = run
        self._meter = meter

    def find(self, key: CallKey) -> tuple[str, Completion] | None:
        """Return what *inner* holds under *key*."""
        return self._inner.find(key)

    def record(self, call: RecordedCall) -> None:
        """Keep a call in *inner*, and count it."""
        self._inner.record(call)
        self._meter.kept(self._endpoint, self._run, call)
