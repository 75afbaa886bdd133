"""A hostile log is read as what it is: text."""

from pathlib import Path

import pytest

from app.commons.events import Remembered, Said
from app.interop.cast import possible_name
from app.interop.files import clean
from app.interop.research import read_log
from tests.interop.hostile import ARABIC, FOLDER, MESSAGES, NAMES, RLI, SCRIPT, write_hostile


def test_every_hostile_text_is_kept_as_it_was_written(tmp_path: Path) -> None:
    run = read_log(write_hostile(tmp_path))
    said = [event for event in run.events if isinstance(event, Said) and not event.by_overseer and event.month == 1]
    assert [event.text for event in said] == [clean(text) for text in MESSAGES]
    assert [event.speaker for event in said[:5]] == list(run.config.names)
    assert len(said[2].text) > 200_000
    remembered = [event.memory.text for event in run.events if isinstance(event, Remembered)]
    assert clean(MESSAGES[1][:20_000]) in remembered
    assert any(SCRIPT in message.content for call in run.calls for message in call.messages)
    assert (run.origin, run.model) == (FOLDER, f"evil/{SCRIPT}\N{REPLACEMENT CHARACTER}")


def test_a_name_that_cannot_be_is_written_otherwise_and_the_run_says_so(tmp_path: Path) -> None:
    run = read_log(write_hostile(tmp_path))
    bad = "\N{REPLACEMENT CHARACTER}"
    changed = ("<script>alert(1)<\N{DIVISION SLASH}script>", f"{bad}kcaJ", f"{ARABIC}{bad}")
    assert run.config.names == (changed[0], NAMES[1], *changed[1:], NAMES[4])
    [note] = [note for note in run.notes if "written otherwise" in note]
    assert note.endswith(f": {', '.join(changed)}.")


@pytest.mark.parametrize(
    ("logged", "name"),
    [
        ("Kate", "Kate"),
        ("a/b", "a\N{DIVISION SLASH}b"),
        (" \tKate\n", "Kate"),
        ("Ka\x00te\x1b", "Ka\N{REPLACEMENT CHARACTER}te\N{REPLACEMENT CHARACTER}"),
        ("x" * 41, "x" * 39 + "…"),
        ("x" * 38 + "   y", "x" * 38 + "…"),
        (f"{ARABIC}{RLI}", f"{ARABIC}\N{REPLACEMENT CHARACTER}"),
        ("\u200b\u2060", ""),
        ("", ""),
    ],
)
def test_names_from_a_log_become_names_an_agent_can_have(logged: str, name: str) -> None:
    assert possible_name(logged) == name
