"""Whether a run may begin another month: its own budget, its experiment's, the instance's for the day.

Asked before each month that is not a replay. What other runs spent is read from the database, so that it counts
whichever worker plays them. A month that has begun is played to its end: a budget is exceeded by less than what one
month takes (an experiment's, by less than one month of each of its runs that are playing).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from app.commons.config import EpisodeConfig, GenerativeFramework, GenerativeMind
from app.models.prices import Price
from app.store.budgets import PAUSED_BY_BUDGET, PAUSED_BY_DAY, dollars, in_words, wake_paused_by_day
from app.store.connect import Database
from app.store.outage import in_short, is_outage
from app.store.records import NO_BUDGET, Budget
from app.store.runs import now
from app.store.spending import Ledger, Spent, ledger, spent_on, uncounted_in_tests

PriceOf = Callable[[str], Price | None]
LOOK_SECONDS = 2.0
KEPT = "Everything up to here is kept."

log = structlog.get_logger()


class BudgetReached(Exception):
    """Nothing more may be spent; the message says what was spent of which budget, and what to do.

    `kind` is the reason that the run is paused for.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Purse:
    """The budgets as a process sees them: the database, what the instance may spend a day, prices and a clock."""

    database: Database
    price_of: PriceOf
    daily: Budget = NO_BUDGET
    clock: Callable[[], datetime] = now

    async def check_run(self, run_id: str, config: EpisodeConfig, month: int) -> None:
        """Return if a run of *config* may begin *month*; what it has spent so far must be stored.

        A run that asks no model spends nothing and is let through.

        Raises:
            BudgetReached: if it may not.
        """
        models = models_of(config)
        if not models:
            return
        today = self.clock()
        book = await ledger(self.database, run_id, today.date(), self.daily)
        when = f"after month {month - 1}" if month > 1 else "before month 1"
        self._can_be_counted(book, models)
        if book.run.reaches(book.budget):
            spent = _of(book.budget, book.run)
            raise BudgetReached(
                PAUSED_BY_BUDGET,
                f"Budget of {spent.limit} reached: {spent.used} {when}. {KEPT} Raise the budget, then resume.",
            )
        if book.experiment.reaches(book.shared):
            spent = _of(book.shared, book.experiment)
            raise BudgetReached(
                PAUSED_BY_BUDGET,
                f"The experiment's budget of {spent.limit} is reached: {spent.used} by its {book.runs:,} runs, "
                f"this one paused {when}. {KEPT} Raise the experiment's budget, then resume.",
            )
        self._day_allows(book.today, today)

    async def check_tests(self, tests_id: str, model: str) -> None:
        """Return if a run of subskill tests of *model* may ask on.

        Raises:
            BudgetReached: if the day's budget is used up, or cannot be kept.
        """
        if self.daily.tokens is not None and (uncounted := await uncounted_in_tests(self.database, tests_id)):
            raise BudgetReached(PAUSED_BY_BUDGET, _uncounted(uncounted))
        if self.daily.cost is not None and self.price_of(model) is None:
            raise BudgetReached(PAUSED_BY_BUDGET, f"{no_price([model])} {KEPT}")
        if self.daily:
            today = self.clock()
            self._day_allows(await spent_on(self.database, today.date()), today)

    async def wake(self) -> list[str]:
        """Queue again what an earlier day's budget had paused, if today has something left; return the ids."""
        return await wake_paused_by_day(self.database, self.clock().date(), self.daily)

    async def keep_waking(self, stop: asyncio.Event) -> None:
        """Wake what an earlier day's budget had paused, as soon as a day has something left, until *stop* is set."""
        while not stop.is_set():
            try:
                for woken in await self.wake():
                    log.info("queued again: the day's budget has something left", run=woken)
            except Exception as error:
                said = "what the day's budget had paused is looked for again"
                if is_outage(error):
                    log.warning(said, error=in_short(error))
                else:
                    log.exception(said)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    def _day_allows(self, spent: Spent, today: datetime) -> None:
        if spent.reaches(self.daily):
            part = _of(self.daily, spent)
            raise BudgetReached(
                PAUSED_BY_DAY,
                f"This instance's budget for the day, {part.limit}, is reached: {part.used} today. {KEPT} "
                f"It goes on by itself after midnight, {next_day(today):%Y-%m-%d %H:%M} UTC.",
            )

    def _can_be_counted(self, book: Ledger, models: frozenset[str]) -> None:
        """Refuse to go on under a budget that cannot be kept, because nobody knows what is spent."""
        limits = (book.budget, book.shared, self.daily)
        if book.uncounted and any(limit.tokens is not None for limit in limits):
            raise BudgetReached(PAUSED_BY_BUDGET, _uncounted(book.uncounted))
        own = book.budget.cost is not None and book.run.unpriced
        together = book.shared.cost is not None and book.experiment.unpriced
        unpriced = own or together or (self.daily.cost is not None and book.unpriced_today)
        if unpriced:
            raise BudgetReached(
                PAUSED_BY_BUDGET,
                f"A budget in dollars cannot be kept: the price of {unpriced:,} calls is unknown. {KEPT} "
                "Give a budget in tokens instead, then resume.",
            )
        if any(limit.cost is not None for limit in limits) and (names := unpriced_models(models, self.price_of)):
            raise BudgetReached(PAUSED_BY_BUDGET, f"{no_price(names)} {KEPT}")


@dataclass(frozen=True)
class _Part:
    limit: str
    used: str


def _of(budget: Budget, spent: Spent) -> _Part:
    """Return the limit of *budget* that is reached, and what was used of it, in words."""
    if budget.tokens is not None and spent.tokens >= budget.tokens:
        return _Part(in_words(Budget(tokens=budget.tokens)), f"{spent.tokens:,} used")
    return _Part(in_words(Budget(cost=budget.cost)), f"{dollars(spent.cost)} used")


def _uncounted(calls: int) -> str:
    return (
        f"A budget in tokens cannot be kept: for {calls:,} calls the endpoint did not say how many tokens they took. "
        f"{KEPT} Take the budget off, then resume."
    )


def models_of(config: EpisodeConfig) -> frozenset[str]:
    """Return the names of all models that an episode asks, for texts and for embeddings."""
    minds = [agent.mind for agent in config.agents if isinstance(agent.mind, GenerativeMind)]
    names = {mind.model for mind in minds} | {mind.embedding for mind in minds if mind.embedding}
    if isinstance(config.framework, GenerativeFramework):
        names.add(config.framework.model)
    return frozenset(names)


def unpriced_models(models: frozenset[str], price_of: PriceOf) -> list[str]:
    """Return which of *models* have no known price, by name."""
    return sorted(name for name in models if price_of(name) is None)


def no_price(names: list[str]) -> str:
    """Say that a budget in dollars cannot be kept for want of prices, and what to do."""
    return (
        f"A budget in dollars cannot be kept: the price of {', '.join(names)} is unknown. Give a budget in tokens, or "
        "the model's price in models.toml (0 for a model that costs nothing)."
    )


def next_day(moment: datetime) -> datetime:
    """Return the first moment of the next day, in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
