"""`govsim serve`: the web process, its socket and the worker process beside it."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import NoReturn

import typer
import uvicorn

from app.jobs.local_server import LocalServer, local_server
from app.jobs.supervise import keep_worker
from app.main import create_app
from app.settings import Settings
from app.store.address import shown
from app.web.security import ExposureError, check_exposure


def run_server(settings: Settings, *, with_worker: bool, fail: Callable[[str], NoReturn]) -> None:
    """Serve the web application until it is stopped.

    Args:
        settings: where to listen, the database, and the rest.
        with_worker: whether a worker process is kept beside the web process.
        fail: ends the program with a message; called when the address cannot be used.
    """
    try:
        check_exposure(settings.host, settings.password)
    except ExposureError as error:
        fail(str(error))
    listener = _listen(settings.host, settings.port, fail)
    address, local = local_server(settings.local_models, settings.local_url, share=False)
    settings = settings.model_copy(update={"port": listener.getsockname()[1], "local_url": address})
    asyncio.run(_serve(settings, listener, local, with_worker=with_worker))


async def _serve(settings: Settings, listener: socket.socket, local: LocalServer | None, *, with_worker: bool) -> None:
    stop = asyncio.Event()
    # Its lines go where ours go (logs.py); requests are told by observe.py.
    config = uvicorn.Config(
        create_app(settings, local), log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=3
    )
    server = _AnnouncingServer(config, settings)
    async with local.kept() if local else contextlib.nullcontext():
        told = {"GOVSIM_LOCAL_URL": settings.local_url} if settings.local_url else {}
        worker = asyncio.create_task(keep_worker(stop, told)) if with_worker else None
        try:
            await server.serve(sockets=[listener])
        finally:
            stop.set()
            if worker is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await worker


class _AnnouncingServer(uvicorn.Server):
    """A server that says where it is, once it answers there."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            settings = self._settings
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            typer.echo(f"GovSim Observatory is ready: http://{host}:{settings.port}")
            typer.echo(f"Runs are kept in {shown(settings.database_url)}. Stop with Ctrl+C.")


def _listen(host: str, port: int, fail: Callable[[str], NoReturn]) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # With the protocol named, asyncio turns Nagle's algorithm off: else each small answer waits 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(f"Port {port} is in use. Stop what uses it, or choose another: govsim serve --port {port + 1}")
        fail(f"Cannot listen on {host}:{port}: {error.strerror or error}.")
    listener.listen(256)
    listener.set_inheritable(False)
    return listener
