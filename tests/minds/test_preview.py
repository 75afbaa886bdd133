"""Previews: what models are sent, word for word, and checks of whole sets."""

import pytest

from app.commons.config import GenerativeMind, ScriptedMind
from app.minds.differences import compared, parts
from app.minds.preview import check_set, example_config, preview
from app.minds.prompts import PIECES, PromptError, PromptSet
from tests.minds.samples import base_prompts, episode, prompt_set
from tests.minds.scripts import PurposeModel
from tests.minds.test_whole_month import played
from tests.support import scripted_config


class Listening(PurposeModel):
    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}

    async def complete(self, messages, sampling, key):
        self.sent[str(key)] = "\n".join(message.content for message in messages)
        return await super().complete(messages, sampling, key)


async def test_a_preview_is_what_a_run_sends():
    model = Listening()
    await played(episode(months=1), model)
    shown = {
        str(sent.key): "\n".join(item.content for item in sent.messages)
        for sent in await preview(episode(), base_prompts())
    }
    harvests = [key for key in shown if "/harvest/" in key]
    assert len(harvests) == 5
    assert all(shown[key] == model.sent[key] for key in harvests)


async def test_every_agent_is_asked_for_everything():
    sent = await preview(example_config("pasture", "universalization"), prompt_set("paraphrase-1"))
    asked = {(item.key.agent, item.key.purpose) for item in sent}
    purposes = {"harvest", "utterance", "planning", "interesting", "rating", "insight"}
    assert asked == {(name, purpose) for name in example_config("pasture", "default").names for purpose in purposes} | {
        ("framework", "summary"),
        ("framework", "limit"),
    }
    assert {item.key.month for item in sent} == {1}


async def test_scripted_agents_are_shown_as_language_models_would_be_prompted():
    config = scripted_config()
    sent = await preview(config, base_prompts())
    assert {item.key.agent for item in sent} == {*config.names, "framework"}
    assert all(isinstance(agent.mind, ScriptedMind) for agent in config.agents)


async def test_settings_of_a_generative_mind_are_kept():
    config = example_config("fishery", "universalization")
    mind = GenerativeMind(model="lab/m", retrieved_for_utterance=1)
    config = config.model_copy(
        update={"agents": tuple(item.model_copy(update={"mind": mind}) for item in config.agents)}
    )
    assert len(await preview(config, base_prompts())) > 5


@pytest.mark.parametrize("name", ["base", "paraphrase-1", "paraphrase-2"])
async def test_a_check_fills_in_every_piece(name: str, monkeypatch: pytest.MonkeyPatch):
    rendered = set()
    real = PromptSet.render

    def noting(self: PromptSet, piece: str, **variables: object) -> str:
        rendered.add(piece)
        return real(self, piece, **variables)

    monkeypatch.setattr(PromptSet, "render", noting)
    assert await check_set(prompt_set(name)) > 1000
    assert rendered == set(PIECES)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("rules.txt", "{{ game.moths }}", r"rules\.txt'.*moths.*\(scenario fishery, condition default\)"),
        ("again_limit.txt", "{{ words.plase }}", r"again_limit\.txt'.*plase"),
        ("no_reply.txt", "{{ 1 / 0 }}", r"no_reply\.txt'.*division"),
        ("setting_home.txt", "{{ date }} {{ date.year.x }}", r"setting_home\.txt'"),
    ],
)
async def test_a_check_finds_what_only_filling_in_shows(file: str, text: str, says: str):
    prompts = PromptSet.from_files("mine", base_prompts().files | {file: text})
    with pytest.raises(PromptError, match=says):
        await check_set(prompts)


def test_differences_are_marked_word_by_word_and_nothing_is_lost():
    found = parts("The lake holds 100 tons of fish.", "The lake has 100 tons of fish.")
    assert [(part.text, part.changed) for part in found if part.changed] == [("holds", True)]
    assert "".join(part.text for part in found) == "The lake holds 100 tons of fish."
    assert all(part.changed for part in parts("New.", ""))


async def test_a_set_compared_with_itself_has_no_differences():
    [sent, *_] = await preview(example_config("fishery", "default"), base_prompts())
    for message, segments in zip(sent.messages, compared(sent.messages, sent.messages), strict=True):
        assert "".join(part.text for _, found in segments for part in found) == message.content
        assert not any(part.changed for _, found in segments for part in found)
