"""Asks the cases of one run of tests that are not answered yet, some at a time, and keeps every answer at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Literal

import structlog

from app.commons.config import SamplingConfig
from app.commons.scenario import get_scenario
from app.minds.asking import Asker
from app.minds.prompts import PromptError, PromptSet
from app.minds.reader import read_number
from app.models.base import CallKey, RecordMismatch
from app.models.hub import ModelHub
from app.store.connect import Database
from app.store.leases import TESTS, Claim, LostRun
from app.store.outage import PATIENCE_S, patiently
from app.store.prompt_sets import load_prompt_set
from app.store.purse import BudgetReached, Purse
from app.store.records import RunState
from app.store.subskill_recorder import SubskillRecorder, open_subskill_recorder
from app.store.subskills import SubskillCase, SubskillRun, get_subskill_run, subskill_cases
from app.store.verdicts import Verdict, settle, trouble
from app.store.waiting import FIRST_WAIT_S
from app.subskills.cases import Case
from app.subskills.catalogue import TEST_SET
from app.subskills.prompts import GAME_SET, SET_NAME, Questions, SubskillPrompts, prompt_hash

AT_ONCE = 25
"""Cases of one run that are asked at the same time; the endpoint's own limit is kept besides."""
DRAIN_SECONDS = 10.0

log = structlog.get_logger()

Wish = Literal["stop", "leave paused", "hand back", "lost"]


class OtherTests(Exception):
    """The cases were made by another version of the tests or prompts than what is here."""


WISHES = {
    "stop": Verdict("cancelled", "user", "Stopped on request."),
    "leave paused": Verdict("paused", "user", "Interrupted from the keyboard. Resume it in the browser."),
    "hand back": Verdict("queued", "worker", "The worker is shutting down."),
}


async def _always() -> None:
    """Be ready for the next case at once."""


