"""Errors as answers: JSON in one shape, or a page in the common look; nothing of the inside in either."""

import secrets

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.jobs.launch_plan import LaunchError
from app.minds.prompts import PromptError
from app.store.controls import StateConflict
from app.store.corrections import CorrectionConflict, CorrectionRefused
from app.store.runs import UnknownExperiment, UnknownRun
from app.store.shares import EndedShare, UnknownShare
from app.web.errors import ErrorBody, ErrorReply, Problem, to_problem, wants_json
from app.web.observe import request_id_of
from app.web.pages import error_page

log = structlog.get_logger(__name__)


def render(request: Request, problem: Problem) -> Response:
    """Return *problem* as JSON or as a page, whichever the address speaks."""
    if wants_json(request.url.path):
        body = ErrorReply(
            error=ErrorBody(
                code=problem.code,
                message=problem.message,
                fields=problem.fields,
                id=problem.error_id or request_id_of(request),
            )
        )
        return JSONResponse(body.model_dump(exclude_none=True), problem.status, headers=problem.headers)
    return error_page(request, problem)


async def answer(request: Request, error: Exception) -> Response:
    """Answer with an error that is known."""
    problem = to_problem(error)
    if problem is None:
        raise error
    return render(request, problem)


class ErrorBoundary:
    """Answers 500 with the request's id for whatever nobody expected, and writes both to the log with the traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            request = Request(scope)
            problem = to_problem(error)
            if problem is None or started:
                error_id = request_id_of(request) or secrets.token_hex(8)
                log.exception("request failed", request_id=error_id, method=request.method)
                text = "Something failed on our side. Nothing was changed by halves. The id leads to it in the log."
                problem = Problem(500, "internal", text, error_id=error_id)
            if started:
                # Half an answer is out. Ending it properly would look like all of it.
                raise
            await render(request, problem)(scope, receive, send)


def install(app: FastAPI) -> None:
    """Make every known error an answer."""
    for kind in (
        Problem,
        UnknownRun,
        UnknownExperiment,
        UnknownShare,
        EndedShare,
        StateConflict,
        CorrectionConflict,
        CorrectionRefused,
        LaunchError,
        PromptError,
        RequestValidationError,
        HTTPException,
    ):
        app.add_exception_handler(kind, answer)
