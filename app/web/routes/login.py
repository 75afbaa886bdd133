"""The password: shown once, carried in a cookie."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from app.web import urls
from app.web.contexts.pages import LoginPage
from app.web.gate import COOKIE, LIFETIME_S, client_of
from app.web.pages import page
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def show(request: Request, services: Use, next: str = "/") -> Response:  # noqa: A002 - the parameter's name
    """Ask for the password."""
    if not services.gate.locked:
        return RedirectResponse(urls.home(), 303)
    return page(request, "pages/login.html", LoginPage(next=own_path(next), error=None))


@router.post("/login")
async def login(
    request: Request,
    services: Use,
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    """Let in whoever knows the password."""
    where = own_path(next)
    if not services.gate.locked:
        return RedirectResponse(where, 303)
    problem = services.gate.try_password(password, client_of(request))
    if problem is not None:
        response: Response = page(
            request, "pages/login.html", LoginPage(next=where, error=problem.message), status=problem.status
        )
        return response
    response = RedirectResponse(where, 303)
    response.set_cookie(
        COOKIE,
        services.gate.new_session(),
        max_age=LIFETIME_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
async def logout() -> RedirectResponse:
    """Forget this browser."""
    response = RedirectResponse(urls.login(), 303)
    response.delete_cookie(COOKIE)
    return response


def own_path(text: str) -> str:
    """Return *text* if it is a path of ours, else the home page: a login must not lead elsewhere."""
    inside = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and len(text) < 2000
    return text if inside else urls.home()
