"""The connections to one endpoint, each in a client of its own.

A client's own pool looks through all its connections several times for every request, which at 25 of them costs more
than the request itself. Who holds a slot of the endpoint's limit takes an idle client here, at no cost.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import httpx

from app.models.endpoints import Endpoint


class Connections:
    """Clients with one connection each: as many as were ever in use at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._idle: list[httpx.AsyncClient] = []
        self._all: list[httpx.AsyncClient] = []

    @contextmanager
    def take(self) -> Iterator[httpx.AsyncClient]:
        """Lend a client that nobody else uses; the one used last comes first, so that its connection is still open."""
        client = self._idle.pop() if self._idle else self._new()
        try:
            yield client
        finally:
            self._idle.append(client)

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._all:
            await client.aclose()

    def _new(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            verify=self._tls,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=20),
            # The wire client bounds a request's whole time; a slow model's first byte may take all of it.
            timeout=httpx.Timeout(None, connect=self._endpoint.connect_timeout_s),
        )
        self._all.append(client)
        return client

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()
