"""The search in one run, for its owner and through a link: what may be asked, and where the hits are opened."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from app.store.records import RunRecord
from app.store.run_search import LONGEST, RunHit, search_run
from app.store.run_texts import Kind
from app.web import urls
from app.web.contexts.place import FRAMEWORK
from app.web.services import Services
from app.web.shared import SharedRun

Wanted = Annotated[str, Query(max_length=LONGEST, description="plain text to look for; nothing finds nothing")]
LABELS: dict[Kind, str] = {
    "message": "Messages",
    "summary": "Summaries of talks",
    "reasoning": "Answers that decided harvests",
    "completion": "Other answers of models",
    "thinking": "Thinking",
    "memory": "Memories",
    "insight": "Insights",
    "prompt": "Prompts",
}
TABS: dict[Kind, str] = {"prompt": "prompt", "memory": "memories", "insight": "memories"}


class RunHitOut(RunHit):
    """A hit and the place that opens at it."""

    agent: str | None
    tab: str | None
    href: str


class RunSearchOut(BaseModel):
    """What was found in a run. `hits` tells at most 50 of each kind, `counts` counts all."""

    q: str
    total: int
    counts: dict[Kind, int]
    hits: list[RunHitOut]

    def of(self, kind: Kind) -> list[RunHitOut]:
        """Return the hits of one kind."""
        return [hit for hit in self.hits if hit.kind == kind]

    @property
    def groups(self) -> list[tuple[str, int, list[RunHitOut]]]:
        """The hits by kind: what they are, how many there are, and those that are told."""
        return [(LABELS[kind], count, self.of(kind)) for kind, count in self.counts.items()]


async def find_in_run(
    services: Services, run: RunRecord, q: str, page: str, shared: SharedRun | None = None
) -> RunSearchOut:
    """Look for *q* in what the reader of *run* may see; *page* is the address of its page without a query."""
    found = await search_run(
        services.database,
        run.id,
        q,
        last=run.events if shared else None,
        shows=shared.shows if shared else None,
        prompts=shared is None or shared.share.with_prompts,
        texts=None if shared else services.run_texts,
    )
    hits = [_placed(hit, q, page) for hit in found.hits]
    return RunSearchOut(q=found.q, total=found.total, counts=found.counts, hits=hits)


def _placed(hit: RunHit, q: str, page: str) -> RunHitOut:
    agent = tab = None
    if hit.message is None:
        agent = hit.who.lower() if hit.who else FRAMEWORK
        tab = TABS.get(hit.kind, "completion")
    place = {"m": hit.month, "msg": hit.message, "agent": agent, "tab": tab, "call": hit.call, "memory": hit.memory}
    anchor = hit.message or (f"n{hit.memory}" if hit.memory is not None else "inspector")
    kept = {name: value for name, value in place.items() if value is not None}
    href = urls.with_query(page, {**{name: str(value) for name, value in kept.items()}, "q": q}) + f"#{anchor}"
    return RunHitOut(**hit.model_dump(), agent=agent, tab=tab, href=href)
