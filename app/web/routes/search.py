"""The search over all runs."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from app.jobs.complaints import complaint
from app.store.queries import filter_values
from app.store.search import A_PAGE, RunHits, SearchFilter
from app.web import urls
from app.web.contexts.rows import run_row
from app.web.contexts.search import FoundPlace, FoundRun, SearchPage
from app.web.filters import choices
from app.web.pages import Flash, page
from app.web.searching import KIND_NAMES, Results, address_of, find, next_offset
from app.web.services import Use

router = APIRouter(include_in_schema=False)

TITLES = {"q": "the search", "kind": "the kind of text", "offset": "the first result"}


@router.get("/search")
async def search(request: Request, services: Use) -> HTMLResponse:
    """Show what is found; what the address gets wrong is left out, with a notice."""
    wanted, notices = _read(dict(request.query_params))
    results = await find(services.database, wanted)
    query = {name: str(value) for name, value in wanted.model_dump(exclude_defaults=True).items()}
    values = await filter_values(services.database)
    following = next_offset(wanted, results.found)
    context = SearchPage(
        runs=[_run(run, results, query) for run in results.found.runs],
        total=results.found.total,
        searched=results.found.searched,
        capped=results.found.capped,
        unindexed=results.unindexed,
        chosen=query,
        kinds=[(str(kind), name) for kind, name in KIND_NAMES.items()],
        values=choices(values),
        within=_within(results, wanted.run),
        any_runs=bool(values["state"]),
        previous=urls.search(query | {"offset": str(max(0, wanted.offset - A_PAGE) or "")}) if wanted.offset else None,
        following=urls.search(query | {"offset": str(following)}) if following else None,
        json=urls.api_search(query),
    )
    flash = [Flash(text, "warn") for text in notices]
    return page(request, "pages/search.html", context, section="search", flash=flash)


def _read(given: dict[str, str]) -> tuple[SearchFilter, list[str]]:
    given = {name: value for name, value in given.items() if name in SearchFilter.model_fields and value.strip()}
    notices: list[str] = []
    while True:
        try:
            return SearchFilter.model_validate(given), notices
        except ValidationError as error:
            problem = error.errors(include_input=False)[0]
            name = str(problem["loc"][0])
            title = TITLES.get(name, name)
            notices.append(f"{title.capitalize()} “{given.pop(name)[:40]}” is left out: {complaint(problem)}.")


def _run(run: RunHits, results: Results, query: dict[str, str]) -> FoundRun:
    here = {name: value for name, value in query.items() if name != "offset"}
    return FoundRun(
        row=run_row(results.runs[run.run_id]),
        tags=results.tags[run.run_id],
        places=[FoundPlace(address_of(run.run_id, hit), KIND_NAMES[hit.kind], hit) for hit in run.hits],
        total=run.total,
        more=urls.search(here | {"run": run.run_id}) if run.total > len(run.hits) and "run" not in query else None,
    )


def _within(results: Results, run_id: str | None) -> str | None:
    if run_id is None:
        return None
    return run_row(results.runs[run_id]).title if run_id in results.runs else run_id
