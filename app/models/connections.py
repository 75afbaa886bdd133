"""The connections to one endpoint, each in a transport of its own.

httpx's client adds redirects, cookies, authentication and hooks, none of which we use, to every request, and its pool
looks through all connections several times for each: together more than half the cost of a call. Who holds a slot of
the endpoint's limit takes an idle transport here, at no cost.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from app.models.endpoints import Endpoint

KEEP_ALIVE_S = 20


class Connections:
    """Transports with one connection each: as many as were ever in use at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._idle: list[httpx.AsyncBaseTransport] = []
        self._all: list[httpx.AsyncBaseTransport] = []

    @contextmanager
    def take(self) -> Iterator[httpx.AsyncBaseTransport]:
        """Lend a transport that nobody else uses; the one used last comes first: its connection is still open."""
        transport = self._idle.pop() if self._idle else self._new()
        try:
            yield transport
        finally:
            self._idle.append(transport)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._all:
            await transport.aclose()

    def _new(self) -> httpx.AsyncBaseTransport:
        transport = httpx.AsyncHTTPTransport(
            verify=self._tls,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE_S),
            proxy=proxy_for(self._endpoint.base_url),
        )
        self._all.append(transport)
        return transport

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()


def proxy_for(address: str) -> str | None:
    """Return the proxy that the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY ...) names for *address*, or None."""
    parts = urlsplit(address)
    if proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
