"""How the run page's address is read."""

from itertools import combinations
from math import hypot

import pytest

from app.analysis.replay import replay
from app.web.contexts.place import RunView, query_string, read_view
from app.web.contexts.scene import SCENE_HEIGHT, SCENE_WIDTH, river_life, seats, shoal
from app.web.contexts.timeline import months_shown, overview
from tests.analysis.stories import config, two_months


def view(length: int | None = None, **query: str) -> RunView:
    return read_view(query, replay(two_months()[:length], config()))


def test_a_finished_run_opens_at_its_first_month_and_a_running_one_at_its_latest() -> None:
    assert view().month == 1
    assert view(len(two_months()) - 3).month == 2
    assert view(0).month == 0


def test_an_address_names_a_place() -> None:
    found = view(m="1", msg="m1-u2", agent="kATE", tab="prompt")
    assert (found.month, found.message, found.agent, found.tab) == (1, "m1-u2", 1, "prompt")
    assert found.notices == () and found.explicit


def test_a_message_alone_names_its_month() -> None:
    assert view(msg="m1-u3").month == 1
    assert view(msg="m2-end").month == 2
    assert view(msg="m1-home").message == "m1-home"
    assert view(len(two_months()) - 3, msg="m2-home").message is None


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"m": "9"}, "no month"),
        ({"m": "x"}, "no month"),
        ({"m": "９"}, "no month"),
        ({"m": "1" * 5000}, "no month"),
        ({"m": "1", "msg": "m1-u99"}, "no message"),
        ({"agent": "Bob"}, "Bob"),
        ({"tab": "secrets"}, "no tab"),
    ],
)
def test_what_names_nothing_falls_back_with_a_short_notice(query: dict[str, str], word: str) -> None:
    found = view(**query)
    assert len(found.notices) == 1
    assert word in found.notices[0] and len(found.notices[0]) < 120
    assert (found.month, found.message, found.agent, found.tab) == (1, None, None, "decision")


def test_seats_differ_and_stay_inside_the_drawing() -> None:
    for count in range(2, 13):
        found = seats([f"Agent {number}" for number in range(count)])
        assert len({(seat.x, seat.y) for seat in found}) == count
        assert all(64 <= seat.x <= SCENE_WIDTH - 64 and 24 <= seat.y <= SCENE_HEIGHT - 24 for seat in found)
        assert not any(
            abs(one.x - other.x) < 126 and abs(one.y - other.y) < 40 for one, other in combinations(found, 2)
        )


def test_the_signs_of_life_go_with_the_stock_from_the_outside_in() -> None:
    for spots in (shoal(), river_life()):
        needs = [spot.needs for spot in spots]
        assert needs == sorted(needs) and needs[0] > 0 and needs[-1] <= 1
    assert hypot(shoal()[0].x, shoal()[0].y) < hypot(shoal()[-1].x, shoal()[-1].y)
    # The clean end of the river is the left one: the dirt comes from the right.
    assert river_life()[0].x < river_life()[-1].x


def test_a_long_run_shows_the_year_of_its_month() -> None:
    assert months_shown(7, 24) == range(1, 25)
    assert months_shown(0, 240) == range(1, 13)
    assert months_shown(12, 240) == range(1, 13)
    assert months_shown(13, 240) == range(13, 25)
    assert months_shown(30, 30) == range(25, 31)


def test_the_overview_of_a_run_marks_breaches_and_the_collapse() -> None:
    drawn = overview(replay(two_months(), config()), 100)
    assert drawn.stock.startswith("M0 100V32.0H1V98.0H2V100")
    assert drawn.breaches == "M1.5 0V30"
    assert drawn.collapse == "M1.5 0V100"


def test_links_escape_names() -> None:
    assert query_string({"agent": "a&b=c d", "m": 1}) == "?agent=a%26b%3Dc+d&m=1"
