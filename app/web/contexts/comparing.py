"""pages/compare.html: what it shows, and how numbers with intervals are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from app.analysis.ask import ComparisonAsk, GroupBy
from app.analysis.comparison import NAMES
from app.analysis.comparison_figures import FIGURES, TITLES, FigureName, by_month, series_of
from app.analysis.contrasts import Contrast
from app.analysis.groups import Group
from app.analysis.intervals import Estimate, mean
from app.analysis.replay import Replay
from app.interop.compared import LaidOut
from app.store.records import ExperimentRecord, ShareRecord
from app.web import urls
from app.web.comparing import Place
from app.web.contexts.rows import RunRow
from app.web.format import DASH, number

COLUMNS = ("survival_rate", "survival_time", "gain", "efficiency", "equality", "over_usage")
PERCENT = frozenset({"survival_rate", "efficiency", "equality", "over_usage", "over_usage_asked"})
GROUP_WORDS: Mapping[GroupBy, str] = {
    "model": "model", "condition": "condition", "scenario": "scenario", "prompts": "prompt set",
    "experiment": "experiment", "tag": "tags", "engine": "engine version", "configuration": "configuration",
    "seed": "seed",
}  # fmt: skip
ANSWERS = (
    ("with", "counted as 0, as they were played"),
    ("without", "runs with any left out"),
    ("worst", "counted as asking for everything"),
)


@dataclass(frozen=True)
class Cell:
    """A number of the table: its text, its interval or the reason there is none, and how many runs are behind it."""

    value: str
    interval: str
    n: int


def cell(estimate: Estimate, metric: str) -> Cell:
    """Return an estimate as text: percentages without a sign per number, months and units with one decimal."""
    scale, digits = (100.0, 0) if metric in PERCENT else (1.0, 1)
    if estimate.value is None:
        return Cell(DASH, estimate.note or "", estimate.n)
    value = f"{estimate.value * scale:.{digits}f}"
    if estimate.low is not None and estimate.high is not None:
        interval = f"[{estimate.low * scale:.{digits}f}, {estimate.high * scale:.{digits}f}]"
        return Cell(value, interval + (f" {estimate.note}" if estimate.note else ""), estimate.n)
    return Cell(value, estimate.note or "", estimate.n)


def gap(contrast: Contrast) -> Cell:
    """Return a difference as text, in percentage points, months or units, with its sign."""
    difference = contrast.difference
    scale = 100.0 if contrast.metric in PERCENT else 1.0
    if difference.value is None:
        return Cell(DASH, difference.note or "", difference.n)
    interval = difference.note or ""
    if difference.low is not None and difference.high is not None:
        interval = f"[{difference.low * scale:+.1f}, {difference.high * scale:+.1f}]"
    return Cell(f"{difference.value * scale:+.1f}", interval, difference.n)


def p_text(p: float | None) -> str:
    """Return a p value as text."""
    return DASH if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


@dataclass(frozen=True)
class Chart:
    """A chart of the page: where its figure is read, and its numbers as a table: titles and rows."""

    name: FigureName
    title: str
    url: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True)
class Side:
    """A run of the two laid side by side."""

    run: str
    label: str
    told: Replay


@dataclass(frozen=True)
class ComparePage:
    """The page's variables.

    `found` and `find` are the builder's search; `experiments` what can be added whole; `sides` two runs month by month;
    `link` is the share that it is seen through.
    """

    ask: ComparisonAsk
    shown: LaidOut
    place: Place
    charts: Sequence[Chart]
    json: str
    find: str
    found: Sequence[RunRow]
    experiments: Sequence[ExperimentRecord]
    sides: Sequence[Side]
    link: ShareRecord | None = None

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """What an address of this comparison says, by name."""
        return self.place.pairs(self.ask)

    @property
    def going(self) -> bool:
        """Whether any of its runs goes on."""
        return any(run.going for run in self.shown.runs)

    @property
    def share_action(self) -> str:
        """Where the form that makes a link is posted to."""
        return urls.share_comparison(self.ask.query)

    @property
    def names(self) -> Mapping[str, str]:
        """Titles of the metrics."""
        return NAMES

    @property
    def columns(self) -> Sequence[str]:
        """The metrics of the paper's table."""
        return COLUMNS

    @property
    def groupings(self) -> Sequence[tuple[str, str]]:
        """What can be grouped by, in words."""
        return [(name, GROUP_WORDS[name]) for name in self.place.groupings]

    @property
    def answer_choices(self) -> Sequence[tuple[str, str]]:
        """What unreadable answers can count as."""
        return ANSWERS

    @property
    def unit(self) -> str:
        """What gains are counted in."""
        units = {run.unit for run in self.shown.runs}
        return units.pop() if len(units) == 1 else "units"

    @property
    def exports(self) -> Sequence[tuple[str, str]]:
        """What the comparison can be taken along as: address and label; Parquet where it can be made."""
        kinds = [("tex", "LaTeX"), ("csv", "CSV, a row a run"), ("json", "JSON")]
        kinds += [("parquet", "Parquet, a row a run")] if find_spec("pyarrow") else []
        return [(f"{self.place.export}/{kind}?{self.place.query(self.ask)}", label) for kind, label in kinds]

    def at(self, **values: object) -> str:
        """Return the address of this comparison with other values."""
        return address(self.place, self.ask.changed(**values))

    def less(self, run: str) -> str:
        """Return the address without one of the named runs."""
        return address(self.place, self.ask.without_run(run))

    def run_at(self, run: str, month: int | None = None) -> str:
        """Return the address of a run, at a month."""
        return urls.with_query(f"{self.place.runs}/{run}", {"m": month})

    def cell(self, estimate: Estimate, metric: str) -> Cell:
        """Return an estimate as text."""
        return cell(estimate, metric)

    def gap(self, contrast: Contrast) -> Cell:
        """Return a difference as text."""
        return gap(contrast)

    def p(self, value: float | None) -> str:
        """Return a p value as text."""
        return p_text(value)

    def of(self, group: str) -> Sequence[Contrast]:
        """Return the differences of a group from the reference."""
        return [one for one in self.shown.comparison.contrasts if one.group == group]

    def label(self, run: str) -> str:
        """Return the name of a run."""
        return next((one.label for one in self.shown.runs if one.run == run), run)


