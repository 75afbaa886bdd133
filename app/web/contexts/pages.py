"""The declared variables of the simple pages: one class a template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.models.check import ModelCheck
from app.models.hub import EndpointView
from app.store.records import ShareRecord
from app.store.shelf import Deleted
from app.web.contexts.budget import BudgetBox, Meter
from app.web.contexts.cells import ScenarioGrid
from app.web.contexts.example import Example
from app.web.contexts.rows import RunRow
from app.web.day import Day
from app.web.health import Health
from app.web.importing import ImportedLog
from app.web.local import LocalLine


@dataclass(frozen=True)
class HomePage:
    """pages/home.html.

    Attributes:
        live: runs that are queued or being played, newest first.
        latest: the latest runs that ended.
        example: a small story that is always there.
        total: how many runs there are.
        submission: the token of the buttons that start the samples and the example.
        has_models: whether any model can be launched.
        health: whether somebody plays.
        day: what was spent today.
    """

    live: Sequence[RunRow]
    latest: Sequence[RunRow]
    example: Example
    total: int
    submission: str
    has_models: bool
    health: Health
    day: Day


@dataclass(frozen=True)
class SortLink:
    """A column's title: where it leads, and how the list is ordered by it now ("ascending", "descending", None).

    It leads nowhere (None) where lists cannot be ordered by it.
    """

    label: str
    href: str | None
    order: str | None
    numeric: bool = False


@dataclass(frozen=True)
class RunsPage:
    """pages/runs.html.

    Attributes:
        rows: this page of the list.
        tags: the tags of each of them, by the run's id.
        experiments: the names of their experiments, by id.
        total: how many runs fit the filter.
        all_total: whether there are any runs at all.
        first: number of the first row shown, from 1.
        columns: the columns shown, by name.
        all_columns: every column's name and title.
        values: what can be chosen in each filter.
        chosen: the filter as it is, as query parameters.
        filtered: whether anything is filtered.
        previous: the page before, if any.
        following: the page after, if any.
        json: the API's twin of this list.
        health: whether somebody plays.
        query: this page's own query, to come back to.
        deletion: the moment of a deletion that can be undone, and how many runs it hid; None where there is none.
        any_deleted: whether there are deleted runs that can be brought back.
    """

    rows: Sequence[RunRow]
    tags: Mapping[str, Sequence[str]]
    experiments: Mapping[str, str]
    total: int
    all_total: int
    first: int
    columns: Mapping[str, SortLink]
    all_columns: Sequence[tuple[str, str]]
    values: Mapping[str, Sequence[tuple[str, str]]]
    chosen: Mapping[str, str]
    filtered: bool
    previous: str | None
    following: str | None
    json: str
    health: Health
    query: str
    deletion: tuple[str, int] | None
    any_deleted: bool


@dataclass(frozen=True)
class DeletedPage:
    """pages/deleted.html: the deleted runs that can still be brought back, the latest deletion first."""

    runs: Sequence[Deleted]


@dataclass(frozen=True)
class ExperimentPage:
    """pages/experiment.html.

    Attributes:
        id: of the experiment.
        name: as it was launched.
        created_at: when.
        rows: its runs, oldest first.
        states: how many runs are in each state or outcome, in words.
        over: how many runs have come to an end.
        queued: how many wait.
        playing: how many are being played.
        paused: how many are paused.
        months_played: of all runs together; all of them for one that is over.
        months_total: of all runs together.
        live: whether anything may still change.
        figure: where the chart of all trajectories is read; None before the first harvest.
        series: for the chart's table: each run's row and its stock after each harvest.
        months: length of the longest series.
        unit: of the stock.
        json: the API's twin.
        budget: what all runs together may spend, and the form that changes it.
        archived: whether it is out of the lists.
        grids: its cells, a table a scenario.
        cells: how many they are.
        failed: how many runs failed.
        definition: what it was launched by, as TOML; None where there was no definition.
        definition_hash: its SHA-256.
        compare: the comparison of its runs, grouped by what varies.
        plan: the version of its plan and when that was frozen, in words; None without a plan.
        added: runs that were added after the plan was frozen.
    """

    id: str
    name: str
    created_at: object
    rows: Sequence[RunRow]
    states: Sequence[tuple[str, str, int]]
    over: int
    queued: int
    playing: int
    paused: int
    months_played: int
    months_total: int
    live: bool
    figure: str | None
    series: Sequence[tuple[RunRow, Sequence[int]]]
    months: int
    unit: str
    json: str
    budget: BudgetBox
    archived: bool
    grids: Sequence[ScenarioGrid]
    cells: int
    failed: int
    definition: str | None
    definition_hash: str
    compare: str
    plan: str | None
    added: frozenset[str]


@dataclass(frozen=True)
class SharedSetPage:
    """pages/shared_set.html: a shared experiment or comparison.

    Attributes:
        link: the link it is seen through.
        name: of the experiment.
        rows: its runs, oldest first, each leading to its page below the link.
        live: whether anything may still change.
        figure: where the chart of all trajectories is read; None before the first harvest.
        series: for the chart's table: each run's row and its stock after each harvest.
        months: length of the longest series.
        unit: of the stock.
        json: the same as data.
    """

    link: ShareRecord
    name: str
    rows: Sequence[RunRow]
    live: bool
    figure: str | None
    series: Sequence[tuple[RunRow, Sequence[int]]]
    months: int
    unit: str
    json: str


@dataclass(frozen=True)
class IssuedPage:
    """pages/issued.html: a link just made, shown this once; what it opens, and the way back to it."""

    link: str
    title: str
    back: str


@dataclass(frozen=True)
class IssuedLink:
    """A link in the owner's list: its share, what it shows and where that is, and whether it still opens."""

    share: ShareRecord
    title: str
    href: str | None
    open: bool
    state: str


@dataclass(frozen=True)
class SharesPage:
    """pages/shares.html: the issued links, newest first."""

    links: Sequence[IssuedLink]


@dataclass(frozen=True)
class ImportPage:
    """pages/import.html.

    Attributes:
        logs: what became of each uploaded log; None before an upload.
        left_out: how many uploaded files no run is read from.
        error: why nothing of an upload could be taken.
        most: how many bytes an upload may have.
        api: where scripts post the upload, to tell how far it is.
    """

    logs: Sequence[ImportedLog] | None
    left_out: int
    error: str | None
    most: int
    api: str


@dataclass(frozen=True)
class KeyLine:
    """An endpoint that is found by its key: the variable's name, and whether it is set."""

    endpoint: str
    variable: str
    present: bool


@dataclass(frozen=True)
class SettingsPage:
    """pages/settings.html.

    Attributes:
        endpoints: never with a key.
        keys: the endpoints that need nothing but a key.
        known: of models by name, what is known of them: their price and how long they are.
        health: of the instance.
        locked: whether a password is set.
        day: what was spent today.
        meters: how much of the day's budget that is.
        checks: what a check that was just made came to, by model; empty where none was.
        local: the models on this machine.
        local_folder: where they lie.
    """

    endpoints: Sequence[EndpointView]
    keys: Sequence[KeyLine]
    known: Mapping[str, str]
    health: Health
    locked: bool
    day: Day
    meters: Sequence[Meter]
    checks: Mapping[str, ModelCheck]
    local: Sequence[LocalLine]
    local_folder: str


@dataclass(frozen=True)
class LoginPage:
    """pages/login.html: where to go on, and what was wrong."""

    next: str
    error: str | None
