"""The tokenizer: any text comes back, numbers are one token, and chats are laid out as the template says."""

from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from app.local.corpus import Lesson, lessons
from app.local.documents import OwnLayout, TemplateLayout
from app.local.tokenizing import SPECIAL, save_tokenizer, train_tokenizer

FOLDERS = [Path(__file__).resolve().parents[2] / "templates" / "prompts"]


@pytest.fixture(scope="module")
def some() -> list[Lesson]:
    return list(islice(lessons(5, FOLDERS), 400))


@pytest.fixture(scope="module")
def tokenizer(some: list[Lesson]) -> Tokenizer:
    return train_tokenizer((text for lesson in some for _, text in (*lesson.prompt, ("", lesson.answer))), 1500)


@pytest.fixture(scope="module")
def wordwise(some: list[Lesson]) -> Tokenizer:
    return train_tokenizer((lesson.prompt[-1][1] for lesson in some), 1500, words=True)


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(tokenizer: Tokenizer, wordwise: Tokenizer, text: str) -> None:
    for one in (tokenizer, wordwise):
        assert one.decode(one.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_each_number_up_to_200_is_one_token(tokenizer: Tokenizer, wordwise: Tokenizer) -> None:
    for one in (tokenizer, wordwise):
        for number in range(201):
            tokens = one.encode(f"catch {number} tons").tokens
            assert tokens.count(str(number)) == 1, tokens
        assert len(one.encode("2024").ids) <= 2


def test_pieces_of_free_text_are_words_at_most(wordwise: Tokenizer) -> None:
    tokens = wordwise.encode("How many tons of fish do you catch this month? Answer: 7").tokens
    assert all(token.lstrip("Ġ").isalnum() or len(token.lstrip("Ġ")) == 1 or token == "Ġ" for token in tokens), tokens
    assert "Ġmonth" in tokens


def test_prompts_become_short(tokenizer: Tokenizer, some: list[Lesson]) -> None:
    characters = sum(len(text) for lesson in some for _, text in lesson.prompt)
    tokens = sum(len(tokenizer.encode(text).ids) for lesson in some for _, text in lesson.prompt)
    assert characters / tokens > 5


def test_a_vocabulary_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        train_tokenizer(["a"], 100)


def test_saved_files_are_read_by_transformers_and_lay_chats_out_the_same_way(
    tokenizer: Tokenizer, some: list[Lesson], tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    save_tokenizer(tokenizer, tmp_path, 2048)
    own, template = OwnLayout(tokenizer), TemplateLayout(tmp_path)
    assert own.end == template.end
    for lesson in some[:40]:
        tokens = own.prompt(lesson.prompt)
        assert tokens == template.prompt(lesson.prompt)
        assert own.text(own.answer(lesson.answer)) == template.text(own.answer(lesson.answer)) == lesson.answer
        assert own.text(tokens) == "".join(text for _, text in lesson.prompt)
        assert [SPECIAL[index] for index in tokens if index < len(SPECIAL)][:2] == ["<|begin|>", "<|system|>"]
