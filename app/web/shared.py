"""What the holder of a link may see: the run as it was when a snapshot was made, or as it goes on."""

from dataclasses import dataclass

from app.commons.events import Event, MonthEnded, MonthStarted, PhaseName, parse_event
from app.commons.metrics import episode_metrics, harvests
from app.store.connect import Database
from app.store.queries import events_after
from app.store.records import CallSummary, RunRecord, ShareRecord
from app.store.runs import DeletedRun, get_run, metric_columns
from app.store.shares import EndedShare, open_share

PHASES: tuple[PhaseName, ...] = ("observe", "harvest", "settle", "talk", "take_away", "home", "regrow")


@dataclass(frozen=True)
class SharedRun:
    """A run through a link. `run` tells nothing that lies beyond the snapshot; `until` is its last month and phase."""

    share: ShareRecord
    run: RunRecord
    until: tuple[int, PhaseName] | None

    def shows(self, call: CallSummary) -> bool:
        """Tell whether *call* may be seen: prompts are shared, and it was made by the snapshot's last phase."""
        if not self.share.with_prompts:
            return False
        if self.until is None:
            return True
        month, phase = self.until
        order = PHASES.index(call.phase) if call.phase in PHASES else len(PHASES)
        return (call.month, order) <= (month, PHASES.index(phase))


async def open_shared(database: Database, token: str) -> SharedRun:
    """Return the run that *token* opens.

    Raises:
        app.store.shares.UnknownShare: if no link has this token.
        app.store.shares.EndedShare: if the link was revoked or has expired.
    """
    share = await open_share(database, token)
    try:
        run = await get_run(database, share.run_id)
    except DeletedRun:
        raise EndedShare("What this link showed was deleted.") from None
    if share.last_seq is None or run.events <= share.last_seq:
        return SharedRun(share, run, None)
    rows = await events_after(database, run.id, last=share.last_seq)
    events = [parse_event(payload) for _, payload in rows]
    return SharedRun(share, _as_it_was(run, events), (events[-1].month, events[-1].phase) if events else (0, "observe"))


async def follow_shared(database: Database, token: str) -> RunRecord | None:
    """Return the run as *token* shows it now, or None when the link has ended."""
    try:
        return (await open_shared(database, token)).run
    except EndedShare:
        return None


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
