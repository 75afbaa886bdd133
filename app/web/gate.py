"""The password: who has shown it, and how often it may be tried.

A browser logs in once and carries a signed cookie; a program sends the password with each request
(`Authorization: Bearer PASSWORD`, or Basic with any user name). Prometheus has a token of its own, for /metrics only.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable

from fastapi import Request

from app.web import urls
from app.web.errors import Problem

COOKIE = "govsim_session"
LIFETIME_S = 30 * 24 * 3600
FAILURES = 10
WINDOW_S = 60.0
MAX_CLIENTS = 1000


class Gate:
    """Knows the password, if there is one, and counts failures per address: ten a minute, then a pause."""

    def __init__(
        self, password: str | None, clock: Callable[[], float] = time.time, *, metrics_token: str | None = None
    ) -> None:
        self._password = password
        self._metrics_token = metrics_token
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        # Slow on purpose: a stolen cookie must not be a quick way to guess the password.
        self._key = hashlib.scrypt((password or "").encode(), salt=b"govsim session", n=2**14, r=8, p=1)

    @property
    def locked(self) -> bool:
        """Whether there is a password at all."""
        return self._password is not None

    def refusal(self, request: Request) -> Problem | None:
        """Return why *request* is not let in, or None if it is."""
        if self.valid_session(request.cookies.get(COOKIE)):
            return None
        offered = _offered(request.headers.get("authorization"))
        if offered is not None and self._may_scrape(request, offered):
            return None
        if offered is None:
            return Problem(401, "login_required", "This needs the password.", headers={"WWW-Authenticate": "Bearer"})
        return self.try_password(offered, client_of(request))

    def _may_scrape(self, request: Request, offered: str) -> bool:
        """Tell whether *offered* is the token that opens the numbers for Prometheus, and nothing else."""
        if self._metrics_token is None or request.url.path != urls.metrics():
            return False
        return hmac.compare_digest(offered.encode(), self._metrics_token.encode())

    def try_password(self, offered: str, client: str) -> Problem | None:
        """Return None if *offered* is the password; a failure counts against *client*."""
        now = self._clock()
        failures = self._recent(client, now)
        if len(failures) >= FAILURES:
            wait = max(1, round(WINDOW_S - (now - failures[0])))
            text = f"Too many wrong passwords. Wait {wait} seconds."
            return Problem(429, "too_many_requests", text, headers={"Retry-After": str(wait)})
        if self._password is not None and hmac.compare_digest(offered.encode(), self._password.encode()):
            self._failures.pop(client, None)
            return None
        failures.append(now)
        if client not in self._failures and len(self._failures) >= MAX_CLIENTS:
            self._failures.pop(next(iter(self._failures)))
        self._failures[client] = failures
        return Problem(401, "wrong_password", "That is not the password.", headers={"WWW-Authenticate": "Bearer"})

    def new_session(self) -> str:
        """Return the value of a fresh session cookie."""
        expires = str(int(self._clock()) + LIFETIME_S)
        return f"{expires}.{self._sign(expires)}"

    def valid_session(self, cookie: str | None) -> bool:
        """Tell whether *cookie* is one of ours and still good."""
        expires, _, signature = (cookie or "").partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(expires).encode()):
            return False
        return expires.isdigit() and int(expires) > self._clock()

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _recent(self, client: str, now: float) -> deque[float]:
        failures = self._failures.get(client, deque())
        while failures and failures[0] <= now - WINDOW_S:
            failures.popleft()
        return failures


def client_of(request: Request) -> str:
    """Return the address that a request came from."""
    return request.client.host if request.client else "unknown"


def _offered(header: str | None) -> str | None:
    kind, _, value = (header or "").partition(" ")
    if kind.lower() == "bearer" and value:
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None
