"""How a player leaves what it played, and what errors that are nobody's defect lead to."""

from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from app.commons.metrics import EpisodeMetrics
from app.models.base import EndpointDown, ModelNotConfigured
from app.store.connect import Database
from app.store.leases import RUNS, Claim, Work, leave
from app.store.outage import in_short, is_full, is_outage
from app.store.records import RunState
from app.store.waiting import FIRST_WAIT_S, STORAGE, for_endpoint, for_model, leave_waiting


@dataclass(frozen=True)
class Verdict:
    """The state to leave a run in, and why; with what it waits for, if that mends itself (waiting.py).

    `at_least_s` is how many seconds to leave it alone.
    """

    state: RunState
    reason_kind: str | None = None
    reason: str | None = None
    waits_for: str | None = None
    at_least_s: float = 0.0


def trouble(error: BaseException) -> Verdict | None:
    """Return what becomes of a run that met *error*: an endpoint or a database that fails; None if it is another."""
    match error:
        case EndpointDown(endpoint=str(name)):
            return Verdict("paused", "endpoint", str(error), for_endpoint(name), error.retry_after_s or 0.0)
        case EndpointDown():
            return Verdict("paused", "endpoint", f"{error} This does not mend itself: resume the run when it is done.")
        case ModelNotConfigured(model=str(name)):
            return Verdict("paused", "endpoint", f"{error} It goes on when a worker can ask it.", for_model(name))
        case ModelNotConfigured():
            return Verdict("paused", "endpoint", str(error))
        case _ if is_full(error):
            return Verdict("paused", "storage", f"The record could not be written: {in_short(error)}.", STORAGE)
        case _ if is_outage(error):
            return Verdict("paused", "storage", f"The database did not answer: {in_short(error)}.", STORAGE)
        case OperationalError():
            reason = f"The record could not be written: {in_short(error)}. Mend the database, then resume."
            return Verdict("paused", "storage", reason)
    return None


async def settle(
    database: Database,
    claim: Claim,
    verdict: Verdict,
    work: Work = RUNS,
    *,
    metrics: EpisodeMetrics | None = None,
    retry_after_s: float = FIRST_WAIT_S,
) -> None:
    """Leave a claimed run as *verdict* says; *retry_after_s* is the first wait of one that tries again by itself.

    Raises:
        app.store.leases.LostRun: if the claim is no longer valid; nothing is written.
    """
    if verdict.waits_for is None:
        await leave(
            database,
            claim,
            verdict.state,
            work,
            reason_kind=verdict.reason_kind,
            reason=verdict.reason,
            metrics=metrics,
        )
        return
    await leave_waiting(
        database,
        claim,
        verdict.waits_for,
        work,
        reason_kind=verdict.reason_kind or "endpoint",
        reason=verdict.reason or "",
        metrics=metrics,
        first_s=retry_after_s,
        at_least_s=verdict.at_least_s,
    )
