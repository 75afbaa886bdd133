"""How to cite a run, an experiment or a comparison: the same address as a comparison's says which."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse

from app.interop.cite import Citation
from app.web import urls
from app.web.citing import citation
from app.web.pages import Flash, page
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class CitePage:
    """pages/cite.html: what is cited, where it is, the citation, the same as text and as data."""

    name: str
    back: str
    runs: int
    citation: Citation
    entries: Sequence[tuple[str, str]]
    text: str
    json: str


@router.get("/cite")
async def cite(request: Request, services: Use) -> HTMLResponse:
    """Show how to cite what the address names."""
    made, notices = await citation(services, request.query_params)
    context = CitePage(
        name=made.cited.name,
        back=made.back,
        runs=len(made.cited.runs),
        citation=made.citation,
        entries=made.citation.entries,
        text=f"/cite/text?{made.query}",
        json=f"{urls.API}/cite?{made.query}",
    )
    return page(request, "pages/cite.html", context, section="runs", flash=[Flash(text, "warn") for text in notices])


@router.get("/cite/text")
async def cite_text(request: Request, services: Use) -> PlainTextResponse:
    """Return the same as plain text."""
    made, _ = await citation(services, request.query_params)
    return PlainTextResponse(made.citation.text)
