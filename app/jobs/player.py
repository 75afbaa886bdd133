"""Plays one claimed run: puts configuration, minds, models and recorder together, and leaves the run in a state."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Literal

import structlog
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bind_contextvars

from app.commons.events import Event, parse_event
from app.commons.metrics import EpisodeMetrics, episode_metrics, harvests
from app.engine.play import play
from app.engine.version import ENGINE_VERSION
from app.jobs.drain import CallsUnderWay, DrainingModel, Stopping
from app.jobs.pace import paced
from app.minds.build import NotPlayable, build_minds
from app.minds.prompts import PromptError, PromptSet
from app.models.base import Model, RecordMismatch
from app.models.hub import ModelHub
from app.store.connect import Database
from app.store.leases import Claim, LostRun
from app.store.outage import PATIENCE_S, patiently
from app.store.prompt_sets import load_prompt_set
from app.store.purse import BudgetReached, Purse, models_of
from app.store.queries import events_after
from app.store.recorder import ReplayDiverged, RunRecorder, open_recorder
from app.store.records import RunRecord, RunState
from app.store.runs import get_run
from app.store.verdicts import Verdict, settle, trouble
from app.store.waiting import FIRST_WAIT_S

DRAIN_SECONDS = 10.0

log = structlog.get_logger()

Wish = Literal["pause", "end", "stop", "leave paused", "hand back", "lost"]
AT_MONTH_END = ("pause", "end")


class PauseAsked(Exception):
    """The month is over and a pause was asked for."""


class EndAsked(Exception):
    """The month is over and it was asked to be the last one."""


class VersionConflict(Exception):
    """The run was recorded by another version of the engine."""


async def _always() -> None:
    """Be ready for the next call at once."""


class Player:
    """Plays the run of one claim, once. `wish` may be called at any time from the same event loop.

    No call is begun before *lease* returns (`Keeper.confirmed`). *retry_after_s* is the first wait of a run that tries
    again by itself.
    """

    def __init__(
        self,
        database: Database,
        hub: ModelHub,
        claim: Claim,
        on_event: Callable[[Event], None] = lambda event: None,
        drain_seconds: float = DRAIN_SECONDS,
        lease: Callable[[], Awaitable[None]] = _always,
        retry_after_s: float = FIRST_WAIT_S,
        purse: Purse | None = None,
    ) -> None:
        self.claim = claim
        self._database = database
        self._hub = hub
        self._purse = purse or Purse(database, hub.price_of)
        self._on_event = on_event
        self._drain_seconds = drain_seconds
        self._lease = lease
        self._retry_after_s = retry_after_s
        self._calls = CallsUnderWay()
        self._episode: asyncio.Task[None] | None = None
        self._at_month_end: Wish | None = None
        self._wish: Wish | None = None
        self._recorder_failure: BaseException | None = None

    def wish(self, wish: Wish | None) -> None:
        """Ask for something: a pause or the end after this month, a stop or pause now, giving it back, letting go."""
        self._at_month_end = wish if wish in AT_MONTH_END else None
        if wish not in (None, *AT_MONTH_END) and self._wish is None:
            self._wish = wish
            if self._episode is not None:
                self._episode.cancel()

    async def run(self) -> RunState | None:
        """Play until the run ends, pauses or is given up; return the state it was left in, None if it was lost."""
        # Whatever the run's tasks log says which run it is about.
        bind_contextvars(run=self.claim.run_id, epoch=self.claim.epoch)
        started = perf_counter()
        try:
            run, recorder = await patiently(self._open, f"run {self.claim.run_id} waits to begin")
            bind_contextvars(experiment=run.experiment_id, worker=run.owner)
            log.info("run claimed", models=run.models, months=run.months, recorded_calls=recorder.totals.calls)
        except Exception as error:
            log.exception("the record could not be opened")
            reason = f"The record could not be read: {error}. Mend the database, then resume."
            return await self._leave_quietly(trouble(error) or Verdict("paused", "storage", reason))
        recorder.on_failure = self._fail
        try:
            verdict = await self._play(run, recorder)
            if self._wish == "lost":
                raise LostRun(self.claim.run_id)
            await recorder.close(self._patience_s)
            await patiently(
                lambda: self._leave(run, verdict), f"run {run.id} waits to be left", patience_s=self._patience_s
            )
        except LostRun:
            log.warning("another player owns the run")
            return None
        except Exception as error:
            log.exception("the run could not be left")
            return await self._leave_quietly(trouble(error) or _unwritable(error))
        finally:
            await recorder.close(0)
        totals = recorder.totals
        # The reason's sentence is in the run's log; an endpoint's own words in it may quote a prompt.
        log.info(
            "run left",
            state=verdict.state,
            reason=verdict.reason_kind,
            calls=totals.calls,
            prompt_tokens=totals.prompt_tokens,
            completion_tokens=totals.completion_tokens,
            cost=totals.cost,
            seconds=round(perf_counter() - started, 1),
        )
        return verdict.state

    @property
    def _patience_s(self) -> float:
        """How long a database that does not answer is waited for: whoever was told to stop has little time."""
        return PATIENCE_S if self._wish is None else self._drain_seconds

    async def _open(self) -> tuple[RunRecord, RunRecorder]:
        # One that was deleted meanwhile is held as well: the stop that goes with it is on its way.
        return await get_run(self._database, self.claim.run_id, deleted=True), await open_recorder(
            self._database, self.claim, clock=self._purse.clock
        )

    async def _leave(self, run: RunRecord, verdict: Verdict) -> None:
        metrics = await measure(self._database, run)
        await settle(self._database, self.claim, verdict, metrics=metrics, retry_after_s=self._retry_after_s)

    async def _play(self, run: RunRecord, recorder: RunRecorder) -> Verdict:
        self._episode = asyncio.create_task(self._episode_of(run, recorder), name=f"episode {run.id}")
        if self._wish is not None:
            self._episode.cancel()
        try:
            await self._episode
            await recorder.flush()
        except asyncio.CancelledError:
            if self._wish is None and self._recorder_failure is None:
                self._wish = "hand back"
        except BaseException as error:
            return await self._explain(error, run, recorder)
        if self._recorder_failure is not None:
            return await self._explain(self._recorder_failure, run, recorder)
        if self._wish is None:
            return Verdict("finished")
        if self._wish != "lost":
            await self._calls.drain(self._drain_seconds)
        if self._wish == "stop":
            return Verdict("cancelled", "user", "Stopped on request.")
        if self._wish == "leave paused":
            return Verdict("paused", "user", "Interrupted from the keyboard. Resume it in the browser.")
        return Verdict("queued", "worker", "The worker is shutting down.")

    async def _episode_of(self, run: RunRecord, recorder: RunRecorder) -> None:
        if recorder.stored_events and run.engine_version != ENGINE_VERSION:
            raise VersionConflict(
                f"It was recorded with engine {run.engine_version}; this is engine {ENGINE_VERSION}. "
                "Resume it with the version that recorded it, or launch it anew."
            )
        prompts = {
            name: PromptSet.from_files(*await load_prompt_set(self._database, digest))
            for name, digest in run.prompts.items()
        }

        async def ready() -> None:
            await recorder.keep_up()
            await self._lease()

        def open_model(name: str) -> Model:
            return DrainingModel(self._hub.open(name, run.id, recorder), self._calls, ready)

        asks = bool(models_of(run.episode))

        async def before_month(month: int) -> None:
            if self._at_month_end == "pause" and month > 1:
                raise PauseAsked
            if self._at_month_end == "end" and month > 1 and not recorder.replaying:
                raise EndAsked
            if not recorder.replaying:
                log.debug("month", month=month, calls=recorder.totals.calls)
            if asks and not recorder.replaying:
                await recorder.flush()
                what = f"run {run.id} waits to begin month {month}"
                await patiently(lambda: self._purse.check_run(run.id, run.episode, month), what)

        def emit(event: Event) -> None:
            recorder.emit(event)
            self._on_event(event)

        minds, framework = build_minds(run.episode, prompts, open_model)
        if run.pace_ms:
            minds = paced(minds, run.episode, run.pace_ms / 1000, lambda: not recorder.replaying)
        await play(run.episode, minds, framework, emit, before_month=before_month)

    def _fail(self, error: BaseException) -> None:
        self._recorder_failure = error
        if self._episode is not None:
            self._episode.cancel()

    async def _explain(self, error: BaseException, run: RunRecord, recorder: RunRecorder) -> Verdict:
        """Return the state that an error leads to; calls under way are waited for, since they are paid for."""
        cause = first_cause(error)
        if isinstance(cause, LostRun):
            self._wish = "lost"
            return Verdict("queued")
        if not isinstance(cause, SQLAlchemyError):
            await self._calls.drain(self._drain_seconds)
        if isinstance(cause, PauseAsked):
            return Verdict("paused", "user", "Paused on request.")
        if isinstance(cause, EndAsked):
            return Verdict("cancelled", "user", "Stopped on request at the end of a month.")
        if isinstance(cause, BudgetReached):
            return Verdict("paused", cause.kind, str(cause))
        if (known := trouble(cause)) is not None:
            return known
        if isinstance(cause, ReplayDiverged):
            return Verdict("paused", "version", f"It cannot be continued from its record: {cause}.")
        if isinstance(cause, RecordMismatch | VersionConflict | LookupError):
            return Verdict("paused", "version", str(cause))
        if isinstance(cause, PromptError | NotPlayable):
            return Verdict("failed", "configuration", str(cause))
        log.error("the episode failed", exc_info=cause)
        return Verdict("failed", "defect", f"{type(cause).__name__}: {cause}")

    async def _leave_quietly(self, verdict: Verdict) -> RunState | None:
        try:
            await settle(self._database, self.claim, verdict, retry_after_s=self._retry_after_s)
        except Exception:
            # Nothing can be written: the lease runs out, and a worker that can write takes the run over.
            log.exception("the run keeps its lease until it runs out")
            return None
        return verdict.state


def _unwritable(error: BaseException) -> Verdict:
    return Verdict("paused", "storage", f"The record could not be written: {error}. Mend the database, then resume.")


def first_cause(error: BaseException) -> BaseException:
    """Return the error that explains a group of errors: calls refused and tasks cancelled explain nothing."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [first_cause(inner) for inner in error.exceptions]
    telling = [cause for cause in causes if not isinstance(cause, asyncio.CancelledError | Stopping)]
    return (telling or causes)[0]


async def measure(database: Database, run: RunRecord) -> EpisodeMetrics:
    """Return the metrics of a run from its recorded events."""
    events = [parse_event(text) for _, text in await events_after(database, run.id)]
    return episode_metrics(harvests(events), run.episode.game, run.episode.names)
