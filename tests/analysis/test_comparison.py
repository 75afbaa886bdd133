from typing import Any
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest

from app.analysis.ask import ComparisonAsk
from app.analysis.comparison import Comparison, compare, told
from app.analysis.comparison_figures import FIGURES, FigureName, comparison_figure
from app.analysis.contrasts import Planned
from app.analysis.groups import ComparedRun, distinct, grouped
from app.analysis.palette import Theme
from app.analysis.svg import draw_svg
from tests.analysis.compared import outcome, run

ASK = ComparisonAsk(group=("model",))


def two_models() -> list[ComparedRun]:
    return [
        *(run(f"a{n}", outcome(12, gain=100.0 + n)) for n in range(5)),
        *(run(f"b{n}", outcome(n + 1, collapsed=True, gain=20.0 + n), model="b") for n in range(5)),
    ]


def one_of(found: Comparison, metric: str) -> Any:
    return next(contrast for contrast in found.contrasts if contrast.metric == metric)


def test_a_run_that_stopped_early_leaves_the_rate_and_gives_it_bounds() -> None:
    runs = [run("1", outcome(12)), run("2", outcome(12)), run("3", outcome(4, collapsed=True))]
    group = compare([*runs, run("4", outcome(6, complete=False, gain=30.0))], ASK).groups[0]
    assert (group.figures.survived, group.figures.complete) == (2, 3)
    assert (group.figures.worst, group.figures.best) == (0.5, 0.75)
    assert group.early == ("4",)
    assert group.figures.gain.n == 3
    assert group.curve.steps[5].censored == 1


def test_equal_completions_count_once_and_equal_outcomes_do_not_matter() -> None:
    twins = [run("1", outcome(12), completions="x"), run("2", outcome(12), completions="x")]
    found = compare([*twins, run("3", outcome(12), completions="y"), run("4", outcome(12))], ASK)
    assert (found.groups[0].runs, found.groups[0].twins) == (("1", "3", "4"), ("2",))
    assert any("effective n = 3 of 4" in note for note in found.notes)


def test_the_most_extreme_five_against_five_is_said_with_direction() -> None:
    found = compare(two_models(), ASK.changed(reference="b"))
    gain = one_of(found, "gain")
    assert (gain.difference.value, gain.test.p) == (80.0, pytest.approx(2 / 252))
    assert any("Gain per agent of “a” is 80.0 tons higher than of “b”" in text for text in found.sentences)
    assert one_of(found, "survival_rate").test.p == pytest.approx(2 / 252)


def test_no_sentence_gives_a_direction_that_its_interval_does_not_show() -> None:
    runs = [run(f"a{n}", outcome(12, gain=50.0 + 20 * n)) for n in range(4)]
    runs += [run(f"b{n}", outcome(12, gain=40.0 + 20 * n), model="b") for n in range(4)]
    for contrast in compare(runs, ASK).contrasts:
        text = told(contrast, "tons")
        low, high = contrast.difference.low, contrast.difference.high
        if text is not None and low is not None and high is not None and low <= 0 <= high:
            assert "higher" not in text and "lower" not in text and "includes 0" in text


def test_planned_contrasts_are_adjusted_and_exploratory_ones_are_not() -> None:
    plan = [Planned(metric=name, group="a", reference="b") for name in ("gain", "survival_rate")]
    found = compare(two_models(), ASK.changed(reference="b"), plan)
    marks = {one.metric: (one.planned, one.adjusted) for one in found.contrasts}
    assert marks["gain"] == (True, pytest.approx(2 * 2 / 252))
    assert marks["efficiency"] == (False, None)


def test_planned_contrasts_that_are_not_shown_count_in_holms_procedure() -> None:
    plan = [Planned(metric="gain", group="a", reference="b")]
    found = compare(two_models(), ASK.changed(reference="b"), plan, family=6)
    assert one_of(found, "gain").adjusted == pytest.approx(6 * 2 / 252)


def test_groups_of_one_model_that_were_answered_by_different_revisions_are_named() -> None:
    values = {"model": "m", "scenario": "fishery", "prompts": "base", "engine": "1"}
    runs = [
        run(f"{tag}{n}", outcome(12), values=values | {"tag": tag}, revisions=(f"fp_{tag}",))
        for tag in ("x", "y")
        for n in range(3)
    ]
    apart = compare(runs, ComparisonAsk(group=("tag",)))
    note = "Groups of m were answered by different revisions of it: “x” fp_x; “y” fp_y."
    assert note in apart.notes
    together = compare(runs, ComparisonAsk(group=("model",)))
    assert any("mixes model revisions: fp_x, fp_y" in text for text in together.notes)
    assert not any("different revisions" in text for text in together.notes)


def test_fishers_test_says_the_smallest_p_there_is() -> None:
    assert one_of(compare(two_models(), ASK), "survival_rate").test.smallest == pytest.approx(2 / 252)


def test_scenarios_are_strata() -> None:
    runs = []
    for scenario, level in (("fishery", 100.0), ("pasture", 20.0)):
        for model, more in (("a", 5.0), ("b", 0.0)):
            runs += [
                run(f"{scenario}{model}{n}", outcome(12, gain=level + more + n), model=model, scenario=scenario)
                for n in range(4)
            ]
    gain = one_of(compare(runs, ASK.changed(reference="b")), "gain")
    assert (gain.strata, gain.difference.value) == (2, pytest.approx(5.0))
    # The scenarios' own distance does not blur the difference.
    assert gain.difference.low > 0 and gain.test.p == pytest.approx(2 / 70**2)


def test_settings_that_differ_are_named_and_lengths_are_said() -> None:
    found = compare([run("1", outcome(12)), run("2", outcome(15), model="b", months=15)], ASK)
    assert {setting.name for setting in found.settings} == {"model", "months"}
    assert any("different lengths" in note for note in found.notes)


def test_other_periods_prompts_and_revisions_are_said() -> None:
    values = {"model": "a", "prompts": "base", "engine": "1"}
    runs = [
        run("1", outcome(12), values=values, day="2026-01-01", revisions=("m-1",)),
        run("2", outcome(12), values=values, day="2026-01-02", revisions=("m-2",)),
        run("3", outcome(12), values=values | {"model": "b", "prompts": "own"}, day="2026-03-01"),
    ]
    notes = " ".join(compare(runs, ASK).notes)
    assert all(word in notes for word in ("different prompts: base, own", "m-1, m-2", "Different periods"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_charts_are_valid_and_can_be_drawn_whatever_the_groups(name: FigureName, theme: Theme) -> None:
    for runs in (two_models(), two_models()[:1], [run("<b>", outcome(3, complete=False), model="<i>%{x}")], []):
        members = {label: distinct(part)[0] for label, part in grouped(runs, ASK).items()}
        figure = comparison_figure(name, compare(runs, ASK).groups, members, theme=theme)
        go.Figure(figure)
        ElementTree.fromstring(draw_svg(figure))


def test_points_of_runs_carry_their_run() -> None:
    runs = two_models()
    members = {label: distinct(part)[0] for label, part in grouped(runs, ASK).items()}
    figure = comparison_figure("stock", compare(runs, ASK).groups, members)
    assert {one for trace in figure["data"] for one in trace.get("customdata", ())} == {one.run for one in runs}
