"""Runs of a comparison as pilots: the chance to find such differences with so many runs a group."""

from collections.abc import Mapping, Sequence

from app.analysis.ask import Answers
from app.analysis.groups import ComparedRun, chosen, times, values_of
from app.analysis.power import ALPHA, Power, power_from_rates
from app.analysis.power_pilots import power_of_means, power_of_months
from app.commons.frozen import Frozen


class PilotPower(Frozen):
    """The power for one difference from the reference, in one metric."""

    metric: str
    group: str
    reference: str
    power: Power


def power_of_pilots(
    groups: Mapping[str, Sequence[ComparedRun]], reference: str, answers: Answers, n: int, alpha: float = ALPHA
) -> list[PilotPower]:
    """Return the power of each group against *reference* with *n* runs each, if these runs are what to expect.

    Args:
        groups: the runs that count, by group label; scenarios are not told apart.
        reference: a label among them.
        answers: what unreadable answers count as.
        n: runs a group that are thought of.
        alpha: the level.

    Raises:
        ValueError: if *n* or *alpha* are none.
    """
    kept = {label: chosen(runs, answers) for label, runs in groups.items()}
    other = kept[reference]
    found = []
    for label, runs in kept.items():
        if label == reference:
            continue
        mine, theirs = ([run.outcome(answers).survived for run in side] for side in (runs, other))
        rates = [(sum(one is True for one in side), sum(one is not None for one in side)) for side in (mine, theirs)]
        made = {
            "survival_rate": power_from_rates(*rates[0], *rates[1], n, n, alpha),
            "survival_time": power_of_months(times(runs, answers), times(other, answers), n, n, alpha),
            "gain": power_of_means(values_of(runs, "gain", answers), values_of(other, "gain", answers), n, n, alpha),
        }
        found += [PilotPower(metric=metric, group=label, reference=reference, power=p) for metric, p in made.items()]
    return found
