"""Changing a budget: one set of rules for pages, the API and the command line."""

from collections.abc import Sequence

from app.store.budgets import Change, change_budget, change_experiment_budget
from app.store.connect import Database
from app.store.purse import PriceOf, models_of, no_price, unpriced_models
from app.store.records import Budget, RunRecord, RunState


class BudgetError(ValueError):
    """A budget that cannot be kept; `fields` says for each limit why."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


async def set_budget(
    database: Database, run: RunRecord, change: Change, *, price_of: PriceOf
) -> tuple[Budget, RunState]:
    """Give *run* another budget and, if a budget had paused it and none does any more, queue it again.

    Returns:
        The new budget, and the state that the run is in then.

    Raises:
        BudgetError: if it cannot be kept; nothing is changed.
        app.store.controls.StateConflict: if the run is over.
    """
    return await change_budget(database, run.id, _kept(change, [run], price_of))


async def set_experiment_budget(
    database: Database, experiment_id: str, runs: Sequence[RunRecord], change: Change, *, price_of: PriceOf
) -> tuple[Budget, list[str]]:
    """Give an experiment, whose runs are *runs*, another budget; queue again what it had paused and does no more.

    Returns:
        The new budget, and the ids of the runs that were queued again.

    Raises:
        BudgetError: if it cannot be kept; nothing is changed.
        app.store.budgets.UnknownExperiment: if there is no such experiment.
    """
    return await change_experiment_budget(database, experiment_id, _kept(change, runs, price_of))


def _kept(change: Change, runs: Sequence[RunRecord], price_of: PriceOf) -> Change:
    """Return *change*, which refuses what could not be kept."""

    def kept(before: Budget) -> Budget:
        budget = change(before)
        if budget.cost is not None:
            if unpriced := sum(run.unpriced_calls for run in runs):
                raise BudgetError({"cost": f"The price of {unpriced:,} calls is unknown. Give a budget in tokens."})
            models = frozenset[str]().union(*(models_of(run.episode) for run in runs))
            if unknown := unpriced_models(models, price_of):
                raise BudgetError({"cost": no_price(unknown)})
        return budget

    return kept
