"""Which contrasts of a comparison a frozen plan named, and what has to be said where the comparison is not as planned.

A plan names groups by cells of its experiment. A group of a comparison is a planned one if it holds exactly the runs
that were there when the plan was frozen, and of others only those that were added to the same cells later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.analysis.ask import Answers
from app.analysis.contrasts import Planned
from app.analysis.groups import ComparedRun
from app.commons.plan import ExperimentPlan, PlannedGroup

COUNTED = {"with": "0, as played", "without": "left out with their runs", "worst": "asking for everything"}


@dataclass(frozen=True)
class PlannedCell:
    """What a run of the experiment is by its definition, and its seed."""

    model: str
    condition: str
    scenario: str
    seed: int | None


@dataclass(frozen=True)
class PlanInForce:
    """The latest plan of an experiment: `timing` says when it was frozen, `frozen` are the runs there were then.

    `cells` holds all its runs. A plan that was frozen after all runs had ended makes nothing a planned contrast.
    """

    plan: ExperimentPlan
    version: int
    hash: str
    day: str
    timing: str
    after_all: bool
    frozen: frozenset[str]
    cells: Mapping[str, PlannedCell]

    def members(self, group: PlannedGroup) -> set[str]:
        """Return the runs of a planned group, those that were added included."""
        return {run for run, cell in self.cells.items() if group.has(cell.model, cell.condition, cell.scenario)}


@dataclass(frozen=True)
class Fitted:
    """The planned contrasts of a comparison, what has to be said about plans, and the runs that were added later.

    `family` counts the contrasts of these plans, those that the comparison does not show included.
    """

    planned: tuple[Planned, ...]
    family: int
    notes: tuple[str, ...]
    added: tuple[str, ...]


def fit_plans(plans: Sequence[PlanInForce], parts: Mapping[str, Sequence[ComparedRun]], answers: Answers) -> Fitted:
    """Return what *plans* mean for a comparison.

    Args:
        plans: of the experiments whose runs are compared.
        parts: the runs that can be compared, by the label of their group.
        answers: what unreadable harvests count as here.
    """
    groups = {label: {run.run for run in runs} for label, runs in parts.items()}
    here = set().union(*groups.values())
    planned: list[Planned] = []
    notes: list[str] = []
    added: list[str] = []
    family = 0
    for one in plans:
        changed = "" if one.version == 1 else f", version {one.version}"
        notes.append(f"A plan ({one.hash[:8]}{changed}) was frozen on {one.day}, {one.timing}.")
        late = sorted(here & one.cells.keys() - one.frozen)
        added += late
        if late:
            notes.append(_added(late, one))
        notes += _sizes(one, parts)
        if one.after_all:
            notes.append("All results were known when the plan was frozen: its contrasts are exploratory.")
        elif one.plan.unreadable != answers:
            notes.append(
                f"The plan counts unreadable answers as {COUNTED[one.plan.unreadable]}; here they count otherwise, so "
                "that nothing is a planned contrast."
            )
        else:
            found, missing = _fit(one, groups)
            planned += found
            family += len(one.plan.contrasts)
            notes += missing
    return Fitted(tuple(dict.fromkeys(planned)), family, tuple(notes), tuple(added))


def _fit(one: PlanInForce, groups: Mapping[str, set[str]]) -> tuple[list[Planned], list[str]]:
    found: list[Planned] = []
    missing: list[str] = []
    for contrast in one.plan.contrasts:
        labels = [_label(one, group, groups) for group in (contrast.group, contrast.reference)]
        if labels[0] is not None and labels[1] is not None:
            found.append(Planned(metric=contrast.metric, group=labels[0], reference=labels[1]))
        else:
            metric = contrast.metric.replace("_", " ")
            missing.append(f"{metric} of {contrast.group.words} against {contrast.reference.words}")
    if not missing:
        return found, []
    count = f" Holm's procedure counts all {len(one.plan.contrasts)} planned contrasts." if found else ""
    told = f"Planned, but not among the differences here: {'; '.join(missing)}. No group holds exactly these runs"
    return found, [f"{told} (another grouping, a filter, or runs without a month).{count}"]


def _label(one: PlanInForce, group: PlannedGroup, groups: Mapping[str, set[str]]) -> str | None:
    """Return the group of the comparison that is the planned one: all its runs of then, no run from elsewhere."""
    members = one.members(group)
    wanted = members & one.frozen
    for label, runs in groups.items():
        if wanted and wanted <= runs <= members:
            return label
    return None


def _added(late: Sequence[str], one: PlanInForce) -> str:
    seeds = sorted({seed for run in late if (seed := one.cells[run].seed) is not None})
    told = f" (seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds[:12]))})" if seeds else ""
    return (
        f"{len(late)} run{' was' if len(late) == 1 else 's were'} added after the plan was frozen{told}: planned "
        "contrasts are given with and without them."
    )


def _sizes(one: PlanInForce, parts: Mapping[str, Sequence[ComparedRun]]) -> list[str]:
    """Say which cells have fewer complete runs of those that were planned than the plan says."""
    complete = {run.run for runs in parts.values() for run in runs if run.summary.outcome.complete}
    cells: dict[tuple[str, str, str], int] = {}
    for run, cell in one.cells.items():
        key = cell.model, cell.condition, cell.scenario
        cells[key] = cells.get(key, 0) + (run in complete)
    wanted = one.plan.runs_per_cell
    other = [f"{', '.join(key)}: {number}" for key, number in cells.items() if number != wanted]
    if not other:
        return []
    more = f" and {len(other) - 6} more" if len(other) > 6 else ""
    return [f"The plan has {wanted} complete runs a cell; compared are {'; '.join(other[:6])}{more}."]
