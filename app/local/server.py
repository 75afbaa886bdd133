"""The server of local models: OpenAI's chat completions for this machine, in a process of its own."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.local.requests import Result
from app.local.shelf import Shelf
from app.local.wire import Envelope, Refused, read_request

MAX_BODY = 4_000_000  # bytes

log = structlog.get_logger()


def create_app(shelf: Shelf, hosts: frozenset[str] | None) -> Starlette:
    """Return the application that answers for the models of *shelf*.

    Args:
        shelf: the models.
        hosts: names in the Host header that are answered, None for any: pages elsewhere must not reach this machine
            through a name of theirs.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await shelf.close()

    def guarded(handler: Callable[[Shelf, Request], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                _check_host(request, hosts)
                answer: Response = await handler(shelf, request)
            except Refused as refusal:
                return JSONResponse(refusal.body, refusal.status)
            except Exception:
                log.exception("a request failed")
                failure = _failure()
                return JSONResponse(failure.body, failure.status)
            return answer

        return endpoint

    async def unknown(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = f"There is nothing at {request.method} {request.url.path[:100]}."
        return JSONResponse(Refused(text, status=status).body, status)

    return Starlette(
        routes=[
            Route("/v1/chat/completions", guarded(_complete), methods=["POST"]),
            Route("/v1/models", guarded(_models)),
            Route("/health", guarded(_health)),
        ],
        exception_handlers={404: unknown, 405: unknown},
        lifespan=lifespan,
    )


async def _health(shelf: Shelf, request: Request) -> Response:
    return JSONResponse({"status": "ok", "models": shelf.states()})


async def _models(shelf: Shelf, request: Request) -> Response:
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "local"} for name in shelf.names]
    return JSONResponse({"object": "list", "data": listed})


async def _complete(shelf: Shelf, request: Request) -> Response:
    asked = read_request(await _json(request))
    loaded = await shelf.get(asked.model)
    number = secrets.token_hex(12)
    model = f"{asked.model.partition('@')[0]}@{loaded.about.revision[:12]}"
    envelope = Envelope.of(number, model, loaded.about.fingerprint)
    # In a thread: it takes a while until a long prompt is cut into tokens.
    if asked.stream:
        pieces = _Pieces()
        # Begun before the first byte is sent, so that a refusal is a status and no broken stream.
        answering, cancel = await asyncio.to_thread(loaded.ask, asked, pieces.put)
        return _Stream(pieces, answering, cancel, envelope, with_usage=asked.stream_options.include_usage)
    answering, cancel = await asyncio.to_thread(loaded.ask, asked, None)
    answer = await _unless_gone(request, answering, cancel)
    return JSONResponse(envelope.whole(answer))


async def _unless_gone(request: Request, answering: "Future[Result]", cancel: Callable[[], None]) -> Result:
    """Return the answer to come; cancel it when the client goes away, or we are told to end."""
    coming: asyncio.Future[Any] = asyncio.wrap_future(answering)
    leaving: asyncio.Future[Any] = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((coming, leaving), return_when=asyncio.FIRST_COMPLETED)
        if coming.done():
            answer: Result = coming.result()
            return answer
        raise Refused("The client went away.", status=499)
    except (Refused, asyncio.CancelledError):
        cancel()
        raise
    finally:
        leaving.cancel()
        # Nobody else reads what became of it.
        coming.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Pieces:
    """The pieces of a text that come from another thread; None is the end."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def put(self, text: str | None) -> None:
        """Add a piece, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._queue.put_nowait, text)

    async def next(self) -> str | None:
        """Return the next piece."""
        return await self._queue.get()


class _Stream(StreamingResponse):
    """A streamed answer: server-sent events as the text comes, cancelled when the client goes away."""

    def __init__(
        self,
        pieces: _Pieces,
        answering: "Future[Result]",
        cancel: Callable[[], None],
        envelope: Envelope,
        *,
        with_usage: bool,
    ) -> None:
        self._pieces, self._answering, self._cancel, self._usage = pieces, answering, cancel, with_usage
        answering.add_done_callback(lambda done: pieces.put(None))
        super().__init__(self._events(envelope), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cancel()

    async def _events(self, envelope: Envelope) -> AsyncIterator[str]:
        yield _event(envelope.piece({"role": "assistant", "content": ""}))
        while (text := await self._pieces.next()) is not None:
            yield _event(envelope.piece({"content": text}))
        try:
            answer = self._answering.result()
        except Exception:
            log.exception("a streamed request failed")
            yield _event(_failure().body)
            return
        yield _event(envelope.piece({}, answer.finish_reason))
        if self._usage:
            yield _event(envelope.last(answer))
        yield "data: [DONE]\n\n"


async def _json(request: Request) -> object:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # A page elsewhere can send anything else without asking first.
        raise Refused("Send the request as application/json.", status=415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Refused(f"The request is longer than {MAX_BODY // 10**6} MB.", status=413)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("The body is not JSON.") from None


def _check_host(request: Request, hosts: frozenset[str] | None) -> None:
    host = request.headers.get("host", "").lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if hosts is not None and name.strip("[]") not in hosts:
        raise Refused("This server answers on this machine only.", status=403)


def _failure() -> Refused:
    text = "The model failed to answer this request; it can be asked again."
    return Refused(text, status=500, kind="server_error", code="model_failed")


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
