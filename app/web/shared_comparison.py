"""A shared comparison: its runs as the link shows them, grouped and counted as its reader wants; nothing else is read.

What is compared was fixed when the link was made. An address below it says only how: by what to group, the reference,
how unreadable answers and intervals are counted, which two of the runs are laid side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.datastructures import QueryParams

from app.analysis.ask import GROUPINGS, ComparisonAsk, GroupBy
from app.commons.corrections import in_force, without_authors
from app.interop.compared import Around
from app.store.annotations import tags_of
from app.store.corrections import corrections_of
from app.store.queries import get_runs, list_experiments
from app.store.records import RunRecord, ShareRecord
from app.store.shares import WrongScope
from app.web.comparing import Place, read_ask
from app.web.services import Services
from app.web.shared import SharedSet, open_set

OWNERS: tuple[GroupBy, ...] = ("experiment", "tag")
"""What only those who made a link may group by: names that they gave for themselves."""
UNTOLD = "not told"
HOW = ("group", "reference", "answers", "intervals", "diff")


@dataclass(frozen=True)
class SharedComparison:
    """A comparison through a link: where it is, what its reader asks for, its runs, and what is said of them."""

    share: ShareRecord
    place: Place
    ask: ComparisonAsk
    runs: Sequence[RunRecord]
    around: Around
    notices: Sequence[str]


async def open_comparison(services: Services, token: str, query: QueryParams) -> SharedComparison:
    """Return the comparison that *token* opens, as *query* wants it.

    Raises:
        app.store.shares.UnknownShare: if no link has this token.
        app.store.shares.EndedShare: if the link was revoked or has expired.
        app.store.shares.WrongScope: if it opens something else.
    """
    return await comparison_of(services, await open_set(services.database, token), query)


async def comparison_of(services: Services, shared: SharedSet, query: QueryParams) -> SharedComparison:
    """Return the comparison that an opened link shows, as *query* wants it; WrongScope if it shows an experiment."""
    share = shared.share
    if share.scope != "comparison":
        raise WrongScope
    made, _ = read_ask(QueryParams(parse_qsl(share.query or "")))
    groupings = [name for name in GROUPINGS if name not in OWNERS or name in made.group]
    ask, notices = _wanted(made, query, groupings)
    runs = list(shared.runs)
    if "experiment" in made.group:
        launched = {run.id: run.experiment_id for run in await get_runs(services.database, [run.id for run in runs])}
        runs = [run.model_copy(update={"experiment_id": launched.get(run.id)}) for run in runs]
    place = Place(
        page=shared.page,
        api=f"{shared.page}/api/compare",
        export=f"{shared.page}/export",
        runs=f"{shared.page}/runs",
        share=True,
        groupings=groupings,
    )
    return SharedComparison(share, place, ask, runs, await _around(services, share, runs, made.group), notices)


def _wanted(
    made: ComparisonAsk, query: QueryParams, groupings: Sequence[GroupBy]
) -> tuple[ComparisonAsk, Sequence[str]]:
    """Return how the reader wants it; what they leave open is as it was when the link was made."""
    if not any(name in query for name in HOW):
        return made.changed(runs=(), experiments=(), filters=()), ()
    given: dict[str, Any] = {name: getattr(made, name) for name in HOW}
    notices = []
    for name in HOW:
        if name not in query:
            continue
        values: Any = [value for value in query.getlist(name) if value]
        if name == "group":
            refused = [value for value in values if value not in groupings]
            notices += [f"This link does not group by “{value[:40]}”; it is left out." for value in refused[:5]]
            values = [value for value in values if value in groupings][:4] or made.group
        elif name == "diff":
            values = values[:2]
        else:
            values = values[-1] if values else ComparisonAsk.model_fields[name].default
        try:
            ComparisonAsk.model_validate({name: values})
        except ValidationError:
            notices.append(f"{name.capitalize()} is left out: it cannot be read.")
        else:
            given[name] = values
    return ComparisonAsk.model_validate(given), notices


async def _around(
    services: Services, share: ShareRecord, runs: Sequence[RunRecord], group: Sequence[GroupBy]
) -> Around:
    """Return what the link tells beside the records: as of its making, and names only where it groups by them."""
    ids = [run.id for run in runs]
    said = await corrections_of(services.database, ids)
    seen = {run: [item for item in each if share.follows or item.at <= share.created_at] for run, each in said.items()}
    experiments = await list_experiments(services.database, 1000) if "experiment" in group else ()
    return Around(
        experiments={one.id: one.name for one in experiments} if "experiment" in group else {"": UNTOLD},
        tags=await tags_of(services.database, ids) if "tag" in group else {run: [UNTOLD] for run in ids},
        corrections={run: without_authors(in_force(each)) for run, each in seen.items()},
    )
