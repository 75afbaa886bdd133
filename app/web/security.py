"""What every request goes through: who may ask, and from where.

* Without a password the instance answers loopback only: connections to a loopback address, under a loopback name, so
  that a page elsewhere cannot reach it by pointing its own name here (DNS rebinding).
* A request that changes something must come from our own pages, or from no browser at all: `Sec-Fetch-Site` decides,
  and where a browser does not send it, `Origin`. No token is needed, and there is no CORS.
* With a password, everything but shares, the health check, the login and static files needs it (gate.py).
"""

from collections.abc import MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web import urls
from app.web.answers import render
from app.web.errors import Problem, wants_json
from app.web.services import services_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = ("/s/", "/static/")
OPEN_PAGES = frozenset({"/healthz", "/login", "/favicon.ico"})


class ExposureError(Exception):
    """The server would be reachable by others without a password; the message says what to do."""


def is_loopback(host: str) -> bool:
    """Tell whether *host*, a name or an address, means this machine only."""
    name = host.strip().lower().removeprefix("[").removesuffix("]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def check_exposure(host: str, password: str | None) -> None:
    """Do nothing if the server may listen on *host*.

    Raises:
        ExposureError: if others could reach it and no password is set.
    """
    if password is None and not is_loopback(host):
        raise ExposureError(
            f"On {host} others can reach this server: set GOVSIM_PASSWORD (at least 8 characters), or use 127.0.0.1."
        )


class Guard:
    """Refuses what must not be answered: wrong names, other sites' requests, visitors without the password."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        problem = _refusal(request)
        if problem is None:
            await self.app(scope, receive, send)
        elif problem.status == 401 and request.method == "GET" and not wants_json(request.url.path):
            where = with_query(request)
            await RedirectResponse(urls.login(where), 303)(scope, receive, send)
        else:
            await render(request, problem)(scope, receive, send)


def with_query(request: Request) -> str:
    """Return the path that was asked for, with its query."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _refusal(request: Request) -> Problem | None:
    gate = services_of(request.app).gate
    if not gate.locked and not _is_local(request.scope, request.headers.get("host", "")):
        return Problem(
            403, "forbidden", "Without a password this server answers on this machine only. Set GOVSIM_PASSWORD."
        )
    if request.method not in SAFE_METHODS and not _same_site(request):
        return Problem(403, "cross_site", "This request came from another site. Open the page here and try again.")
    path = request.url.path
    if gate.locked and path not in OPEN_PAGES and not path.startswith(OPEN_PATHS):
        return gate.refusal(request)
    return None


def _is_local(scope: MutableMapping[str, Any], host: str) -> bool:
    server = scope.get("server")
    try:
        # The address the connection came in on: a name in a header can be made up, this cannot.
        if server and not ip_address(str(server[0])).is_loopback:
            return False
    except ValueError:
        pass
    return is_loopback(urlsplit(f"//{host}").hostname or "") if host else False


def _same_site(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
