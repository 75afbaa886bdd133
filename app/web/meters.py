"""The web process's own numbers for /metrics: requests, how long they took, open streams."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class WebMeters:
    """Numbers of one process, in a registry of their own. Streams are counted, not timed."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "govsim_http_requests",
            "Requests answered by this web process, by route, method and class of status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "govsim_http_request_seconds",
            "How long this web process took to answer, streams left out.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._streams = Gauge(
            "govsim_http_open_streams", "Live streams that are open in this web process.", registry=self.registry
        )

    @contextmanager
    def under_way(self, route: str) -> Iterator[None]:
        """Count a stream as open for as long as the block runs."""
        if not _is_stream(route):
            yield
            return
        with self._streams.track_inprogress():
            yield

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request. Methods nobody has heard of count together: a name is the client's to choose."""
        known = method if method in METHODS else "other"
        self._requests.labels(route, known, f"{status // 100}xx").inc()
        if not _is_stream(route):
            self._seconds.labels(route).observe(seconds)


def _is_stream(route: str) -> bool:
    return route.endswith("/stream")
