"""What is seen of every request: its id, a line in the log, its numbers in /metrics.

Addresses appear by the template of their route (`/s/{token}`), never as they were asked for: a path can hold the token
of a share, a query whatever somebody searched for.
"""

import re
import secrets
from collections.abc import Iterable
from time import perf_counter

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.meters import WebMeters

HEADER = "X-Request-ID"
NO_ROUTE = "none"
# A proxy's id is taken over if it is one; it ends up in log lines.
_GIVEN_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")
_FREQUENT = ("/static/", "/healthz", "/metrics", "/favicon.ico")

log = structlog.get_logger(__name__)


class Observer:
    """Gives each request an id, measures it and writes a line when it is answered. The outermost part."""

    def __init__(self, app: ASGIApp, meters: WebMeters) -> None:
        self.app = app
        self._meters = meters
        self._routes: list[tuple[re.Pattern[str], str]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _GIVEN_ID.match(given) else secrets.token_hex(8)
        Request(scope).state.request_id = request_id
        method, route = scope["method"], self._route(scope)
        status = 500
        started = perf_counter()

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id), self._meters.under_way(route):
            try:
                await self.app(scope, receive, marked)
            finally:
                seconds = perf_counter() - started
                self._meters.answered(route, method, status, seconds)
                tell = log.debug if route.startswith(_FREQUENT) else log.info
                tell("request", method=method, path=route, status=status, ms=round(seconds * 1000, 1))

    def _route(self, scope: Scope) -> str:
        """Return the template of the route that answers, also where the guard refuses the request before."""
        if self._routes is None:
            self._routes = list(_templates(scope["app"]))
        path = scope["path"]
        return next((template for pattern, template in self._routes if pattern.match(path)), NO_ROUTE)


def request_id_of(request: Request) -> str | None:
    """Return the id of *request*, None where nobody observes."""
    found: str | None = getattr(request.state, "request_id", None)
    return found


def _templates(app: FastAPI) -> Iterable[tuple[re.Pattern[str], str]]:
    for context in iter_route_contexts(app.routes):
        if context.path:
            yield context.path_regex, str(context.path)