class Tester:
    """Asks the tests of one claim, once. `wish` may be called at any time from the same event loop.

    No case is begun before *lease* returns (`Keeper.confirmed`). *retry_after_s* is the first wait of tests that are
    tried again by themselves.
    """

    def __init__(
        self,
        database: Database,
        hub: ModelHub,
        claim: Claim,
        on_case: Callable[[SubskillCase], None] = lambda case: None,
        drain_seconds: float = DRAIN_SECONDS,
        lease: Callable[[], Awaitable[None]] = _always,
        retry_after_s: float = FIRST_WAIT_S,
        purse: Purse | None = None,
    ) -> None:
        self.claim = claim
        self._database = database
        self._hub = hub
        self._purse = purse or Purse(database, hub.price_of)
        self._on_case = on_case
        self._drain_seconds = drain_seconds
        self._lease = lease
        self._retry_after_s = retry_after_s
        self._enough = asyncio.Event()
        self._model = ""
        self._begun = 0
        self._gate = asyncio.Lock()
        self._wish: Wish | None = None
        self._failure: BaseException | None = None

    def wish(self, wish: Wish | None) -> None:
        """Ask for something: a stop or pause now, giving the tests back, letting go. Answers under way are kept."""
        if wish is not None and self._wish is None:
            self._wish = wish
            self._enough.set()

    async def run(self) -> RunState | None:
        """Ask until all is answered or something ends it; return the state it was left in, None if it was lost."""
        logger = log.bind(tests=self.claim.run_id, epoch=self.claim.epoch)
        try:
            verdict = await self._ask_all()
            if self._wish == "lost":
                raise LostRun(self.claim.run_id)
            await patiently(
                lambda: settle(self._database, self.claim, verdict, TESTS, retry_after_s=self._retry_after_s),
                f"tests {self.claim.run_id} wait to be left",
                patience_s=self._patience_s,
            )
        except LostRun:
            logger.warning("another process asks these tests")
            return None
        except Exception:
            # Nothing can be written: the lease runs out, and a worker that can write takes the tests over.
            logger.exception("the tests keep their lease until it runs out")
            return None
        logger.info("left", state=verdict.state, reason=verdict.reason)
        return verdict.state

    @property
    def _patience_s(self) -> float:
        """How long a database that does not answer is waited for: whoever was told to stop has little time."""
        return PATIENCE_S if self._wish is None else self._drain_seconds

    async def _ask_all(self) -> Verdict:
        try:
            recorder = await patiently(
                lambda: open_subskill_recorder(self._database, self.claim, clock=self._purse.clock),
                f"tests {self.claim.run_id} wait to begin",
            )
            recorder.on_failure = self._fail
            try:
                await self._ask_open_cases(recorder)
            finally:
                await recorder.close(self._patience_s)
        except Exception as error:
            self._fail(error)
        if self._failure is not None:
            return self._explain(self._failure)
        return WISHES[self._wish] if self._wish in WISHES else Verdict("finished")

    async def _ask_open_cases(self, recorder: SubskillRecorder) -> None:
        run = await get_subskill_run(self._database, self.claim.run_id)
        cases = [case for case in await subskill_cases(self._database, run.id) if not case.done]
        # By number, so that all tests come along together and a run that is stopped says something about each.
        cases.sort(key=lambda case: (case.number, case.test))
        questions = await self._questions(run)
        self._model = run.model
        asker = Asker(self._hub.open(run.model, run.id, recorder), run.sent or SamplingConfig())
        waiting = iter(cases)
        askers = [
            asyncio.create_task(self._ask(waiting, questions, asker, recorder), name=f"tests {run.id}")
            for _ in range(min(AT_ONCE, len(cases)))
        ]
        everything = asyncio.create_task(_all(askers))
        enough = asyncio.create_task(self._is_enough())
        await asyncio.wait({everything, enough}, return_when=asyncio.FIRST_COMPLETED)
        if not everything.done():
            # What is being asked is paid for: it gets some time to come home.
            await asyncio.wait({everything}, timeout=self._drain_seconds)
        for task in (*askers, enough):
            task.cancel()
        await asyncio.gather(*askers, enough, everything, return_exceptions=True)

    async def _is_enough(self) -> None:
        await self._enough.wait()

    async def _ask(
        self, waiting: Iterator[SubskillCase], questions: Questions, asker: Asker, recorder: SubskillRecorder
    ) -> None:
        try:
            for stored in waiting:
                await recorder.keep_up()
                await self._lease()
                await self._may_ask(recorder)
                if self._enough.is_set():
                    return
                case = Case.model_validate(stored.model_dump(include=set(Case.model_fields)))
                task = questions.task(case)
                if prompt_hash(task.messages) != stored.prompt_hash:
                    raise OtherTests(f"case {case.number} of {case.test} reads differently now")
                key = CallKey(month=1, phase="subskills", agent=case.agent, purpose=case.test, item=str(case.number))
                asked = await asker.ask(key, task, read_number)
                answered = stored.model_copy(
                    update={"attempts": asked.attempts, "answer": asked.value, "passed": case.passes(asked.value)}
                )
                recorder.answered(answered)
                self._on_case(answered)
        except Exception as error:
            self._fail(error)

    async def _may_ask(self, recorder: SubskillRecorder) -> None:
        """Look after the day's budget before each batch of AT_ONCE cases; meanwhile no other case begins."""
        async with self._gate:
            if self._begun % AT_ONCE == 0 and not self._enough.is_set():
                await recorder.flush()
                await self._purse.check_tests(self.claim.run_id, self._model)
            self._begun += 1

    async def _questions(self, run: SubskillRun) -> Questions:
        if run.test_set != TEST_SET:
            raise OtherTests(f"they are version {run.test_set}, this is {TEST_SET}")
        _, own = await load_prompt_set(self._database, run.prompts[SET_NAME])
        game = PromptSet.from_files(*await load_prompt_set(self._database, run.prompts[GAME_SET]))
        return Questions(SubskillPrompts(own), game, get_scenario(run.scenario))

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self._enough.set()

    def _explain(self, error: BaseException) -> Verdict:
        if isinstance(error, LostRun):
            raise error
        if isinstance(error, BudgetReached):
            return Verdict("paused", error.kind, str(error))
        if (known := trouble(error)) is not None:
            return known
        if isinstance(error, RecordMismatch | OtherTests | LookupError):
            return Verdict("paused", "version", f"It cannot be continued with this version: {error}. Start new tests.")
        if isinstance(error, PromptError):
            return Verdict("failed", "configuration", str(error))
        log.error("the tests failed", tests=self.claim.run_id, exc_info=error)
        return Verdict("failed", "defect", f"{type(error).__name__}: {error}")


async def _all(tasks: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
