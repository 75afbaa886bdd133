"""The server process: listens, answers until it is told to stop, and ends politely."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

import uvicorn

from app.local.server import create_app
from app.local.shelf import Shelf

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
GRACE_S = 5


def is_loopback(host: str) -> bool:
    """Tell whether *host*, a name or an address, is this machine and nothing else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at *host* and *port*, 0 for a free one.

    Raises:
        OSError: the address cannot be used.
    """
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(256)
    return listener


async def answer(
    shelf: Shelf,
    listener: socket.socket,
    *,
    open_to_all: bool,
    ready: Callable[[], None],
    until: Callable[[asyncio.Event], Awaitable[None]] | None = None,
) -> None:
    """Answer for the models of *shelf* until the process is told to stop (SIGTERM, Ctrl+C).

    Args:
        shelf: the models.
        listener: where requests come in.
        open_to_all: whether requests that name another host than this machine are answered.
        ready: called once requests are answered.
        until: sets the event it is given when the server is to end for another reason.
    """
    app = create_app(shelf, None if open_to_all else LOOPBACK_NAMES)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=GRACE_S)
    server = _Server(config, ready)
    stop = asyncio.Event()
    following = asyncio.ensure_future(until(stop)) if until else None
    ending = asyncio.create_task(_end(server, stop))
    try:
        await server.serve(sockets=[listener])
    finally:
        ending.cancel()
        if following is not None:
            following.cancel()


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
