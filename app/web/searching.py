"""The search as pages and the API tell it: runs with their names, and places with their addresses."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from app.store.annotations import tags_of
from app.store.connect import Database
from app.store.queries import get_runs
from app.store.records import RunRecord
from app.store.search import A_PAGE, Found, Hit, SearchFilter, search
from app.store.search_index import unindexed
from app.store.search_texts import Kind
from app.web import urls
from app.web.contexts.place import FRAMEWORK

KIND_NAMES: dict[Kind, str] = {
    "talk": "Talk",
    "memory": "Thoughts and memories",
    "completion": "Completions",
    "thinking": "Reasoning",
    "prompt": "Prompts",
}


class HitOut(BaseModel):
    """A place in a run that matched."""

    kind: Kind
    month: int
    agent: str | None = Field(description="null: the framework")
    model: str | None = Field(description="of calls: who was asked")
    key: str | None = Field(description="of calls: which")
    snippet: list[tuple[str, bool]] = Field(description="stretches of text, and whether each matched")
    page: str = Field(description="the run's page at this place")


class RunHitsOut(BaseModel):
    """A run that holds what was searched for."""

    run: str
    title: str
    page: str
    places: int = Field(description="in how many places, as far as they were looked at")
    hits: list[HitOut] = Field(description="the best of them; name the run for more")


class SearchOut(BaseModel):
    """One page of the runs that hold what was searched for, the best first."""

    runs: list[RunHitsOut]
    total: int = Field(description="how many runs hold it")
    offset: int
    searched: bool = Field(description="false where nothing was asked for")
    capped: bool = Field(description="the words stand in so many places that not all were looked at")
    unindexed: int = Field(description="runs that are not searched yet, or not whole")


class Results(BaseModel):
    """What was found, and the records of the runs, their tags with them."""

    found: Found
    runs: dict[str, RunRecord]
    tags: dict[str, Sequence[str]]
    unindexed: int


async def find(database: Database, wanted: SearchFilter) -> Results:
    """Search, and read what is told of the runs that were found."""
    found = await search(database, wanted)
    ids = [run.run_id for run in found.runs]
    runs = {run.id: run for run in await get_runs(database, ids)}
    # One that was deleted in between is gone.
    found = found.model_copy(update={"runs": [run for run in found.runs if run.run_id in runs]})
    return Results(
        found=found,
        runs=runs,
        tags=dict(await tags_of(database, list(runs))),
        unindexed=await unindexed(database),
    )


def address_of(run_id: str, hit: Hit) -> str:
    """Return the address of a run's page at the place of *hit*."""
    if hit.kind == "talk":
        message = f"m{hit.month}-end" if hit.summary else f"m{hit.month}-u{hit.turn}"
        return urls.run(run_id, {"m": hit.month, "msg": message})
    tab = {"memory": "memories", "prompt": "prompt"}.get(hit.kind, "completion")
    if hit.agent is None:
        # What the framework was asked is about the talk: it is shown beside the talk's end.
        at_talk = {"m": hit.month, "msg": f"m{hit.month}-end", "agent": FRAMEWORK}
        return urls.run(run_id, at_talk | {"tab": tab, "call": hit.key})
    place = {"m": hit.month, "agent": hit.agent.lower(), "tab": tab, "call": hit.key, "memory": hit.memory}
    return urls.run(run_id, place)


def next_offset(wanted: SearchFilter, found: Found) -> int | None:
    """Return where the following page begins, None after the last."""
    following = wanted.offset + A_PAGE
    return following if following < found.total else None
