"""What is asked, word by word, and what a broken set is told."""

import pytest

from app.commons.scenario import get_scenario
from app.minds.prompt_folders import load_set
from app.minds.prompts import PromptError
from app.subskills.cases import Case, draw_cases
from app.subskills.catalogue import TESTS
from app.subskills.prompts import Questions, SubskillPrompts, prompt_hash
from tests.support import ROOT

FOLDERS = [ROOT / "templates" / "prompts"]
SCENARIOS = ("fishery", "pasture", "pollution")


def questions(scenario: str) -> Questions:
    return Questions(SubskillPrompts.load(FOLDERS), load_set(FOLDERS, "base"), get_scenario(scenario))


def case(test: str, scenario: str = "fishery") -> Case:
    return next(case for case in draw_cases(get_scenario(scenario).agents, 1, 1) if case.test == test)


def text(test: str, scenario: str = "fishery") -> str:
    return "\n\n".join(message.content for message in questions(scenario).task(case(test, scenario)).messages)


def test_the_bare_game_is_one_message_without_a_role() -> None:
    [message] = questions("fishery").task(case("bare_next_stock")).messages
    assert message.content == (
        "In this game five fishermen share one lake. When a month begins, every fisherman chooses a catch, and all "
        "catches leave the lake at the same moment. The choice is a whole number from 0 to 100. After that, the fish "
        "that were left breed: once a month, what remains in the lake doubles. There can never be more than 100 tons "
        "of fish in the lake.\n\n"
        "The month begins with 44 tons of fish in the lake.\n\n"
        "Suppose each of the five fishermen decides to catch 7 tons of fish this month and does so. Next month then "
        "begins with N tons of fish in the lake. What is N?\n\n"
        "Think it through step by step. Then give the result in a last line of exactly this form, with a whole number "
        "in place of N:\nAnswer: N"
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("test", TESTS)
def test_every_question_names_its_stock_and_asks_for_a_marked_number(scenario: str, test: str) -> None:
    asked = text(test, scenario)
    assert "The month begins with 44 " in asked
    assert asked.endswith("Answer: N")
    assert ("John, Kate, Jack, Emma and Luke" in asked) == TESTS[test].role
    assert ("Assume that all five" in asked) == (TESTS[test].kind == "limit_same")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_role_differs_from_the_bare_game_in_the_role_alone(scenario: str) -> None:
    for kind in ("next_stock", "limit", "limit_same"):
        bare, role = (
            [s.text for m in questions(scenario).task(case(f"{where}_{kind}", scenario)).messages for s in m.segments
             if s.kind == "task"]
            for where in ("bare", "role")
        )  # fmt: skip
        assert bare == role


def test_universalization_tells_the_share_and_changes_nothing_else() -> None:
    plain, told = text("role_choice").splitlines(), text("role_choice_universalization").splitlines()
    added = [line for line in told if line not in plain]
    assert added == [
        "- 1 January 2024: If every fisherman catches more than 4 tons of fish this month, there will be fewer fish in "
        "the lake next month than there are now."
    ]
    assert [line for line in told if line not in added] == plain


def test_the_pollution_test_asks_for_what_it_scores() -> None:
    assert "begins with N percent of the river's water unpolluted. What is N?" in text("bare_next_stock", "pollution")


def test_no_question_tells_the_collapse_threshold_or_its_own_answer() -> None:
    for test in TESTS:
        asked = text(test)
        assert "collapse" not in asked.lower()
        if TESTS[test].kind in ("next_stock", "limit", "limit_same"):
            assert f" {case(test).low} tons" not in asked


def test_bare_prompts_are_equal_for_equal_numbers_whoever_is_asked() -> None:
    one = case("bare_limit")
    other = one.model_copy(update={"agent": "Luke", "number": 99})
    asked = questions("fishery")
    assert prompt_hash(asked.task(one).messages) == prompt_hash(asked.task(other).messages)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"form.txt": None}, "has no file 'form.txt'"),
        ({"form.txt": "{{ secret }}"}, "uses 'secret' in 'form.txt'"),
        ({"form.txt": "{% if %}"}, "has an error in 'form.txt'"),
    ],
)
def test_an_unusable_set_is_refused_and_the_file_is_named(change: dict[str, str | None], said: str) -> None:
    files = {name: text for name, text in (SubskillPrompts.load(FOLDERS).files | change).items() if text is not None}
    with pytest.raises(PromptError, match=said):
        SubskillPrompts(files)
