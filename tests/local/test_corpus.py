"""The corpus: the same for the same seed, readable throughout, and about all stocks, scenarios and purposes."""

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch")

from app.commons.config import GameConfig
from app.commons.dynamics import sustainable_share
from app.local.corpus import Lesson, harvest_lessons, held_out, held_out_prompts, lessons
from app.local.episodes import draw_episode
from app.local.evaluation import is_readable
from app.minds.reader import read_number

FOLDERS = [Path(__file__).resolve().parents[2] / "templates" / "prompts"]


@pytest.fixture(scope="module")
def many() -> list[Lesson]:
    return list(islice(lessons(3, FOLDERS), 1500))


def test_the_same_seed_makes_the_same_corpus_and_another_one_another(many: list[Lesson]) -> None:
    assert list(islice(lessons(3, FOLDERS), 200)) == many[:200]
    assert list(islice(lessons(4, FOLDERS), 200)) != many[:200]


def test_every_answer_has_the_form_that_its_prompt_asks_for(many: list[Lesson]) -> None:
    assert [lesson for lesson in many if not is_readable(lesson, lesson.answer)] == []


def test_all_purposes_scenarios_prompt_sets_and_near_collapse_are_covered(many: list[Lesson]) -> None:
    purposes = Counter(lesson.purpose for lesson in many)
    assert set(purposes) == {
        "harvest", "utterance", "planning", "interesting", "summary", "limit", "insight", "rating",
    }  # fmt: skip
    assert purposes["harvest"] > 250
    assert {lesson.scenario for lesson in many} == {"fishery", "pasture", "pollution"}
    stocks = [lesson.stock for lesson in many if lesson.purpose == "harvest"]
    assert min(stocks) < 10
    assert sum(stock <= 25 for stock in stocks) > len(stocks) / 10
    assert sum(stock >= 75 for stock in stocks) > len(stocks) / 20
    assert {len(lesson.prompt) for lesson in many} >= {2, 4}  # asked, and asked again


def test_episodes_vary_in_condition_size_growth_report_and_prompt_set() -> None:
    configs = [draw_episode(1, number)[0] for number in range(200)]
    assert len({config.condition for config in configs}) == 7
    assert {config.agents[0].mind.prompts for config in configs} == {"base", "paraphrase-1", "paraphrase-2"}  # type: ignore[union-attr]
    assert len({len(config.agents) for config in configs}) >= 4
    assert len({config.game.growth for config in configs}) == 4
    assert len({config.game.capacity for config in configs}) > 20


def test_harvest_answers_follow_the_stock() -> None:
    for stock in (20, 100):
        found = list(islice(harvest_lessons(1, FOLDERS, stock), 30))
        values = [read_number(lesson.answer) for lesson in found]
        game = GameConfig(initial_stock=stock)
        fair = [sustainable_share(stock, lesson.agents, game) for lesson in found]
        assert sum(value == share for value, share in zip(values, fair, strict=True)) > 20
        assert all(str(stock) in lesson.prompt[1][1] for lesson in found)


def test_held_out_prompts_are_none_of_the_corpus(many: list[Lesson]) -> None:
    prompts = held_out_prompts(FOLDERS, 50, seed=3)
    assert len(prompts) == len(set(prompts)) == 50
    assert not set(prompts) & {lesson.prompt for lesson in many}
    assert next(held_out(3, FOLDERS)) != many[0]
