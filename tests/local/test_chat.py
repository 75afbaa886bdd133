"""Chat templates: those of folders, in a sandbox, and the plain one."""

import json
from pathlib import Path

import pytest

from app.local.chat import ChatTemplate, UnfitMessages
from app.local.shape import UnusableCheckpoint
from app.models.local_folder import missing_extra
from tests.local.tiny import CHAT, make_tiny

MESSAGES = [{"role": "system", "content": "Be {{ short }}."}, {"role": "user", "content": "How many?"}]


def folder(place: Path, template: object = None, **config: object) -> Path:
    content = config if template is None else {"chat_template": template, **config}
    (place / "tokenizer_config.json").write_text(json.dumps(content))
    return place


def test_messages_are_filled_in_and_never_run(tmp_path: Path) -> None:
    template = ChatTemplate(folder(tmp_path, CHAT))
    assert not template.plain
    assert template.render(MESSAGES) == "<|system|>Be {{ short }}.<|end|><|user|>How many?<|end|><|assistant|>"


def test_a_file_of_its_own_and_named_templates(tmp_path: Path) -> None:
    named = [{"name": "tools", "template": "no"}, {"name": "default", "template": "{{ bos_token }}yes"}]
    assert ChatTemplate(folder(tmp_path, named, bos_token={"content": "<s>"})).render(MESSAGES) == "<s>yes"
    (tmp_path / "chat_template.jinja").write_text("own")
    assert ChatTemplate(tmp_path).render(MESSAGES) == "own"


def test_without_a_template_the_texts_stand_below_each_other(tmp_path: Path) -> None:
    template = ChatTemplate(folder(tmp_path, bos_token="<s>"))
    assert template.plain
    assert template.render(MESSAGES) == "<s>Be {{ short }}.\n\nHow many?\n\n"
    (tmp_path / "tokenizer_config.json").unlink()
    assert ChatTemplate(tmp_path).render(MESSAGES) == "Be {{ short }}.\n\nHow many?\n\n"


@pytest.mark.parametrize("template", ["{% if", 5, "x" * 300_000])
def test_a_template_that_cannot_be_read_is_said(tmp_path: Path, template: object) -> None:
    with pytest.raises(UnusableCheckpoint, match="chat template"):
        ChatTemplate(folder(tmp_path, template))


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('only one system message') }}",
        "{{ messages[7].content }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ 1 / 0 }}",
    ],
)
def test_what_a_template_refuses_or_may_not_do_is_an_error_of_the_request(tmp_path: Path, template: str) -> None:
    with pytest.raises(UnfitMessages, match="chat template refuses"):
        ChatTemplate(folder(tmp_path, template)).render(MESSAGES)


@pytest.mark.skipif(missing_extra() is not None, reason="the extra [local] is not installed")
def test_prompts_are_those_of_transformers(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    make_tiny(tmp_path)
    reference = AutoTokenizer.from_pretrained(tmp_path)
    expected = reference.apply_chat_template(MESSAGES, add_generation_prompt=True, tokenize=False)
    assert ChatTemplate(tmp_path).render(MESSAGES) == expected
