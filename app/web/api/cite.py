"""How to cite runs, as data."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.web.citing import citation
from app.web.services import Use

router = APIRouter(tags=["comparison"])


class EntryOut(BaseModel):
    """A BibTeX entry and what it is of."""

    title: str
    bibtex: str


class CitationOut(BaseModel):
    """A citation."""

    query: str = Field(description="what is cited, as an address says it")
    name: str
    methods: str = Field(description="a paragraph for a methods section, written from the configurations")
    entries: list[EntryOut]
    notices: list[str]


@router.get("/cite")
async def cite(request: Request, services: Use) -> CitationOut:
    """Return how to cite runs, experiments or a comparison, named as for `GET /compare`."""
    made, notices = await citation(services, request.query_params)
    entries = [EntryOut(title=title, bibtex=text) for title, text in made.citation.entries]
    return CitationOut(
        query=made.query, name=made.cited.name, methods=made.citation.methods, entries=entries, notices=notices
    )
