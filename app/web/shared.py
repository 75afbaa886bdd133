"""What the holder of a link may see: runs as they were when a snapshot was made, or as they go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.commons.events import Event, MonthEnded, MonthStarted, PhaseName, parse_event
from app.commons.metrics import episode_metrics, harvests
from app.store.connect import Database
from app.store.queries import events_after, get_experiment, get_runs
from app.store.records import CallSummary, RunRecord, ShareRecord
from app.store.runs import DeletedRun, UnknownRun, get_run, metric_columns
from app.store.shares import EndedShare, WrongScope, open_share, shared_runs
from app.web import urls

Call = TypeVar("Call", bound=CallSummary)
PHASES: tuple[PhaseName, ...] = ("observe", "harvest", "settle", "talk", "take_away", "home", "regrow")


@dataclass(frozen=True)
class SharedRun:
    """A run through a link. `run` tells nothing that lies beyond the snapshot.

    `last_call` is the last call that a snapshot shows; where that was not kept, `until` is its last month and phase.
    `page` is the run's own address below the link.
    """

    share: ShareRecord
    run: RunRecord
    page: str
    last_call: int | None = None
    until: tuple[int, PhaseName] | None = None

    def shows(self, call: CallSummary) -> bool:
        """Tell whether *call* may be seen: prompts are shared, and the snapshot was made after it."""
        if not self.share.with_prompts:
            return False
        if self.last_call is not None:
            return call.seq <= self.last_call
        if self.until is None:
            return True
        month, phase = self.until
        order = PHASES.index(call.phase) if call.phase in PHASES else len(PHASES)
        return (call.month, order) <= (month, PHASES.index(phase))

    def told(self, call: Call) -> Call:
        """Return *call* as the link tells it: without its cost where costs are left out."""
        return call if self.share.with_costs else call.model_copy(update={"cost": None})


@dataclass(frozen=True)
class SharedSet:
    """An experiment or a comparison through a link: its runs as they may be seen, oldest first."""

    share: ShareRecord
    runs: Sequence[RunRecord]
    name: str
    page: str


async def open_shared(database: Database, token: str, run_id: str | None = None) -> SharedRun:
    """Return the run that *token* opens: its own, or *run_id* of its experiment or comparison.

    Raises:
        app.store.shares.UnknownShare: if no link has this token.
        app.store.shares.EndedShare: if the link was revoked or has expired.
        app.store.shares.WrongScope: if it does not open that run; nothing tells whether there is such a run.
    """
    share = await open_share(database, token)
    if run_id is None:
        if share.run_id is None:
            raise WrongScope
        found, ends, page = share.run_id, (share.last_seq, share.last_call), urls.share(token)
    else:
        runs = {} if share.scope == "run" else await shared_runs(database, share)
        if run_id not in runs:
            raise WrongScope
        found, ends, page = run_id, runs[run_id], urls.shared_run(token, run_id)
    try:
        run = await get_run(database, found)
    except DeletedRun:
        if run_id is None:
            raise EndedShare("What this link showed was deleted.") from None
        raise WrongScope from None
    except UnknownRun:
        raise WrongScope from None
    run, until = await _seen(database, run, share, ends[0])
    return SharedRun(share, run, page, ends[1], until)


async def open_set(database: Database, token: str) -> SharedSet:
    """Return the experiment or comparison that *token* opens.

    Raises:
        app.store.shares.UnknownShare: if no link has this token.
        app.store.shares.EndedShare: if the link was revoked or has expired.
        app.store.shares.WrongScope: if it opens a run.
    """
    share = await open_share(database, token)
    if share.scope == "run":
        raise WrongScope
    ends = await shared_runs(database, share)
    runs = [(await _seen(database, run, share, ends[run.id][0]))[0] for run in await get_runs(database, sorted(ends))]
    name = "Comparison"
    if share.experiment_id:
        experiment = await get_experiment(database, share.experiment_id)
        if experiment is None:
            raise EndedShare("What this link showed was deleted.")
        name = experiment.name
    return SharedSet(share, runs, name, urls.share(token))


async def follow_shared(database: Database, token: str, run_id: str | None = None) -> RunRecord | None:
    """Return the run as *token* shows it now, or None when the link has ended."""
    try:
        return (await open_shared(database, token, run_id)).run
    except (EndedShare, WrongScope):
        return None


async def _seen(
    database: Database, run: RunRecord, share: ShareRecord, last_seq: int | None
) -> tuple[RunRecord, tuple[int, PhaseName] | None]:
    """Return *run* as its reader may see it, and the last month and phase of a snapshot of a run that went on."""
    until: tuple[int, PhaseName] | None = None
    if last_seq is not None and run.events > last_seq:
        rows = await events_after(database, run.id, last=last_seq)
        events = [parse_event(payload) for _, payload in rows]
        run = _as_it_was(run, events)
        until = (events[-1].month, events[-1].phase) if events else (0, "observe")
    hidden: dict[str, object] = {
        "experiment_id": None,
        "source": None,
        "retry_of": None,
        "model_label": None,
        "owner_note": None,
    }
    if not share.with_costs:
        hidden |= {"cost": None, "unpriced_calls": 0, "budget_cost": None}
    return run.model_copy(update=hidden), until


def _as_it_was(run: RunRecord, events: list[Event]) -> RunRecord:
    """Return *run* with what is known from *events* alone; for its reader it ends there."""
    config = run.episode
    metrics = episode_metrics(harvests(events), config.game, config.names)
    stocks = [
        event.stock if isinstance(event, MonthStarted) else event.stock_next
        for event in events
        if isinstance(event, MonthStarted | MonthEnded)
    ]
    return run.model_copy(
        update=metric_columns(metrics)
        | {
            "state": "interrupted",
            "reason_kind": "snapshot",
            "reason": "This snapshot was made while the run was going on; it ends here.",
            "control": None,
            "retry_at": None,
            "ended_at": None,
            "stock": stocks[-1] if stocks else None,
            "events": len(events),
            "calls": 0,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cost": None,
            "unpriced_calls": 0,
        }
    )
