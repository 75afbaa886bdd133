"""The corpus of the demonstration model: prompts of our own prompt sets, answered by scripted minds, made on the spot.

The same seed makes the same corpus. Held-out prompts are episodes of another seed.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from app.commons.chance import generator
from app.commons.config import GameConfig
from app.commons.events import Event, MonthStarted
from app.commons.scenario import get_scenario
from app.engine.play import play
from app.local.episodes import PROMPT_SETS, draw_episode
from app.local.teacher import Slate, Teacher, TeachingFramework
from app.minds.build import build_minds
from app.minds.prompt_folders import load_set
from app.minds.prompts import PromptSet
from app.models.base import CallKey

HELD_OUT = 1_000_003
"""Added to the seed of a corpus for prompts that are no part of it."""
KEPT: Mapping[str, float] = {"harvest": 0.7, "utterance": 0.5, "rating": 0.06}
"""How many of the prompts of a purpose go into the corpus, so that many episodes make it."""
OTHERS_KEPT = 0.35

Chat = tuple[tuple[str, str], ...]
"""Messages as (role, content)."""


@dataclass(frozen=True)
class Lesson:
    """A prompt and how it is to be answered; `stock` is what the commons held when the month began, in units."""

    purpose: str
    prompt: Chat
    answer: str
    scenario: str
    stock: int
    agents: int


def lessons(seed: int, folders: Sequence[Path]) -> Iterator[Lesson]:
    """Yield lessons without end, episode after episode; prompt sets are read from *folders*.

    Raises:
        app.minds.prompts.PromptError: a prompt set is missing or cannot be used.
    """
    sets = {name: load_set(folders, name) for name in sorted(set(PROMPT_SETS))}
    for number in count():
        yield from _episode(seed, number, sets)


def held_out(seed: int, folders: Sequence[Path]) -> Iterator[Lesson]:
    """Yield lessons that are in no corpus of *seed*."""
    return lessons(seed + HELD_OUT, folders)


def held_out_prompts(folders: Sequence[Path], number: int = 50, seed: int = 1) -> list[Chat]:
    """Return *number* held-out prompts of mixed purposes, in the order of an episode, as (role, content) pairs."""
    found: list[Chat] = []
    for index, lesson in enumerate(held_out(seed, folders)):
        if index % 3 == 0:
            found.append(lesson.prompt)
        if len(found) == number:
            break
    return found


def harvest_lessons(seed: int, folders: Sequence[Path], stock: int) -> Iterator[Lesson]:
    """Yield held-out harvest prompts of first months that begin with *stock* of 100 units, one an episode."""
    sets = {name: load_set(folders, name) for name in sorted(set(PROMPT_SETS))}
    for number in count():
        game = GameConfig(months=1, initial_stock=stock)
        found = _episode(seed + HELD_OUT, number, sets, game)
        yield from islice((lesson for lesson in found if lesson.purpose == "harvest"), 1)


def _episode(seed: int, number: int, sets: Mapping[str, PromptSet], game: GameConfig | None = None) -> list[Lesson]:
    config, policies = draw_episode(seed, number, game)
    slate = Slate(config.seed)
    minds, framework = build_minds(config, sets, lambda _name: slate)
    scenario = get_scenario(config.scenario)
    stocks: dict[int, int] = {}

    def note(event: Event) -> None:
        if isinstance(event, MonthStarted):
            stocks[event.month] = event.stock

    told = sets[config.framework.prompts].in_words(scenario)  # type: ignore[union-attr]
    taught = {name: Teacher(name, policies[name], config, told, mind, slate) for name, mind in minds.items()}
    asyncio.run(play(config, taught, TeachingFramework(scenario, framework, slate), note))
    made = []
    for key, messages, answer in sorted(slate.pairs, key=lambda pair: _order(pair[0])):
        chance = generator(config.seed, "kept", str(key)).random()
        # Asking again is rare, and all of it is learnt from.
        if key.attempt > 1 or chance < KEPT.get(key.purpose, OTHERS_KEPT):
            prompt = tuple((message.role, message.content) for message in messages)
            made.append(
                Lesson(key.purpose, prompt, answer, scenario.id, stocks[key.month], len(config.present(key.month)))
            )
    return made


def _order(key: CallKey) -> tuple[int, str, str, str, str, int]:
    """The order of answers that came at the same time is no part of a corpus."""
    return key.month, key.phase, key.agent, key.purpose, key.item, key.attempt
