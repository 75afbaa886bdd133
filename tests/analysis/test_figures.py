from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import pytest

from app.analysis.figures import catches_figure, gains_figure, stock_figure
from app.analysis.palette import Theme, palette
from app.analysis.replay import Replay, replay
from app.analysis.trajectory_figures import Trajectory, trajectories_figure, trajectory
from app.commons.config import GameConfig
from app.commons.scenario import get_scenario
from tests.analysis.stories import config, two_months
from tests.support import played, scripted_config

WORDS = get_scenario("fishery").words
GAME = GameConfig()


def story() -> Replay:
    return replay(two_months(), config())


def runs() -> list[Trajectory]:
    return [
        Trajectory(run="r1", label="seed 1", stocks=(60, 60, 60)),
        Trajectory(run="r2", label="seed 2", stocks=(20, 2), collapsed=True),
        Trajectory(run="r3", label="seed 3", stocks=(40,), complete=False),
    ]


def figures(told: Replay, theme: Theme) -> list[dict[str, Any]]:
    return [
        stock_figure(told, GAME, WORDS, theme),
        stock_figure(told, GAME, WORDS, theme, rules=False),
        catches_figure(told, WORDS, theme),
        gains_figure(told, WORDS, theme),
        trajectories_figure([trajectory(told, run="r", label="seed 1", group="default"), *runs()], GAME, WORDS, theme),
    ]


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for child in children for text in strings(child)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("length", [0, 1, 5, None])
def test_figures_are_valid_plotly_however_far_the_run_is(theme: Theme, length: int | None) -> None:
    for figure in figures(replay(two_months()[:length], config()), theme):
        go.Figure(figure)


async def test_a_long_episode_of_twelve_agents_is_valid_plotly() -> None:
    episode = scripted_config(["fair-share", "forgetful", "reciprocal"] * 4)
    for figure in figures(replay(await played(episode), episode), "dark"):
        go.Figure(figure)


def test_the_stock_is_drawn_before_and_after_each_harvest_from_zero() -> None:
    figure = stock_figure(story(), GAME, WORDS)
    assert figure["data"][0]["x"] == [1, 1, 2, 2]
    assert figure["data"][0]["y"] == [100, 68, 100, 2]
    assert figure["layout"]["yaxis"]["range"][0] == 0
    assert figure["data"][-1]["name"] == "collapse"


def test_thresholds_come_from_the_configuration() -> None:
    game = GameConfig(capacity=200, collapse_threshold=8)
    labels = [note["text"] for note in stock_figure(story(), game, WORDS)["layout"]["annotations"]]
    assert labels == ["capacity 200 t", "collapse below 8 t"]


def test_another_game_shows_no_thresholds() -> None:
    figure = stock_figure(story(), GAME, WORDS, rules=False)
    assert len(figure["data"]) == 1
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["capacity 100 t"]


def test_catches_show_who_got_less_than_wanted() -> None:
    figure = catches_figure(story(), WORDS)
    assert [trace["name"] for trace in figure["data"]] == [
        "John",
        "Kate",
        "Jack",
        "wanted, not received",
        "sustainable share",
    ]
    assert figure["data"][1]["y"] == [12, 89]
    assert figure["data"][3]["y"] == [10, 90]


def test_an_unreadable_answer_is_no_zero_in_the_words() -> None:
    jack = catches_figure(story(), WORDS)["data"][2]
    assert jack["customdata"][1] == [2, "something unreadable"]


def test_agents_differ_by_colour_dash_and_symbol() -> None:
    traces = gains_figure(story(), WORDS)["data"]
    for looks in (
        {trace["line"]["color"] for trace in traces},
        {trace["line"]["dash"] for trace in traces},
        {trace["marker"]["symbol"] for trace in traces},
    ):
        assert len(looks) == 3


def test_labels_at_line_ends_do_not_cover_each_other_and_stay_inside() -> None:
    layout = gains_figure(story(), WORDS)["layout"]
    heights = sorted(note["y"] for note in layout["annotations"])
    top = layout["yaxis"]["range"][1]
    assert all(upper - lower >= top * 0.08 for lower, upper in pairwise(heights))
    assert heights[-1] <= top


def test_a_collapsed_run_counts_as_nothing_and_one_that_stopped_leaves_the_mean() -> None:
    figure = trajectories_figure(runs(), GAME, WORDS)
    mean = next(trace for trace in figure["data"] if trace["name"] == "mean")
    assert mean["y"] == [100, 40, 31, 30]


def test_ends_are_marked_and_lead_to_their_run() -> None:
    traces = {trace["name"]: trace for trace in trajectories_figure(runs(), GAME, WORDS)["data"]}
    assert (traces["collapsed"]["x"], traces["collapsed"]["customdata"]) == ([2], ["r2"])
    assert (traces["stopped early"]["x"], traces["stopped early"]["customdata"]) == ([1], ["r3"])


def test_one_run_has_no_mean() -> None:
    names = [trace["name"] for trace in trajectories_figure(runs()[:1], GAME, WORDS)["data"]]
    assert names == ["seed 1"]


def test_names_cannot_carry_markup_into_a_chart() -> None:
    names = ("<b>Bo", "%{x}", "Jack")
    events = [event for event in two_months() if event.kind == "month_started"]
    told = replay(events, config(names))
    for figure in figures(told, "light"):
        texts = [text for text in strings(figure) if "Bo" in text]
        assert not any("<b>" in text for text in texts)
        assert not any(text.startswith("%{x}") for text in strings(figure))


def test_both_themes_use_their_own_colours() -> None:
    light, dark = (stock_figure(story(), GAME, WORDS, theme) for theme in ("light", "dark"))  # type: ignore[arg-type]
    assert light["layout"]["paper_bgcolor"] == palette("light").surface
    assert dark["layout"]["paper_bgcolor"] == palette("dark").surface
    assert light["data"][0]["y"] == dark["data"][0]["y"]
