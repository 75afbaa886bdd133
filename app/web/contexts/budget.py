"""A budget on a page: what is used of each limit, and the form that changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from app.store.budgets import dollars
from app.store.records import Budget
from app.store.spending import Spent
from app.web.budget_form import amounts

NO_ERRORS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Meter:
    """How much of one limit is used; `of` names it: tokens or cost."""

    of: str
    used: float
    limit: float
    used_text: str
    limit_text: str

    @property
    def full(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.limit


@dataclass(frozen=True)
class BudgetBox:
    """partials/budget.html.

    Attributes:
        whose: what the budget is of: "run" or "experiment".
        action: where the form is posted to; None where nothing can be changed any more.
        budget: the limits.
        meters: one a limit.
        values: the form's fields as they were typed.
        errors: a sentence for each wrong field.
        unpriced: calls of unknown price.
    """

    whose: str
    action: str | None
    budget: Budget
    meters: Sequence[Meter]
    values: Mapping[str, str]
    errors: Mapping[str, str]
    unpriced: int

    @property
    def full(self) -> bool:
        """Whether any limit is reached."""
        return any(meter.full for meter in self.meters)


def budget_box(
    whose: str,
    budget: Budget,
    spent: Spent,
    *,
    action: str | None,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] = NO_ERRORS,
) -> BudgetBox:
    """Return the box of a budget of which *spent* is used. Arguments: see `BudgetBox`."""
    return BudgetBox(
        whose=whose,
        action=action,
        budget=budget,
        meters=meters(budget, spent),
        values=amounts(budget) if values is None else values,
        errors=errors,
        unpriced=spent.unpriced,
    )


def meters(budget: Budget, spent: Spent) -> list[Meter]:
    """Return a meter for each limit of *budget*."""
    found = []
    if budget.tokens is not None:
        found.append(Meter("tokens", spent.tokens, budget.tokens, f"{spent.tokens:,}", f"{budget.tokens:,} tokens"))
    if budget.cost is not None:
        found.append(Meter("cost", spent.cost, budget.cost, dollars(spent.cost), dollars(budget.cost)))
    return found
