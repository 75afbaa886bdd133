"""What a page, an address and a command alike need to say how runs are cited."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from app.interop.cite import Citation, cite, gather
from app.interop.methods_words import Cited
from app.web import urls
from app.web.comparing import find_runs, read_ask
from app.web.errors import Problem
from app.web.services import Services


@dataclass(frozen=True)
class Made:
    """A citation, what it is of, its canonical query, and the page of what is cited."""

    cited: Cited
    citation: Citation
    query: str
    back: str


async def citation(services: Services, query: QueryParams) -> tuple[Made, list[str]]:
    """Return how to cite what *query* names, and what of it was left out; 404 where it names nothing that is there."""
    ask, notices = read_ask(query)
    runs, more = await find_runs(services, ask)
    if not runs:
        raise Problem(404, "not_found", "There is nothing to cite: this address names no run.")
    cited = await gather(services.database, ask, runs, services.summaries)
    back = urls.comparison(ask.query)
    if not ask.filters:
        if len(ask.runs) == 1 and not ask.experiments:
            back = urls.run(ask.runs[0])
        elif len(ask.experiments) == 1 and not ask.runs:
            back = urls.experiment(ask.experiments[0])
    return Made(cited, cite(cited, services.version), ask.query, back), notices + more
