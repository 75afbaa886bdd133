"""A comparison: groups, differences, what differs in their settings, and what has to be said before reading on."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pydantic import Field

from app.analysis.ask import ComparisonAsk
from app.analysis.contrasts import Contrast, Planned, contrasts
from app.analysis.groups import ComparedRun, Group, distinct, group_of, grouped
from app.analysis.published import METRICS as PUBLISHED_METRICS
from app.analysis.published import Row, Table, published
from app.commons.frozen import Frozen

SEEDS = frozenset({"seed"})


class Setting(Frozen):
    """A setting in which the groups differ: its values in each group, by the group's label."""

    name: str
    values: Mapping[str, tuple[str, ...]]


class PublishedRow(Frozen):
    """A published figure's row beside a group: same scenario and condition, a model of the same name, other prompts."""

    group: str
    source: str
    table: str
    page: int | None
    url: str
    label: str
    spread: str
    row: Row


class Comparison(Frozen):
    """All numbers of a comparison. `total_settings` are those looked at, `settings` those that differ."""

    groups: tuple[Group, ...]
    reference: str | None
    contrasts: tuple[Contrast, ...]
    settings: tuple[Setting, ...]
    total_settings: int
    published: tuple[PublishedRow, ...]
    notes: tuple[str, ...] = Field(description="what has to be known before a number is read")
    sentences: tuple[str, ...] = Field(description="what the differences show, and no more")
    added: tuple[str, ...] = Field(default=(), description="runs that were added after a plan was frozen")
    without_added: tuple[Contrast, ...] = Field(default=(), description="the planned contrasts without these runs")


def compare(
    runs: Sequence[ComparedRun], ask: ComparisonAsk, planned: Sequence[Planned] = (), family: int = 0
) -> Comparison:
    """Return the comparison that *ask* describes, of *runs*.

    Args:
        runs: all of them; what they are grouped by is in their values.
        ask: grouping, reference, and how to count.
        planned: contrasts of a frozen plan, told apart from exploratory ones.
        family: how many contrasts the plan has, those that this comparison does not show included.
    """
    parts = grouped(runs, ask)
    groups = tuple(group_of(label, members, ask) for label, members in parts.items())
    # Without a choice the largest group, which is known best.
    largest = max(parts, key=lambda label: len(parts[label]), default=None)
    reference = ask.reference if ask.reference in parts else largest
    found: list[Contrast] = []
    if reference is not None and len(parts) > 1:
        counted = {label: distinct(members)[0] for label, members in parts.items()}
        found = contrasts(counted, reference, ask.answers, planned, family)
    settings = differing(parts)
    return Comparison(
        groups=groups,
        reference=reference,
        contrasts=tuple(found),
        settings=settings,
        total_settings=len({name for run in runs for name in run.settings}),
        published=published_beside(parts),
        notes=(*_notes(groups), *_cells(parts)),
        sentences=tuple(sentence for contrast in found if (sentence := told(contrast, _unit(runs)))),
    )


def differing(parts: Mapping[str, Sequence[ComparedRun]]) -> tuple[Setting, ...]:
    """Return the settings that are not the same in all runs, seeds apart."""
    names = dict.fromkeys(name for members in parts.values() for run in members for name in run.settings)
    found = []
    for name in names:
        values = {
            label: tuple(sorted({run.settings.get(name, "–") for run in members})) for label, members in parts.items()
        }
        if name not in SEEDS and len({value for each in values.values() for value in each}) > 1:
            found.append(Setting(name=name, values=values))
    return tuple(found)


def published_beside(parts: Mapping[str, Sequence[ComparedRun]]) -> tuple[PublishedRow, ...]:
    """Return the published rows for groups of one scenario, condition and model whose name one of them has."""
    found = []
    for label, members in parts.items():
        alike = {(run.scenario, run.extra.get("condition", ""), _plain(run.values["model"])) for run in members}
        if len(alike) != 1:
            continue
        scenario, condition, model = alike.pop()
        for table in published().tables:
            if (table.scenario, table.condition) == (scenario, condition):
                found += [_beside(label, table, row) for row in table.rows if _plain(row.model) == model]
    return tuple(found)


def _beside(label: str, table: Table, row: Row) -> PublishedRow:
    source = published().sources[table.source]
    return PublishedRow(
        group=label,
        source=source.title,
        table=table.table,
        page=table.page,
        url=source.url,
        label=table.label,
        spread=table.spread,
        row=row.model_copy(update={"figures": {k: v for k, v in row.figures.items() if k in PUBLISHED_METRICS}}),
    )


def _plain(model: str) -> str:
    """Return a model's name without vendor, version date and the words that papers leave out."""
    name = model.rsplit("/", 1)[-1].lower().removesuffix("-hf").removeprefix("meta-")
    for ending in ("-instruct-v0.2", "-instruct-v0.1", "-instruct", "-chat"):
        name = name.removesuffix(ending)
    parts = name.split("-")
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    return "-".join(parts)


