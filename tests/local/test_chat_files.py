"""Chats from files: read, refused by file and line, and held out by runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.local.chat_files import UnusableChats, read_chats


def chat(answer: str, **about: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": "How many tons?"}, {"role": "assistant", "content": answer}],
        **about,
    }


def write(path: Path, *lines: Any) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def test_one_run_in_ten_is_held_out_whole(tmp_path: Path) -> None:
    lines = [chat(f"{run} {number}", run=f"r{run}", purpose="harvest") for run in range(25) for number in range(4)]
    split = read_chats([write(tmp_path / "a.jsonl", *lines)], seed=1)
    assert (split.runs, len(split.held_out), len(split.learnt)) == (3, 12, 88)
    apart = {lesson.answer.split()[0] for lesson in split.held_out}
    assert len(apart) == 3
    assert apart.isdisjoint(lesson.answer.split()[0] for lesson in split.learnt)
    assert {lesson.purpose for lesson in split.learnt} == {"harvest"}
    assert read_chats([tmp_path / "a.jsonl"], seed=1) == split
    assert read_chats([tmp_path], seed=2).held_out != split.held_out


def test_with_few_runs_one_chat_in_ten_is_held_out(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", *(chat(str(number)) for number in range(20)), "")
    second = write(tmp_path / "b.jsonl", *(chat(str(number), run="r1") for number in range(20, 35)))
    split = read_chats([first, second], seed=1)
    assert (split.runs, len(split.held_out), len(split.learnt)) == (0, 4, 31)
    answers = {lesson.answer for lesson in (*split.held_out, *split.learnt)}
    assert answers == {str(number) for number in range(35)}
    assert split.learnt[0].prompt == (("user", "How many tons?"),)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{", "no JSON"),
        ("[" * 5000, "no JSON"),
        ("[1]", "`messages`"),
        ({"messages": "hello"}, "`messages`"),
        ({"messages": [{"role": "assistant", "content": "7"}]}, "two messages"),
        ({"messages": [{"role": "tool", "content": "x"}, {"role": "assistant", "content": "7"}]}, "`role`"),
        ({"messages": [{"role": "user", "content": ["x"]}, {"role": "assistant", "content": "7"}]}, "`content`"),
        ({"messages": [{"role": "assistant", "content": "7"}, {"role": "user", "content": "x"}]}, "assistant's"),
        (chat("x" * 2_000_000), "2,000,000 bytes"),
    ],
    ids=["broken", "deep", "list", "words", "one", "tool", "parts", "no answer", "long"],
)
def test_what_is_no_chat_is_refused_by_line(tmp_path: Path, line: Any, wrong: str) -> None:
    with pytest.raises(UnusableChats, match=rf"a\.jsonl, line 2: .*{wrong}"):
        read_chats([write(tmp_path / "a.jsonl", chat("1"), line)], seed=1)


def test_files_that_are_not_there_or_hold_too_little_are_said(tmp_path: Path) -> None:
    with pytest.raises(UnusableChats, match="cannot be read"):
        read_chats([tmp_path / "none.jsonl"], seed=1)
    with pytest.raises(UnusableChats, match="no file"):
        read_chats([tmp_path], seed=1)
    with pytest.raises(UnusableChats, match="not two chats"):
        read_chats([write(tmp_path / "a.jsonl", chat("1"))], seed=1)


def test_halves_of_a_character_are_learnt_as_question_marks(tmp_path: Path) -> None:
    split = read_chats([write(tmp_path / "a.jsonl", *[chat("a \ud83d")] * 12)], seed=1)
    assert {lesson.answer for lesson in (*split.learnt, *split.held_out)} == {"a ?"}
