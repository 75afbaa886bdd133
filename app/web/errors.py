"""What can be told about an error, and the one shape the API tells it in.

The API's shape is `{"error": {"code", "message", "fields"?, "id"}}` for every status from 400 up.
"""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from app.jobs.budgets import BudgetError
from app.jobs.launch_plan import LaunchError
from app.minds.prompts import PromptError
from app.store.annotations import AnnotationError
from app.store.connect import DatabaseError
from app.store.controls import StateConflict
from app.store.corrections import CorrectionConflict, CorrectionRefused
from app.store.outage import is_full, is_outage
from app.store.plans import PlanConflict, PlanRefused
from app.store.runs import DeletedRun, UnknownExperiment, UnknownRun
from app.store.shares import EndedShare, UnknownShare, WrongScope
from app.store.subskills import UnknownSubskillRun
from app.subskills.plan import SubskillPlanError


class ErrorBody(BaseModel):
    """What went wrong: a stable code, a sentence, the wrong fields, and the request's id, by which the log knows it."""

    code: str
    message: str
    fields: dict[str, str] | None = None
    id: str | None = None


class ErrorReply(BaseModel):
    """The one shape of an error."""

    error: ErrorBody


class Problem(Exception):
    """Something to tell the person or program that asked."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        error_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = dict(fields) if fields else None
        self.error_id = error_id
        self.headers = dict(headers or {})


def not_found(what: str) -> Problem:
    """Return the problem that *what* does not exist."""
    return Problem(404, "not_found", f"There is no {what} here.")


def invalid(fields: Mapping[str, str]) -> Problem:
    """Return the problem that *fields* are wrong, each with a sentence that says how."""
    return Problem(422, "invalid", f"Not valid: {', '.join(fields)}.", fields=fields)


RETRY_AFTER_S = 5

CODES = {
    400: ("bad_request", "The request cannot be understood."),
    401: ("login_required", "This needs the password."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer that method."),
    409: ("conflict", "This cannot be done now."),
    410: ("gone", "This is no longer here."),
    413: ("too_large", "The request is too large."),
    415: ("unsupported_type", "Send JSON, with Content-Type: application/json."),
    422: ("invalid", "Something in the request is not valid."),
    429: ("too_many_requests", "Too many attempts. Wait a minute."),
}


def to_problem(error: Exception) -> Problem | None:
    """Return what to tell about *error*, or None if it is a defect of ours."""
    match error:
        case Problem():
            return error
        case DeletedRun():
            return Problem(
                410,
                "deleted",
                f"Run {error} was deleted on {error.moment:%Y-%m-%d at %H:%M} UTC. "
                "For seven days it can be brought back, from the list of deleted runs.",
            )
        case AnnotationError():
            return Problem(422, "invalid", str(error), fields=error.fields)
        case UnknownRun():
            return Problem(404, "not_found", f"There is no run '{str(error)[:40]}'.")
        case UnknownExperiment():
            return not_found("such experiment")
        case UnknownShare():
            return Problem(404, "not_found", "There is no such link. Ask whoever gave it to you for a new one.")
        case EndedShare():
            return Problem(410, "gone", f"{error} Ask whoever gave it to you for a new one.")
        case WrongScope():
            return Problem(404, "not_found", "This link opens nothing at this address.")
        case StateConflict() | CorrectionConflict() | PlanConflict():
            return Problem(409, "conflict", str(error))
        case UnknownSubskillRun():
            return Problem(404, "not_found", f"There are no subskill tests '{str(error)[:40]}'.")
        case SubskillPlanError():
            return Problem(422, "invalid", str(error), fields=error.fields)
        case CorrectionRefused() | PlanRefused():
            return Problem(422, "invalid", str(error), fields=error.fields)
        case BudgetError():
            return Problem(422, "invalid", str(error), fields=error.fields)
        case LaunchError():
            return Problem(422, "invalid", str(error), fields=error.fields)
        case PromptError():
            return Problem(422, "invalid", str(error))
        case RequestValidationError():
            fields = _fields(error)
            return invalid(fields)
        case HTTPException():
            return _http_problem(error)
        case _ if is_full(error):
            return Problem(507, "disk_full", "The disk is full: nothing was stored. Free some space and try again.")
        case _ if is_outage(error) or isinstance(error, DatabaseError):
            text = (
                "The database does not answer at the moment: nothing was stored. "
                "Runs that are being played wait for it. Try again in a few seconds."
            )
            return Problem(503, "database_unavailable", text, headers={"Retry-After": str(RETRY_AFTER_S)})
    return None


def _http_problem(error: HTTPException) -> Problem:
    code, message = CODES.get(error.status_code, ("error", "The request could not be answered."))
    if error.detail and error.detail != HTTPStatus(error.status_code).phrase and error.status_code != 413:
        message = str(error.detail)
    return Problem(error.status_code, code, message, headers=error.headers)


def _fields(error: RequestValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in error.errors():
        loc = () if item["type"] == "json_invalid" else item["loc"]
        place = [str(part) for part in loc if part not in ("body", "query", "path", "header")]
        text = str(item["msg"]).removeprefix("Value error, ")
        found.setdefault(
            ".".join(place)[:100] or "body", text[:1].upper() + text[1:] + ("" if text[-1:] == "." else ".")
        )
    return dict(list(found.items())[:50])


def wants_json(path: str) -> bool:
    """Tell whether the answers at *path* are JSON."""
    parts = path.split("/")
    shared_data = parts[1:2] == ["s"] and (parts[3:4] == ["api"] or (parts[3:4] == ["runs"] and parts[5:6] == ["api"]))
    return parts[1:2] == ["api"] or path in ("/healthz", "/launch/estimate", "/metrics") or shared_data
