"""A run as one HTML file that works from disk without a network: replay, talk, decisions, charts, configuration.

Everything is written into the page as text that the template escapes; the script only steps through what is there. The
page's own policy lets it load nothing: its one style and one script are named by their hashes.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.analysis.figures import Figure, catches_figure, gains_figure, stock_figure
from app.analysis.palette import Theme
from app.analysis.replay import Replay, replay
from app.analysis.svg import draw_svg
from app.commons.scenario import Scenario, conditions, scenarios
from app.models.base import RecordedCall
from app.store.records import RunRecord
from app.store.whole import WholeRun

THEMES: tuple[Theme, ...] = ("light", "dark")


@dataclass(frozen=True)
class Report:
    """What `templates/report.html` shows.

    Attributes:
        run: the run.
        told: its months.
        scenario: its words.
        condition: the condition's name for people.
        outcome: how it ended, in words.
        metrics: name and value of each metric.
        settings: name and value of each line of the configuration.
        charts: each chart's name and its drawings, for light and for dark.
        calls: the calls to show, by month; none where prompts are left out.
        rules: whether agreements and thresholds mean anything: not for imported runs of another game.
    """

    run: RunRecord
    told: Replay
    scenario: Scenario
    condition: str
    outcome: str
    metrics: Sequence[tuple[str, str]]
    settings: Sequence[tuple[str, str]]
    charts: Sequence[tuple[str, Sequence[tuple[Theme, str]]]]
    calls: dict[int, list[RecordedCall]]
    rules: bool

    @property
    def title(self) -> str:
        """Scenario, condition and seed."""
        seed = "" if self.run.seed is None else f", seed {self.run.seed}"
        return f"{self.scenario.label}, {self.condition.lower()}{seed}"


def report_html(whole: WholeRun, assets: Path, *, prompts: bool = False) -> bytes:
    """Return the report of a run; equal records give equal bytes.

    Args:
        whole: the run.
        assets: the folder with templates/ and static/.
        prompts: whether requests and answers are part of it; they make it several times as large.
    """
    style = (assets / "static/css/report.css").read_text("utf-8")
    script = (assets / "static/js/report.js").read_text("utf-8")
    environment = Environment(
        loader=FileSystemLoader(assets / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html").render(
        report=_report(whole, prompts=prompts),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src '{_named(style)}'; script-src '{_named(script)}'; base-uri 'none'; "
        "form-action 'none'",
    )
    return page.encode("utf-8", "replace")


def _named(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _report(whole: WholeRun, *, prompts: bool) -> Report:
    run = whole.run
    scenario = scenarios()[run.scenario]
    told = replay(whole.parsed(), run.episode)
    known = conditions().get(run.condition)
    calls: dict[int, list[RecordedCall]] = {}
    for call in whole.calls() if prompts else ():
        if call.messages and call.key.purpose != "embedding":
            calls.setdefault(call.key.month, []).append(call)
    return Report(
        run=run,
        told=told,
        scenario=scenario,
        condition=known.label if known else run.condition.replace("_", " "),
        outcome=_outcome(run, told),
        metrics=_metrics(run, scenario),
        settings=_settings(run),
        charts=_charts(run, told, scenario),
        calls=calls,
        rules=run.view_only is None,
    )


def _outcome(run: RunRecord, told: Replay) -> str:
    played, total = told.months_played, told.months_total
    if run.view_only:
        return f"{played} months, view only"
    if told.collapsed:
        return f"Collapsed in month {played}"
    if played >= total:
        return f"Survived {played}/{total}"
    return f"{run.state.capitalize()} after {played} of {total} months"


def _metrics(run: RunRecord, scenario: Scenario) -> list[tuple[str, str]]:
    unit = scenario.words.unit_short
    found = [("Months played", f"{run.months_played} of {run.months}")]
    if run.mean_gain is not None:
        found.append(("Gain per agent", f"{run.mean_gain:.1f} {unit}"))
    for label, value in (
        ("Efficiency", run.efficiency),
        ("Equality", run.equality),
        ("Over-usage", run.over_usage),
    ):
        if value is not None and run.view_only is None:
            found.append((label, f"{value * 100:.0f} %"))
    if run.unreadable:
        found.append(("Unreadable harvest answers", str(run.unreadable)))
    return found


def _settings(run: RunRecord) -> list[tuple[str, str]]:
    game = run.episode.game
    return [
        ("Run", run.id),
        ("Decided by", run.models),
        ("Origin", "played here" if run.origin == "native" else "imported from logs"),
        ("Months", str(game.months)),
        ("Capacity", str(game.capacity)),
        ("Growth", f"×{game.growth:g}"),
        ("Collapse below", str(game.collapse_threshold)),
        ("Allocation", game.allocation),
        ("Seed of the environment", "not known" if run.seed is None else str(run.seed)),
        (
            "Ended" if run.origin == "native" else "Imported",
            "not known" if run.ended_at is None else f"{run.ended_at:%Y-%m-%d}",
        ),
        ("Engine version", run.engine_version or "not known"),
        *((f"Prompt set {name}", digest) for name, digest in run.prompts.items()),
        ("Configuration hash", run.config_hash),
    ]


def _charts(run: RunRecord, told: Replay, scenario: Scenario) -> list[tuple[str, Sequence[tuple[Theme, str]]]]:
    if not told.months_played:
        return []
    rules, words, game = run.view_only is None, scenario.words, run.episode.game

    def drawn(name: str, figures: Sequence[Figure]) -> tuple[str, Sequence[tuple[Theme, str]]]:
        pairs = zip(THEMES, figures, strict=True)
        return name, [(theme, draw_svg(figure, identity=f"{name}-{theme}")) for theme, figure in pairs]

    return [
        drawn("stock", [stock_figure(told, game, words, theme, rules=rules) for theme in THEMES]),
        drawn("catches", [catches_figure(told, words, theme, rules=rules) for theme in THEMES]),
        drawn("gains", [gains_figure(told, words, theme) for theme in THEMES]),
    ]