def _notes(groups: Sequence[Group]) -> list[str]:
    found = []
    if early := _of([(len(group.early), group.label) for group in groups]):
        found.append(
            f"Stopped early or still going on: {early}. They are out of the survival rate and the means, and censored "
            "in the curve; bounds are given."
        )
    if unreadable := _of([(len(group.unreadable), group.label) for group in groups]):
        found.append(
            f"With unreadable harvests, which were played as 0: {unreadable}. The table of unreadable answers shows "
            "the results with them, without them, and in the worst case."
        )
    for group in groups:
        name = f"“{group.label}”"
        if group.twins:
            found.append(
                f"{name}: {_runs(len(group.twins))} with the same completions as another, word for word: one run "
                f"counted twice. Each is counted once; effective n = {group.n} of {group.n + len(group.twins)}."
            )
        if len(group.months) > 1:
            lengths = ", ".join(map(str, group.months))
            found.append(f"{name} mixes episodes of {lengths} months; survival time is restricted to the shortest.")
    if len({group.months for group in groups}) > 1:
        found.append(
            "Episodes have different lengths: surviving means more in the longer ones, and survival times are "
            "restricted to different months."
        )
    return found


def _cells(parts: Mapping[str, Sequence[ComparedRun]]) -> list[str]:
    """Say where runs differ in what nobody groups by: revision, prompts, engine, period, collapse threshold."""
    found = []
    everyone = [run for members in parts.values() for run in members]
    thresholds = sorted({run.summary.threshold for run in everyone})
    if len(thresholds) > 1:
        found.append(f"Collapse thresholds differ ({', '.join(map(str, thresholds))} units): so does what collapse is.")
    for name, title in (("prompts", "prompts"), ("engine", "engine versions")):
        values = sorted({run.values[name] for run in everyone})
        if len(values) > 1:
            found.append(f"The runs were made with different {title}: {', '.join(values[:6])}.")
    for label, members in parts.items():
        revisions = sorted({revision for run in members for revision in run.revisions})
        if len(revisions) > 1:
            found.append(f"“{label}” mixes model revisions: {', '.join(revisions[:6])}.")
    found += _revisions(parts)
    days = {label: [run.day for run in members if run.day] for label, members in parts.items()}
    spans = [(min(own), max(own), label) for label, own in days.items() if own]
    spans.sort()
    for one, other in pairwise(spans):
        if one[1] < other[0]:
            found.append(
                f"Different periods: “{one[2]}” was played until {one[1]}, “{other[2]}” from {other[0]}. A model "
                "behind an endpoint may have changed in between."
            )
            break
    return found


def _revisions(parts: Mapping[str, Sequence[ComparedRun]]) -> list[str]:
    """Say where groups of the same model were answered by different revisions of it."""
    by_model: dict[str, dict[str, set[str]]] = {}
    for label, members in parts.items():
        for run in members:
            by_model.setdefault(run.values["model"], {}).setdefault(label, set()).update(run.revisions)
    found = []
    for model, own in by_model.items():
        known = {label: revisions for label, revisions in own.items() if revisions}
        if len({frozenset(revisions) for revisions in known.values()}) > 1:
            told = "; ".join(f"“{label}” {', '.join(sorted(revisions)[:3])}" for label, revisions in known.items())
            found.append(f"Groups of {model} were answered by different revisions of it: {told}.")
    return found


NAMES = {
    "survival_rate": "Survival rate",
    "survival_time": "Survival time",
    "gain": "Gain per agent",
    "efficiency": "Efficiency",
    "equality": "Equality",
    "over_usage": "Over-usage",
    "over_usage_asked": "Over-usage (asked)",
}


def told(contrast: Contrast, unit: str) -> str | None:
    """Say what a difference shows: a direction only where its interval excludes none; None without an interval."""
    difference = contrast.difference
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return None
    scale, word = {"survival_time": (1.0, "months"), "gain": (1.0, unit)}.get(contrast.metric, (100.0, "points"))
    interval = f"95 % interval {low * scale:+.1f} to {high * scale:+.1f} {word}"
    what = f"{NAMES[contrast.metric]} of “{contrast.group}”"
    if low > 0 or high < 0:
        way = "higher" if value > 0 else "lower"
        return f"{what} is {abs(value) * scale:.1f} {word} {way} than of “{contrast.reference}” ({interval})."
    return f"{what}: no difference from “{contrast.reference}” is shown ({interval}, which includes 0)."


def _unit(runs: Sequence[ComparedRun]) -> str:
    units = {run.unit for run in runs}
    return units.pop() if len(units) == 1 else "units"


def _of(counts: Sequence[tuple[int, str]]) -> str:
    """Say how many runs of which groups, those of none left out."""
    return ", ".join(f"{_runs(number)} of “{label}”" for number, label in counts if number)


def _runs(number: int) -> str:
    return f"{number} run" + ("" if number == 1 else "s")
