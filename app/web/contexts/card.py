"""What a link says of itself before it is opened: cards of a run, an experiment and a comparison.

A card is made from what the link shows and nothing else; its texts are bounded, whatever names people gave.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.commons.scenario import scenarios
from app.interop.card import Card, Curve, Kind
from app.interop.compared import LaidOut
from app.store.records import RunRecord
from app.web.contexts.rows import badge, minds, run_row
from app.web.contexts.words import is_snapshot
from app.web.format import count

MOST_TITLE, MOST_TEXT, MOST_NAME = 110, 200, 60
Stocks = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Preview:
    """A card with the addresses that it needs, which have to be whole ones: who reads them is elsewhere."""

    card: Card
    url: str
    picture: str


def run_card(run: RunRecord, stocks: Stocks) -> Card:
    """Return the card of a run; *stocks* are those before and after each harvest that the link shows."""
    row = run_row(run)
    who = _short(", ".join(part.rsplit("/", 1)[-1] for part in minds(run).split(", ")), MOST_NAME)
    title = f"{_outcome(run)}: {who}, {row.scenario.lower()}"
    unit = scenarios()[run.scenario].words.unit_short if run.scenario in scenarios() else "units"
    facts = [("Months", f"{run.months_played} of {run.months}")]
    if run.mean_gain is not None:
        facts.append(("Gain per agent", f"{run.mean_gain:.1f} {unit}"))
    if run.view_only is None:
        named = (("Efficiency", run.efficiency), ("Equality", run.equality), ("Over-usage", run.over_usage))
        facts += [(name, f"{value * 100:.0f} %") for name, value in named if value is not None]
    agents = count(len(run.episode.agents), "agent")
    told = "; ".join(f"{name.lower()} {value}" for name, value in facts[1:])
    text = f"GovSim, {row.scenario.lower()}, {row.condition.lower()}: {agents}, {facts[0][1]} months. {told}"
    curve = _curve(run, stocks)
    drawn = f" from {stocks[0][0]} to {stocks[-1][1]} of {run.episode.game.capacity} {unit}" if stocks else ""
    return Card(
        title=_short(title, MOST_TITLE),
        text=_short(text.rstrip(". ") + ".", MOST_TEXT),
        alt=_short(f"The stock of the run month by month{drawn or ': no harvest yet'}.", MOST_TEXT),
        facts=tuple(facts),
        curves=(curve,),
        kind=curve.kind,
    )


def experiment_card(name: str, runs: Sequence[RunRecord], stocks: Sequence[Stocks]) -> Card:
    """Return the card of an experiment."""
    ended = [run for run in runs if run.survived or run.collapsed]
    survived = sum(bool(run.survived) for run in ended)
    said = f"{survived} of {len(ended)} survived" if ended else count(len(runs), "run")
    kinds = _told(sorted({run_row(run).scenario for run in runs}))
    facts = [("Runs", str(len(runs))), ("Survived", f"{survived} of {len(ended)} that ended"), ("Scenarios", kinds)]
    facts.append(("Decided by", _told(sorted({part.rsplit("/", 1)[-1] for run in runs for part in [minds(run)]}))))
    return Card(
        title=_short(f"{said}: {_short(name, MOST_NAME)}", MOST_TITLE),
        text=_short(f"A GovSim experiment of {count(len(runs), 'run')}: {kinds.lower()}.", MOST_TEXT),
        alt=_short(f"The stock of {count(len(runs), 'run')} month by month; {said}.", MOST_TEXT),
        facts=tuple((label, _short(value, MOST_NAME)) for label, value in facts),
        curves=tuple(_curve(run, each) for run, each in zip(runs, stocks, strict=True)),
    )


def comparison_card(shown: LaidOut, runs: Sequence[RunRecord], stocks: Sequence[Stocks]) -> Card:
    """Return the card of a comparison: each group's survivors."""
    groups = shown.comparison.groups
    told = [(group.label, f"{group.figures.survived} of {group.figures.complete} survived") for group in groups]
    title = f"{count(len(shown.runs), 'run')} compared: {_told([group.label for group in groups])}"
    text = "; ".join(f"{_short(label, MOST_NAME)}: {value}" for label, value in told) or "No month was played yet"
    return Card(
        title=_short(title, MOST_TITLE),
        text=_short(f"GovSim, {text}.", MOST_TEXT),
        alt=_short(f"The stock of {count(len(runs), 'run')} month by month. {text}.", MOST_TEXT),
        facts=tuple((_short(label, MOST_NAME), value) for label, value in told[:6]),
        curves=tuple(_curve(run, each) for run, each in zip(runs, stocks, strict=True)),
    )


def _curve(run: RunRecord, stocks: Stocks) -> Curve:
    capacity = max(run.episode.game.capacity, 1)
    parts = tuple((round(before / capacity, 4), round(after / capacity, 4)) for before, after in stocks)
    kinds: dict[str, Kind] = {"survived": "ok", "collapsed": "bad"}
    return Curve(parts, run.months, kinds.get(badge(run)[0], "plain"))


def _outcome(run: RunRecord) -> str:
    kind, word = badge(run)
    if run.view_only:
        return word
    if kind == "survived":
        return f"Survived {run.months_played}/{run.months}"
    if kind == "collapsed":
        return f"Collapsed in month {run.months_played}"
    how = "Snapshot in" if is_snapshot(run) else "In" if run.live or run.state == "paused" else "Stopped in"
    return f"{how} month {run.months_played} of {run.months}"


def _told(names: Sequence[str]) -> str:
    """Return a few of *names*, and how many more there are."""
    kept = [_short(name, 40) for name in names[:3]]
    return ", ".join(kept) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _short(text: str, most: int) -> str:
    """Return *text* on one line, at most *most* letters."""
    text = " ".join(text[: most * 4].split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
