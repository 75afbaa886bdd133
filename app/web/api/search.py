"""Search over all runs."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.store.search import SearchFilter
from app.web import urls
from app.web.contexts.rows import run_row
from app.web.searching import HitOut, RunHitsOut, SearchOut, address_of, find
from app.web.services import Use

router = APIRouter(tags=["search"])


@router.get("/search")
async def search(services: Use, wanted: Annotated[SearchFilter, Query()]) -> SearchOut:
    """Return the runs in whose talk, thoughts, memories, completions and prompts the words stand, 20 a page.

    Words must all be there, `"phrases"` as they are, `-words` not; `begin*` matches beginnings.
    """
    results = await find(services.database, wanted)
    return SearchOut(
        runs=[
            RunHitsOut(
                run=run.run_id,
                title=run_row(results.runs[run.run_id]).title,
                page=urls.run(run.run_id),
                places=run.total,
                hits=[
                    HitOut(**hit.model_dump(exclude={"turn", "summary"}), page=address_of(run.run_id, hit))
                    for hit in run.hits
                ],
            )
            for run in results.found.runs
        ],
        total=results.found.total,
        offset=wanted.offset,
        searched=results.found.searched,
        capped=results.found.capped,
        unindexed=results.unindexed,
    )
