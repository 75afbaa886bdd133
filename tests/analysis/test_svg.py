from xml.etree import ElementTree

import pytest

from app.analysis.figures import stock_figure
from app.analysis.palette import Theme
from app.analysis.replay import replay
from app.analysis.svg import draw_svg, ticks
from app.analysis.trajectory_figures import Trajectory, trajectories_figure
from app.commons.config import GameConfig
from tests.analysis.stories import config, two_months
from tests.analysis.test_figures import GAME, WORDS, figures, story

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("length", [0, 1, 5, None])
def test_every_figure_is_drawn_well_formed_and_without_styles(theme: Theme, length: int | None) -> None:
    for figure in figures(replay(two_months()[:length], config()), theme):
        text = draw_svg(figure)
        root = ElementTree.fromstring(text)
        assert root.get("aria-label")
        assert not [element for element in root.iter() if element.get("style")]
        assert "nan" not in text and "None" not in text
        assert draw_svg(figure) == text


def test_points_lie_where_their_values_say() -> None:
    figure = stock_figure(story(), GAME, WORDS)
    root = ElementTree.fromstring(draw_svg(figure, 720, 400))
    heights = sorted(float(circle.get("cy", "")) for circle in root.iter(f"{SVG}circle"))
    # Two harvests: 100 before and 68 after, 100 before and 2 after; heights are linear in the stock.
    assert len(heights) == 4
    assert heights[0] == heights[1]
    assert (heights[2] - heights[0]) / (heights[3] - heights[0]) == pytest.approx(32 / 98, abs=0.002)


def test_names_are_text_whatever_they_hold() -> None:
    run = Trajectory(run="r", label='<script>"&\u0000\ud800%{x}', group="<b>", stocks=(50, 40))
    text = draw_svg(trajectories_figure([run, run], GameConfig(), WORDS))
    assert ElementTree.fromstring(text).findall(f".//{SVG}script") == []
    assert "&lt;b&gt;" in text


def test_ticks_are_round_and_inside_the_range() -> None:
    assert ticks({}, (0.0, 108.0), 300) == [(0, "0"), (50, "50"), (100, "100")]
    assert [value for value, _ in ticks({"dtick": 1, "tick0": 1}, (0.5, 3.5), 300)] == [1, 2, 3]


def test_the_ids_of_two_charts_on_a_page_differ() -> None:
    figure = figures(story(), "light")[2]
    one, other = (ElementTree.fromstring(draw_svg(figure, identity=name)) for name in ("one", "two"))
    ids = [{element.get("id") for element in root.iter() if element.get("id")} for root in (one, other)]
    assert ids[0] and not ids[0] & ids[1]
