"""Prompt sets: what makes one usable, and that the words of ours stay as they are."""

import re
from pathlib import Path

import pytest

from app.minds.prompt_folders import load_folder
from app.minds.prompts import PIECES, PromptError, PromptSet
from tests.minds.samples import BASE, base_prompts
from tests.minds.write_golden import CASES, golden_path, golden_text


@pytest.mark.parametrize(("scenario", "condition"), CASES)
def test_the_prompts_read_as_they_were_approved(scenario: str, condition: str):
    """Changed on purpose? `python -m tests.minds.write_golden`, and raise the version in set.toml."""
    assert golden_text(scenario, condition) == golden_path(scenario, condition).read_text(encoding="utf-8")


@pytest.mark.parametrize(("scenario", "condition"), [case for case in CASES if case[1].startswith("no_comm")])
def test_without_talk_the_text_does_not_mention_it(scenario: str, condition: str):
    text = golden_text(scenario, condition)
    assert not re.search(r"\b(talk|speak|meet|mayor|said|agree)", text, re.IGNORECASE)


@pytest.mark.parametrize(("scenario", "condition"), CASES)
def test_length_collapse_threshold_and_allocation_are_not_told(scenario: str, condition: str):
    text = golden_text(scenario, condition)
    assert not re.search(r"\b(12|twelve|collapse|threshold|5|random|proportion|shared out)\b", text, re.IGNORECASE)


def test_a_set_is_the_same_from_its_stored_files():
    loaded = base_prompts()
    again = PromptSet.from_files(loaded.name, dict(reversed(loaded.files.items())))
    assert (again.name, again.hash, again.version) == ("base", loaded.hash, loaded.version)
    assert len(loaded.hash) == 64


def test_another_word_or_another_file_name_is_another_set():
    files = base_prompts().files
    changed = PromptSet.from_files("base", files | {"memories.txt": "You recall:"})
    assert changed.hash != base_prompts().hash


def test_every_file_of_the_base_set_is_a_piece_that_is_used():
    assert {path.stem for path in BASE.glob("*.txt")} == set(PIECES)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rules.txt": None}, "has no file 'rules.txt'"),
        ({"set.toml": None}, "no file 'set.toml'"),
        ({"rules.txt": "{{ months }} months"}, "uses 'months' in 'rules.txt'"),
        ({"rules.txt": "{% if %}"}, "has an error in 'rules.txt'"),
        ({"set.toml": "name = 1"}, "must hold name, version and description"),
    ],
)
def test_an_unusable_set_is_refused_and_the_file_is_named(change: dict[str, str | None], says: str):
    files = {name: text for name, text in (base_prompts().files | change).items() if text is not None}
    with pytest.raises(PromptError, match=re.escape(says)):
        PromptSet.from_files("mine", files)


def test_a_folder_that_is_no_set_is_refused(tmp_path: Path):
    with pytest.raises(PromptError, match="There is no prompt set 'missing'"):
        load_folder(tmp_path / "missing")


def test_a_missing_variable_is_an_error_that_names_the_file():
    with pytest.raises(PromptError, match=r"cannot fill in 'memory\.txt': 'date' is undefined"):
        base_prompts().render("memory", mark="-", text="x")


@pytest.mark.parametrize("template", ["{{ words.__class__.__mro__ }}", "{{ ().__class__.__bases__[0] }}"])
def test_a_template_cannot_reach_outside(template: str):
    prompts = PromptSet.from_files("mine", base_prompts().files | {"memories.txt": template})
    with pytest.raises(PromptError, match=r"memories\.txt"):
        prompts.render("memories", words=object())
