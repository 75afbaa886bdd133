"""/metrics: numbers for Prometheus. docs/operations.md says what each of them means.

What concerns the whole instance is read from the database, so any web process tells it of all workers, and asking
several of them gives the same numbers.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.models.meter import LATENCY_BOUNDS_MS
from app.store.instance import InstanceFigures, ModelTotals
from app.store.usage import EndpointTotals
from app.store.workers import WorkerRecord
from app.web.instance import InstanceView

STATES = ("queued", "playing", "paused", "finished", "cancelled", "failed", "interrupted")


class InstanceCollector(Collector):
    """The instance's numbers at one moment; None says that the database could not be read."""

    def __init__(self, view: InstanceView | None, *, version: str, engine: str) -> None:
        self._view = view
        self._version = version
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        yield InfoMetricFamily(
            "govsim_build", "Version of the program.", {"version": self._version, "engine": self._engine}
        )
        yield _gauge("govsim_database_up", "1 if the database could be read, else 0.", int(self._view is not None))
        if self._view is not None:
            yield from _of_runs(self._view.figures)
            yield from _of_database(self._view.figures)
            yield from _of_workers(self._view.workers)
            yield from _of_calls(self._view.figures.totals)
            yield from _of_endpoints(self._view.endpoints)


def registry_of(collector: InstanceCollector) -> CollectorRegistry:
    """Return a registry that holds the instance's numbers only."""
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def _of_runs(figures: InstanceFigures) -> Iterable[Metric]:
    runs = GaugeMetricFamily("govsim_runs", "Runs by state.", labels=("state",))
    for state in STATES:
        runs.add_metric((state,), figures.in_state(state))
    yield runs
    stopped = GaugeMetricFamily(
        "govsim_runs_stopped", "Runs that are paused or failed, by state and reason.", labels=("state", "reason")
    )
    for count in figures.runs:
        if count.state in ("paused", "failed"):
            stopped.add_metric((count.state, count.reason or "none"), count.runs)
    yield stopped
    tests = GaugeMetricFamily("govsim_subskill_tests", "Subskill tests by state.", labels=("state",))
    for state, number in figures.subskill_tests.items():
        tests.add_metric((state,), number)
    yield tests
    waited = figures.oldest_queued_s
    yield _gauge("govsim_queue_oldest_seconds", "How long the oldest queued run has waited; 0 if none.", waited)
    lines = CounterMetricFamily("govsim_run_log_lines", "Lines in the logs of all runs, by kind.", labels=("kind",))
    for kind, number in figures.log_lines.items():
        lines.add_metric((kind,), number)
    yield lines


def _of_database(figures: InstanceFigures) -> Iterable[Metric]:
    database = figures.database
    yield InfoMetricFamily(
        "govsim_schema",
        "Kind of the database and revision of its schema.",
        {"revision": database.schema_revision or "none", "kind": database.kind},
    )
    yield _gauge("govsim_database_bytes", "Size of the database.", database.bytes)
    if database.free_bytes is not None:
        yield _gauge("govsim_disk_free_bytes", "Free space beside a SQLite file.", database.free_bytes)


def _of_workers(workers: list[WorkerRecord]) -> Iterable[Metric]:
    takers = [worker for worker in workers if worker.takes_runs]
    alive = [worker for worker in workers if worker.alive]
    yield _gauge("govsim_workers", "Worker processes that take queued runs.", len(takers))
    yield _gauge("govsim_workers_lost", "Processes that fell silent within the last day.", len(workers) - len(alive))
    capacity, playing = sum(worker.capacity for worker in takers), sum(worker.playing for worker in alive)
    yield _gauge("govsim_worker_capacity", "Runs that all workers can play at once.", capacity)
    yield _gauge("govsim_worker_playing", "Runs that processes say they are playing.", playing)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def _of_calls(totals: list[ModelTotals]) -> Iterable[Metric]:
    for name, help_text, field in (
        ("govsim_calls", "Recorded calls, by the minds of their run.", "calls"),
        ("govsim_prompt_tokens", "Tokens sent, by the minds of the run.", "prompt_tokens"),
        ("govsim_completion_tokens", "Tokens received, by the minds of the run.", "completion_tokens"),
        ("govsim_cost_dollars", "Cost of the calls with a known price, in US dollars.", "cost"),
        ("govsim_unpriced_calls", "Calls whose price is unknown.", "unpriced_calls"),
    ):
        family = CounterMetricFamily(name, help_text, labels=("models",))
        for total in totals:
            family.add_metric((total.models,), getattr(total, field))
        yield family


def _of_endpoints(endpoints: list[EndpointTotals]) -> Iterable[Metric]:
    requests = CounterMetricFamily(
        "govsim_endpoint_requests",
        "Requests made to an endpoint, by outcome: answered, a status, no_answer, refused.",
        labels=("endpoint", "outcome"),
    )
    seconds = HistogramMetricFamily(
        "govsim_endpoint_request_seconds",
        "How long answered requests took, without waiting for a slot.",
        labels=("endpoint",),
    )
    bounds = [*(f"{bound / 1000:g}" for bound in LATENCY_BOUNDS_MS), "+Inf"]
    for endpoint in endpoints:
        for outcome, number in endpoint.outcomes.items():
            requests.add_metric((endpoint.endpoint, outcome), number)
        buckets = list(zip(bounds, map(float, accumulate(endpoint.latencies)), strict=True))
        seconds.add_metric((endpoint.endpoint,), buckets, endpoint.latency_ms / 1000)
    yield requests
    yield seconds
