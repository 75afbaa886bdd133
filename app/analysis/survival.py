"""Survival: Kaplan and Meier's curve, the restricted mean, and the log-rank statistic. Months count from 1.

A run is a pair (month, collapsed): it collapsed in that month, or was last seen in it without a collapse (censored: it
stopped early, or its episode was over). Only runs go in; means and intervals never do.
"""

from collections.abc import Sequence
from math import exp, log, sqrt

from pydantic import Field

from app.analysis.intervals import FEWEST, Z95, Estimate, few, t_quantile, weights
from app.commons.frozen import Frozen

Time = tuple[int, bool]


class Step(Frozen):
    """A month of a survival curve; `survival` is what is left after it, `at_risk` how many runs were still watched."""

    month: int
    at_risk: int
    collapses: int
    censored: int
    survival: float
    low: float | None
    high: float | None


class Curve(Frozen):
    """A survival curve over months 1 to `horizon`; `known_until` is the last month that any run was watched in."""

    n: int
    horizon: int
    known_until: int
    steps: tuple[Step, ...]

    def at(self, month: int) -> float:
        """Return the share that survives beyond *month*."""
        return 1.0 if month < 1 or not self.steps else self.steps[min(month, len(self.steps)) - 1].survival


def kaplan_meier(times: Sequence[Time], horizon: int) -> Curve:
    """Return Kaplan and Meier's (1958) product-limit curve of *times* up to month *horizon*.

    S(t) = product over months m <= t of (1 - d_m / r_m), with d collapses among r runs at risk; runs censored in a
    month were at risk in it. Intervals are Greenwood's on the scale log(-log S) (Kalbfleisch and Prentice 1980);
    there are none while nothing has collapsed, after everything has, and below three runs. Beyond `known_until` the
    curve is not known and holds its last value.
    """
    steps: list[Step] = []
    survival, greenwood = 1.0, 0.0
    for month in range(1, horizon + 1):
        at_risk = sum(time >= month for time, _ in times)
        collapses = sum(time == month and collapsed for time, collapsed in times)
        censored = sum(time == month and not collapsed for time, collapsed in times)
        if collapses:
            survival *= 1 - collapses / at_risk
            if at_risk > collapses:
                greenwood += collapses / (at_risk * (at_risk - collapses))
        low, high = _log_log(survival, greenwood) if len(times) >= FEWEST else (None, None)
        steps.append(
            Step(
                month=month,
                at_risk=at_risk,
                collapses=collapses,
                censored=censored,
                survival=0.0 if at_risk == collapses > 0 else survival,
                low=low,
                high=high,
            )
        )
    last = max((min(time, horizon) for time, _ in times), default=0)
    return Curve(n=len(times), horizon=horizon, known_until=last, steps=tuple(steps))


def _log_log(survival: float, greenwood: float) -> tuple[float | None, float | None]:
    if not 1e-12 < survival < 1:
        return None, None
    half = Z95 * sqrt(greenwood) / abs(log(survival))
    centre = log(-log(survival))
    return exp(-exp(centre + half)), exp(-exp(centre - half))


class RestrictedMean(Frozen):
    """The mean number of months survived of the first `horizon`, and the variance of that mean, None where unknown."""

    estimate: Estimate
    variance: float | None
    freedom: int
    horizon: int = Field(description="the month up to which it is known: T, or the last month that was watched")


def restricted_mean(times: Sequence[Time], horizon: int) -> RestrictedMean:
    """Return the restricted mean survival time up to month *horizon* (Irwin 1949), in months.

    It is the area under Kaplan and Meier's curve. With A_m the area from month m on, its variance is
    sum of A_m^2 d_m / (r_m (r_m - d_m)) (Meier), times k / (k - 1), k being the runs that were watched to their
    collapse or to the horizon; the interval is Student's with k - 1 degrees of freedom, clipped to 1..horizon. Without
    early stops that is exactly Student's interval of the mean of the runs' survival times.

    Where the last run was watched only up to an earlier month, the mean is restricted to that month.
    """
    curve = kaplan_meier(times, horizon)
    n = len(times)
    if n == 0:
        return RestrictedMean(estimate=Estimate(value=None, n=0, note="no run"), variance=None, freedom=0, horizon=0)
    until = horizon if curve.steps and curve.steps[-1].survival == 0 else min(horizon, curve.known_until)
    value = sum(curve.at(month) for month in range(until))
    watched = sum(collapsed or time >= until for time, collapsed in times)
    total = 0.0
    for step in curve.steps[:until]:
        if step.collapses and step.at_risk > step.collapses:
            area = sum(curve.at(month) for month in range(step.month, until))
            total += area**2 * step.collapses / (step.at_risk * (step.at_risk - step.collapses))
    note = None if until == horizon else f"of the first {until} months: nothing was watched longer"
    if n < FEWEST or watched < 2:
        note = few(n) if n < FEWEST else "too few runs watched to their end, no interval"
        return RestrictedMean(estimate=Estimate(value=value, n=n, note=note), variance=None, freedom=0, horizon=until)
    if total <= 0:
        return RestrictedMean(
            estimate=Estimate(value=value, n=n, note=note or f"no variation, n = {n}"),
            variance=0.0,
            freedom=watched - 1,
            horizon=until,
        )
    spread = total * watched / (watched - 1)
    half = t_quantile(watched - 1) * sqrt(spread)
    return RestrictedMean(
        estimate=Estimate(
            value=value, low=max(1.0, value - half), high=min(float(until), value + half), n=n, note=note
        ),
        variance=spread,
        freedom=watched - 1,
        horizon=until,
    )


def months_difference(strata: Sequence[tuple[RestrictedMean, RestrictedMean]]) -> Estimate:
    """Return the difference of restricted means, group minus reference, with Welch's interval, strata weighted by size.

    Both sides of all strata must be restricted to the same month; where they are not, nothing can be compared.
    """
    used = [(group, reference) for group, reference in strata if group.estimate.n and reference.estimate.n]
    if not used:
        return Estimate(value=None, n=0, note="no runs to compare")
    sides = [side for pair in used for side in pair]
    n = sum(side.estimate.n for side in sides)
    if len({side.horizon for side in sides}) > 1:
        return Estimate(value=None, n=n, note="watched for different numbers of months")
    parts = weights([(group.estimate.n, reference.estimate.n) for group, reference in used])
    value = sum(
        weight * ((group.estimate.value or 0.0) - (reference.estimate.value or 0.0))
        for (group, reference), weight in zip(used, parts, strict=True)
    )
    if any(side.variance is None for side in sides):
        return Estimate(value=value, n=n, note="too few runs, no interval")
    scaled = [
        (weight**2 * (side.variance or 0.0), side.freedom)
        for pair, weight in zip(used, parts, strict=True)
        for side in pair
    ]
    spread = sum(part for part, _ in scaled)
    if spread == 0:
        return Estimate(value=value, n=n, note="no variation on either side")
    half = t_quantile(spread**2 / sum(part**2 / freedom for part, freedom in scaled)) * sqrt(spread)
    most = float(sides[0].horizon - 1)
    return Estimate(value=value, low=max(-most, value - half), high=min(most, value + half), n=n)
