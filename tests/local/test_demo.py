"""The demonstration model says the same however its answers are found, to prompts that it has not learnt from."""

from collections.abc import Sequence

import pytest

pytest.importorskip("torch", reason="the extra [local] is not installed")

from app.local.chat import ChatTemplate
from app.local.checkpoint import load_model
from app.local.corpus import held_out_prompts
from app.local.engine import Engine
from app.local.llama import Llama
from app.local.requests import Decoding, Result, Sampling
from app.local.tokens import decode, encode, load_tokenizer
from tests.local.demo import DEMO, needs_demo
from tests.local.models import every_way
from tests.support import ROOT

pytestmark = needs_demo
PROMPTS = 50


class Asked:
    """The model, held-out prompts as tokens, and what plain decoding answers to them."""

    def __init__(self, model: Llama) -> None:
        self.model = model
        self._tokenizer = load_tokenizer(DEMO)
        template = ChatTemplate(DEMO)
        chats = held_out_prompts([ROOT / "templates" / "prompts"], PROMPTS)
        rendered = (template.render([{"role": role, "content": text} for role, text in chat]) for chat in chats)
        self.prompts = [encode(self._tokenizer, text) for text in rendered]
        self.plain = self.answers(Decoding(model.shape.layers, 0), range(PROMPTS))

    def answers(self, decoding: Decoding, which: Sequence[int]) -> list[Result]:
        engine = Engine(self.model, lambda tokens: decode(self._tokenizer, tokens), decoding=decoding, rows=1)
        try:
            return [engine.submit(self.prompts[one], Sampling(max_tokens=128)).result(120) for one in which]
        finally:
            engine.close()


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked(load_model(DEMO))


def same_as_plain(asked: Asked, ways: Sequence[Decoding], which: Sequence[int]) -> None:
    expected = [(asked.plain[one].tokens, asked.plain[one].finish_reason) for one in which]
    for way in ways:
        found = asked.answers(way, which)
        assert [(one.tokens, one.finish_reason) for one in found] == expected, way
        assert sum(one.accepted for one in found) > 0, way
        assert all(one.completion_tokens == 1 + one.accepted + one.verifications for one in found), way


def test_drafting_changes_no_answer(asked: Asked) -> None:
    assert sum(one.finish_reason == "stop" for one in asked.plain) > 0.9 * PROMPTS
    same_as_plain(asked, [Decoding(1, 4), Decoding(2, 8), Decoding(5, 3)], range(0, PROMPTS, 5))


@pytest.mark.long
def test_drafting_changes_no_answer_for_any_layer_and_length(asked: Asked) -> None:
    same_as_plain(asked, every_way(8, 8), range(PROMPTS))
