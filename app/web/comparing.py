"""A comparison for the owner and for the holder of a link alike: the address read, the runs found, pages and figures.

A share keeps the canonical query of its `ComparisonAsk` and the runs it may show. It renders those runs at a `Place`
below its own address, so that nothing on the page leads out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.datastructures import QueryParams

from app.analysis.ask import GROUPINGS, MOST_RUNS, ComparisonAsk, GroupBy
from app.analysis.comparison_figures import FigureName, comparison_figure
from app.analysis.contrasts import Planned
from app.analysis.palette import Theme
from app.interop.compared import Around, LaidOut, choose_runs, lay_out
from app.store.queries import RunFilter
from app.store.records import RunRecord
from app.web import urls
from app.web.filters import read_filter
from app.web.services import Services

OWN = ("run", "experiment", "group", "reference", "answers", "intervals", "diff", "find", "theme", "back", "do", "n")
NOT_FILTERS = ("sort", "descending", "offset", "limit")
WORDS = {"runs": "run", "experiments": "experiment", "filters": "the filter"}


@dataclass(frozen=True)
class Place:
    """Where a comparison is shown: its page, its data, and below what address its runs open."""

    page: str = urls.compare()
    api: str = urls.api_compare()
    export: str = urls.export_comparison()
    runs: str = urls.runs()
    share: bool = False
    groupings: Sequence[GroupBy] = GROUPINGS

    def pairs(self, ask: ComparisonAsk) -> list[tuple[str, str]]:
        """Return what an address here says of *ask*: below a link, which knows its runs, only how they are compared."""
        return ask.view_pairs if self.share else ask.pairs

    def query(self, ask: ComparisonAsk) -> str:
        """Return the same as a query string, without a question mark."""
        return urlencode(self.pairs(ask))


def read_ask(query: QueryParams) -> tuple[ComparisonAsk, list[str]]:
    """Return the comparison that an address asks for; what cannot be read is left out, with a sentence about it."""
    given: dict[str, Any] = {
        "runs": query.getlist("run"),
        "experiments": query.getlist("experiment"),
        "group": query.getlist("group"),
        "diff": query.getlist("diff"),
        **{name: query.get(name) for name in ("reference", "answers", "intervals")},
    }
    wanted, notices = read_filter({name: query[name] for name in query if name not in (*OWN, *NOT_FILTERS)})
    kept = wanted.model_dump(mode="json", exclude_defaults=True)
    given["filters"] = [
        (name, str(value).lower() if isinstance(value, bool) else value) for name, value in kept.items()
    ]
    given = {name: value for name, value in given.items() if value}
    while True:
        try:
            return ComparisonAsk.model_validate(given), notices
        except ValidationError as error:
            place = error.errors(include_input=False)[0]["loc"]
            name = str(place[0])
            title = WORDS.get(name, name)
            if len(place) > 1 and isinstance(place[1], int):
                wrong = given[name].pop(place[1])
                notices.append(f"{title.capitalize()} “{str(wrong)[:40]}” is left out: there can be none.")
                if not given[name]:
                    del given[name]
            else:
                given.pop(name)
                notices.append(f"{title.capitalize()} is left out: it cannot be read, or names too many.")


async def find_runs(services: Services, ask: ComparisonAsk) -> tuple[list[RunRecord], list[str]]:
    """Return the runs that *ask* chooses, and sentences about those that are not there or are too many."""
    # Who names a run means it, archived or not.
    named = {"archived": "all"} if ask.runs or ask.experiments else {}
    wanted = RunFilter.model_validate({**named, **dict(ask.filters), "limit": MOST_RUNS, "descending": False})
    runs, total = await choose_runs(services.database, ask, wanted)
    notices = []
    if total > len(runs):
        notices.append(f"{total:,} runs fit; the first {len(runs)} are compared.")
    if ask.runs and not ask.filters:
        there = {run.id for run in runs}
        if missing := [run for run in ask.runs if run not in there]:
            notices.append(f"Not found and left out: {', '.join(missing[:10])}.")
    return runs, notices


async def laid_out(
    services: Services,
    ask: ComparisonAsk,
    runs: Sequence[RunRecord],
    planned: Sequence[Planned] = (),
    around: Around | None = None,
) -> LaidOut:
    """Return the comparison of *runs* as *ask* wants it, and of no others; see `lay_out`."""
    return await lay_out(services.database, ask, runs, services.summaries, planned, around)


def figure(shown: LaidOut, name: FigureName, theme: Theme) -> dict[str, Any]:
    """Return a chart of a comparison."""
    return comparison_figure(name, shown.comparison.groups, shown.members, shown.ask.answers, theme)
