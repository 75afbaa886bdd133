"""An estimate in words: for the launch form and the command line."""

from collections.abc import Callable
from math import ceil, floor, log10

from app.jobs.estimate import Estimate, Range, Use
from app.store.budgets import dollars, in_words
from app.store.records import Budget
from app.store.spending import Spent

Line = tuple[str, str]


def sentence(estimate: Estimate) -> str:
    """Say how many runs and calls there will be."""
    runs = f"{estimate.runs:,} run{'' if estimate.runs == 1 else 's'}"
    if estimate.total.calls == 0:
        return f"{runs}, no model calls: nothing to pay."
    most = "at most " if estimate.mixed else ""
    each = f", {most}{estimate.each.calls:,} each" if estimate.runs > 1 else ""
    return f"{runs}, about {estimate.total.calls:,} model calls{each} if every month is played."


def lines(estimate: Estimate, budget: Budget, shared: Budget, daily: Budget, today: Spent) -> list[Line]:
    """Return what the runs will use and which part of each budget that is, as labels and texts.

    Args:
        estimate: what the runs will use.
        budget: of each run.
        shared: of all of them.
        daily: of the instance, for a day.
        today: what the instance spent today.
    """
    if estimate.total.calls == 0:
        return []
    each, total = estimate.each, estimate.total
    several = estimate.runs > 1

    def both(one: str, all_of_them: str) -> str:
        most = "up to " if estimate.mixed else ""
        return f"{most}{one} a run, {all_of_them} in all" if several else one

    cost = both(money(each.cost), money(total.cost))
    found = [
        ("Tokens in", both(tokens(each.tokens_in), tokens(total.tokens_in))),
        ("Tokens out", both(tokens(each.tokens_out), tokens(total.tokens_out))),
        ("Cost", cost if total.cost else f"unknown: no price for {', '.join(estimate.unpriced)}"),
        ("Time", f"{duration(total.seconds)} if the endpoint is free"),
    ]
    found += _part("Of a run's budget", each, budget, in_words(budget), pausing="A run")
    found += _part("Of the experiment's budget", total, shared, in_words(shared), pausing="The experiment")
    if today.reaches(daily):
        found.append(("Of today's budget", "Nothing is left today: the runs wait until the next day, in UTC."))
    else:
        left = _left(daily, today)
        found += _part("Of today's budget", total, left, f"the {in_words(left)} left today", pausing="The launch")
    return found


def duration(seconds: Range) -> str:
    """Write a range of times: "20–90 s", "3–17 min", "1.5–4 h"."""
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds.high >= 2 * size or size == 1:
            low, high = seconds.low / size, seconds.high / size
            return _from_to(f"{low:.1f}".removesuffix(".0") if low < 2 else f"{low:.0f}", f"{high:.0f}", f" {unit}")
    raise AssertionError("a second is the smallest unit")


def tokens(amount: Range) -> str:
    """Write a range of tokens to two digits."""
    return _from_to(f"{_rounded(amount.low, floor):,}", f"{_rounded(amount.high, ceil):,}")


def money(amount: Range | None) -> str:
    """Write a range of US dollars; what is known to cost nothing has no cost."""
    if amount is not None and amount.high == 0:
        return "no cost"
    return "unknown" if amount is None else _from_to(dollars(amount.low), dollars(amount.high))


def _part(label: str, use: Use, budget: Budget, text: str, *, pausing: str) -> list[Line]:
    """Say which part of *budget* will be used: of tokens or dollars, whichever ends first."""
    parts = [] if budget.tokens is None else [(use.tokens.low / budget.tokens, use.tokens.high / budget.tokens)]
    if budget.cost is not None and use.cost is not None:
        parts.append((use.cost.low / budget.cost, use.cost.high / budget.cost))
    if not parts:
        return []
    low, high = max(parts, key=lambda part: part[1])
    share = f"{_from_to(_percent(low), _percent(high), ' %')} of {text}."
    if low >= 1:
        return [(label, f"{share} {pausing} will pause before it is over.")]
    return [(label, f"{share} {pausing} may pause before it is over." if high >= 1 else share)]


def _left(daily: Budget, today: Spent) -> Budget:
    tokens = None if daily.tokens is None else daily.tokens - today.tokens
    return Budget.model_construct(tokens=tokens, cost=None if daily.cost is None else daily.cost - today.cost)


def _percent(part: float) -> str:
    return f"{100 * part:,.0f}" if part >= 0.01 or part == 0 else "<1"


def _from_to(low: str, high: str, unit: str = "") -> str:
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"


def _rounded(value: float, towards: Callable[[float], int]) -> int:
    """Return *value* to two digits, rounded by `floor` or `ceil`."""
    if value < 100:
        return round(value)
    step: int = 10 ** (int(log10(value)) - 1)
    return int(towards(value / step)) * step
