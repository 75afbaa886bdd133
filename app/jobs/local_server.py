"""The server of local models beside this process: on a free loopback port, started again if it dies, stopped with us.

We open its port and keep it open, so that its address outlives it: a request that comes while it starts waits for it.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import structlog
from pydantic import Field, ValidationError

from app.commons.frozen import Frozen
from app.jobs.supervise import keep_process
from app.models.local_folder import LocalModel, find_models, missing_extra

NOTE = ".server.json"
LOOPBACK = "127.0.0.1"
PATIENCE_S = 1.0

log = structlog.get_logger()


class ModelState(Frozen):
    """How a local model is: `reason` says why it failed, the other values are known once it is ready."""

    id: str
    state: str = Field(description="not started, starting, ready or failed")
    reason: str | None = None
    revision: str | None = None
    device: str | None = None
    dtype: str | None = None
    exit_layer: int | None = None
    draft_length: int | None = None


class LocalServer:
    """One `govsim local serve` process for the models in *folder*. Its port is open from the start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended: str | None = None
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen(256)
        self.address = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the process alive inside `async with`, and tell others of this machine where it is."""
        stop = asyncio.Event()
        number = self._listener.fileno()
        arguments = ["local", "serve", str(self.folder), "--descriptor", str(number)]
        keeping = asyncio.create_task(
            keep_process("local models", arguments, stop, descriptors=[number], apart=True, on_end=self._told)
        )
        self._leave_note()
        log.info("local models are served", address=self.address, folder=str(self.folder))
        try:
            yield
        finally:
            self._take_note()
            stop.set()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
            self._listener.close()

    def _told(self, code: int) -> None:
        killed = code == -signal.SIGKILL
        self.ended = (
            "The server was killed; often there was not enough memory for the model."
            if killed
            else f"The server ended with code {code}; the log of govsim serve says why."
        )

    def _leave_note(self) -> None:
        path = self.folder / NOTE
        with contextlib.suppress(OSError):  # a folder that cannot be written is served all the same
            whole = path.with_suffix(f".{os.getpid()}")
            whole.write_text(json.dumps({"address": self.address, "pid": os.getpid()}))
            whole.replace(path)

    def _take_note(self) -> None:
        with contextlib.suppress(OSError):
            if _noted(self.folder) == self.address:
                (self.folder / NOTE).unlink()


def find_server(folder: Path) -> str | None:
    """Return the address of a server that runs on this machine for *folder* already; None if there is none."""
    address = _noted(folder)
    return address if address is not None and _answers(address, folder) else None


def local_server(folder: Path, configured: str | None, *, share: bool = True) -> tuple[str | None, LocalServer | None]:
    """Return where the models in *folder* are served, and the server to keep for that, if one has to be started.

    Args:
        folder: with models, each in a folder of its own.
        configured: an address that the operator gave; nothing is started beside it.
        share: whether one that runs already will do. Whoever stays for long keeps one of its own: that of another
            process may end at any moment.
    """
    if configured is not None:
        return configured, None
    if missing_extra() is not None or not any(model.problem is None for model in find_models(folder)):
        return None, None
    if share and (running := find_server(folder)) is not None:
        return running, None
    server = LocalServer(folder)
    return server.address, server


async def look_at_models(
    models: tuple[LocalModel, ...], address: str | None, server: LocalServer | None
) -> list[ModelState]:
    """Return how each of *models* is, asking the server at *address*; *server* is ours, if we keep it."""
    missing = missing_extra()
    told = {} if address is None or missing else await _ask(address)
    return [_state(model, told, address, server, missing) for model in models]


def _state(
    model: LocalModel,
    told: dict[str, ModelState] | str,
    address: str | None,
    server: LocalServer | None,
    missing: str | None,
) -> ModelState:
    if model.problem is not None:
        return ModelState(id=model.name, state="failed", reason=model.problem)
    if missing is not None:
        return ModelState(id=model.name, state="failed", reason=f"The package {missing} is not installed.")
    if address is None:
        return ModelState(id=model.name, state="not started")
    if isinstance(told, dict):
        return told.get(model.name) or ModelState(id=model.name, state="not started", reason="Start govsim again.")
    if told:
        return ModelState(id=model.name, state="failed", reason=told)
    if server is not None and server.ended is not None:
        return ModelState(id=model.name, state="failed", reason=server.ended)
    return ModelState(id=model.name, state="starting")


async def _ask(address: str) -> dict[str, ModelState] | str:
    """Return what the server says of its models; "" while it starts, a sentence where there is no server."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            return _read(await client.get(f"{address}/health"))
    except httpx.TimeoutException:
        return ""
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return f"No server of local models answers at {address}."


def _read(answer: httpx.Response) -> dict[str, ModelState]:
    if answer.status_code != 200 or len(answer.content) > 100_000:
        raise ValueError("no health")
    said: Any = answer.json()
    try:
        states = [ModelState.model_validate(one) for one in said["models"]]
    except (KeyError, TypeError, ValidationError):
        raise ValueError("no health") from None
    return {state.id: state for state in states}


def _noted(folder: Path) -> str | None:
    try:
        address = json.loads((folder / NOTE).read_text("utf-8"))["address"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # What lies in a folder may not send prompts anywhere but to this machine.
    return address if isinstance(address, str) and address.startswith(f"http://{LOOPBACK}:") else None


def _answers(address: str, folder: Path) -> bool:
    wanted = {model.name for model in find_models(folder) if model.problem is None}
    try:
        told = _read(httpx.get(f"{address}/health", trust_env=False, timeout=PATIENCE_S))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False
    return wanted <= set(told)
