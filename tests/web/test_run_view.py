"""How the run page's address is read."""

import pytest

from app.analysis.replay import replay
from app.web.contexts.place import RunView, query_string, read_view
from app.web.contexts.scene import seats
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
        assert all(40 <= seat.x <= 600 and 30 <= seat.y <= 370 for seat in found)


def test_links_escape_names() -> None:
    assert query_string({"agent": "a&b=c d", "m": 1}) == "?agent=a%26b%3Dc+d&m=1"