@dataclass(frozen=True)
class CompareTemplate:
    """pages/compare.html: its one variable."""

    compare: ComparePage


def address(place: Place, ask: ComparisonAsk) -> str:
    """Return the address of a comparison."""
    query = place.query(ask)
    return f"{place.page}?{query}" if query else place.page


def charts(shown: LaidOut, place: Place) -> list[Chart]:
    """Return the charts of a comparison with their numbers; one without numbers is left out."""
    found = []
    for name in FIGURES:
        heads, rows = (
            _survival(shown) if name == "survival" else _promises(shown) if name == "promises" else _series(shown, name)
        )
        if rows:
            url = f"{place.api}/figures/{name}?{place.query(shown.ask)}"
            found.append(Chart(name, TITLES[name], url, heads, rows))
    return found


def _survival(shown: LaidOut) -> tuple[list[str], Sequence[tuple[str, Sequence[str]]]]:
    groups = shown.comparison.groups
    heads = [f"{group.label}: {what}" for group in groups for what in ("at risk", "share, %")]
    months = max((group.curve.horizon for group in groups), default=0)
    return heads, [
        (str(month), [text for group in groups for text in _step(group, month)]) for month in range(1, months + 1)
    ]


def _step(group: Group, month: int) -> tuple[str, str]:
    if month > len(group.curve.steps):
        return DASH, DASH
    step = group.curve.steps[month - 1]
    known = Estimate(value=step.survival, low=step.low, high=step.high, n=step.at_risk)
    shown = cell(known, "survival_rate")
    return str(step.at_risk), f"{shown.value} {shown.interval}".strip()


def _promises(shown: LaidOut) -> tuple[list[str], Sequence[tuple[str, Sequence[str]]]]:
    groups = shown.comparison.groups
    kept = [{one.by: one for one in group.promises.months} for group in groups]
    months = sorted({int(month) for one in kept for month in one})
    rows = []
    for month in months:
        own = [one.get(str(month)) for one in kept]
        rows.append((str(month), [f"{one.kept} of {one.kept + one.broken}" if one else DASH for one in own]))
    return [group.label for group in groups], rows


def _series(shown: LaidOut, name: FigureName) -> tuple[list[str], Sequence[tuple[str, Sequence[str]]]]:
    months = max((run.summary.months for run in shown.runs), default=0)
    series = series_of(name)
    columns = [by_month(runs, series, months, dip=name == "stock") for runs in shown.members.values()]
    rows = []
    for month in range(months):
        cells = []
        for column in columns:
            known = mean(column[month])
            digits = 2 if name == "gini" else 1
            text = number(known.value, digits)
            if known.low is not None and known.high is not None:
                text += f" [{known.low:.{digits}f}, {known.high:.{digits}f}]"
            cells.append(f"{text} (n = {known.n})" if known.n else DASH)
        rows.append((str(month + 1), cells))
    return list(shown.members), rows
