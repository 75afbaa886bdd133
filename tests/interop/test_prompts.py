from hypothesis import given
from hypothesis import strategies as st

from app.interop.interactions import read_interaction
from app.interop.prompts import agent_prompt, framework_prompt
from tests.interop.logs import framework_prompt as logged_framework_prompt
from tests.interop.logs import interaction, talk_prompt

PIECES = st.lists(
    st.sampled_from(
        [
            "\n",
            "\n\n\n",
            "Location: x",
            "- 2024-01-01: y",
            "-John: z",
            "Scenario: s",
            "Task: t",
            "タスク: u",
            "word",
            "-",
        ]
    )
)


def kinds(text: str) -> list[tuple[str, str]]:
    return [(segment.kind, segment.text) for segment in agent_prompt(text, ["Mayor", "John"], {}).segments]


def test_a_talk_is_cut_line_by_line() -> None:
    text = talk_prompt("John", 1, [("Mayor", "The\nreport."), ("John", "Hello.\n- not a memory")])
    cut = kinds(text)
    assert [kind for kind, _ in cut] == ["rules", "situation", "situation", "talk", "talk", "task"]
    assert cut[3][1] == "-Mayor: The\nreport.\n"
    assert cut[5][1].strip() == "Task: Say something."


def test_memories_know_which_node_they_quote() -> None:
    text = "Rules.\nLocation: lake\nmemories:\n- 2024-01-01: Two\nlines.\n- 2024-01-02: New.\n\n\nTask: Go."
    message = agent_prompt(text, [], {("2024-01-01", "Two\nlines."): 3})
    memories = [segment.memory for segment in message.segments if segment.kind == "memory"]
    assert memories == [3, None]


def test_a_framework_prompt_ends_with_what_is_asked() -> None:
    text = logged_framework_prompt([("Mayor", "A.\n\nB."), ("John", "C.")], "Sum it up.")
    cut = framework_prompt(text, ["Mayor", "John"]).segments
    assert [(segment.kind, segment.text) for segment in cut] == [
        ("task", "Conversation:\n"),
        ("talk", "-Mayor: A.\n\nB.\n"),
        ("talk", "-John: C.\n"),
        ("task", "\n\nSum it up."),
    ]


@given(PIECES)
def test_segments_always_join_to_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert agent_prompt(text, ["John"], {}).content == text
    assert framework_prompt(text, ["John"]).content == text


@given(st.text(), st.none() | st.text())
def test_interactions_come_back_as_they_were_written(prompt: str, completion: str | None) -> None:
    shown = read_interaction(interaction(prompt.replace("\0", ""), completion and completion.replace("\0", "")))
    assert shown is not None
    assert shown.prompt == prompt.replace("\0", "")
    assert (shown.completion is None) == (completion is None)


def test_what_is_no_interaction_is_none() -> None:
    for logged in (None, 3, [], "", "<strong>Framework</strong>: This month, I caught 5 tons."):
        assert read_interaction(logged) is None
