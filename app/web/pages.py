"""From a page's declared context to an HTML answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.web import urls
from app.web.contexts.card import Preview
from app.web.errors import Problem
from app.web.services import get_services

Section = Literal[
    "", "home", "launch", "runs", "experiments", "compare", "search", "subskills", "shares", "methods", "settings"
]


@dataclass(frozen=True)
class Flash:
    """A line above a page's content."""

    text: str
    kind: Literal["ok", "warn", "bad", "info"] = "info"


@dataclass(frozen=True)
class ErrorPage:
    """pages/error.html: what failed, and where to go from there."""

    status: int
    title: str
    message: str
    error_id: str | None
    action: tuple[str, str] | None


def page(
    request: Request,
    template: str,
    context: object,
    *,
    section: Section = "",
    flash: Sequence[Flash] = (),
    share: bool = False,
    preview: Preview | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Render a page.

    Args:
        request: what is answered.
        template: the file below templates/.
        context: the page's declared variables, a dataclass or model.
        section: the current entry of the navigation.
        flash: lines above the content.
        share: whether the page is seen through a link: no navigation, not indexed.
        preview: what such a page says of itself where somebody pastes its address.
        status: the HTTP status.
    """
    services = get_services(request)
    variables = dict(vars(context)) | {"section": section, "flash": list(flash), "share": share, "preview": preview}
    return HTMLResponse(services.templates.render(template, variables), status)


TITLES = {
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    409: "Not now",
    410: "No longer here",
    413: "Too large",
    422: "Not valid",
    429: "Slow down",
    503: "The database does not answer",
    507: "The disk is full",
}


def error_page(request: Request, problem: Problem) -> HTMLResponse:
    """Return the page that tells about *problem*."""
    path = request.url.path
    shared = path.startswith("/s/")
    action = None
    if not shared:
        action = ("All runs", urls.runs()) if path.startswith("/runs/") else ("Home", urls.home())
    context = ErrorPage(
        status=problem.status,
        title=TITLES.get(problem.status, "Something failed" if problem.status >= 500 else "Not possible"),
        message=problem.message,
        error_id=problem.error_id,
        action=action,
    )
    response = page(request, "pages/error.html", context, share=shared, status=problem.status)
    response.headers.update(problem.headers)
    return response
