"""Who gets what when the agents together want more than there is."""

from collections.abc import Mapping
from random import Random

from app.commons.config import AllocationRule


def allocate(wanted: Mapping[str, int], stock: int, rule: AllocationRule, rng: Random) -> dict[str, int]:
    """Share *stock* out among the agents.

    If everything wanted fits, everybody gets it. Otherwise the stock is used up: *stochastic* hands units out one at a
    time, each to a uniformly random agent that still wants some; *proportional* gives floor(stock * wanted / total)
    and draws for the remaining units with weights equal to what each still lacks.

    Args:
        wanted: units wanted per agent, each already within 0..stock; the order of the agents is part of the draw.
        stock: units in the commons before the harvest.
        rule: which of the two rules applies to over-subscription.
        rng: the generator of this month's allocation.

    Returns:
        Units collected per agent; never more than wanted, and in sum min(total wanted, stock).

    Raises:
        ValueError: if somebody wants less than nothing.
    """
    if any(amount < 0 for amount in wanted.values()):
        raise ValueError("nobody can want less than nothing")
    total = sum(wanted.values())
    if total <= stock:
        return dict(wanted)
    if rule == "proportional":
        collected = {name: stock * amount // total for name, amount in wanted.items()}
        return _draw_rest(wanted, collected, stock, rng, weighted=True)
    return _draw_rest(wanted, dict.fromkeys(wanted, 0), stock, rng, weighted=False)


def _draw_rest(
    wanted: Mapping[str, int], collected: dict[str, int], stock: int, rng: Random, *, weighted: bool
) -> dict[str, int]:
    lacking = {name: wanted[name] - collected[name] for name in wanted}
    for _ in range(stock - sum(collected.values())):
        open_names = [name for name, amount in lacking.items() if amount > 0]
        if weighted:
            winner = rng.choices(open_names, weights=[lacking[name] for name in open_names])[0]
        else:
            winner = rng.choice(open_names)
        collected[winner] += 1
        lacking[winner] -= 1
    return collected
