"""Grids: every cell with every seed, in an order that mixes the cells and is the same everywhere."""

from collections import Counter

import pytest

from app.jobs.definition import Definition, GridModel
from app.jobs.definition_text import DefinitionError
from app.jobs.grid import Cell, cells_of, grid_runs, in_order
from app.jobs.launch import no_prices


def usable(name: str, kind: str = "chat") -> None:
    if name == "lab/gone":
        raise ValueError("There is no model 'lab/gone'.")


def definition(**changes: object) -> Definition:
    fields: dict[str, object] = {
        "name": "Grid",
        "scenarios": ("fishery", "pasture", "pollution"),
        "conditions": ("default", "universalization"),
        "seeds": tuple(range(1, 16)),
        "models": (
            GridModel(label="A", minds=("scripted:greedy",)),
            GridModel(label="B", minds=("scripted:fair-share",)),
        ),
    }
    return Definition.model_validate(fields | changes)


SMALL = {"scenarios": ("fishery",), "seeds": (1, 2)}


def test_every_cell_has_every_seed() -> None:
    wanted = definition(seeds=(4, 7, 9))
    runs = grid_runs(wanted, usable, no_prices)
    assert Counter((run.cell, run.seed) for run in runs) == Counter(
        (cell, seed) for cell in cells_of(wanted) for seed in (4, 7, 9)
    )
    for run in runs:
        config = run.config
        assert (config.scenario, config.condition, config.seed) == (run.cell.scenario, run.cell.condition, run.seed)
    assert {run.config.agents[0].mind.policy for run in runs if run.cell.model == "A"} == {"greedy"}  # type: ignore[union-attr]


def test_the_order_is_the_same_every_time_and_written_down() -> None:
    order = list(in_order(definition(seeds=(1, 2), scenarios=("fishery",))))
    assert order == list(in_order(definition(seeds=(1, 2), scenarios=("fishery",))))
    # As it was when this was written: stored experiments say in which order they were played.
    assert [(cell.model, cell.condition[0], seed) for cell, seed in order] == GOLDEN
    assert order != list(in_order(definition(seeds=(1, 2), scenarios=("fishery",), order_seed=2)))


GOLDEN = [
    *(("A", "d", 1), ("A", "u", 1), ("B", "d", 1), ("B", "u", 1)),
    *(("B", "d", 2), ("B", "u", 2), ("A", "d", 2), ("A", "u", 2)),
]


def test_each_round_holds_every_cell_once_in_an_order_of_its_own() -> None:
    wanted = definition(seeds=(1, 2, 3))
    order = list(in_order(wanted))
    rounds = [order[start : start + 12] for start in range(0, 36, 12)]
    for number, cells in enumerate(rounds, 1):
        assert {seed for _, seed in cells} == {number}
        assert {cell for cell, _ in cells} == set(cells_of(wanted))
    assert len({tuple(cell for cell, _ in cells) for cells in rounds}) == 3


def test_no_cell_is_played_early_or_late_by_habit() -> None:
    wanted = definition(scenarios=("fishery", "pasture"), seeds=tuple(range(25)))
    places: dict[Cell, list[int]] = {}
    for index, (cell, _) in enumerate(in_order(wanted)):
        places.setdefault(cell, []).append(index % 8)
    # Of 25 places drawn from 0..7 the mean lies within 3.5 ± 1.6 in all but one of 2,000 draws.
    assert all(abs(sum(found) / len(found) - 3.5) < 1.6 for found in places.values())
    assert all(len(set(found)) > 4 for found in places.values())


def test_a_cell_that_is_added_leaves_the_others_in_their_order() -> None:
    without = [cell for cell, _ in in_order(definition(conditions=("default",)))]
    cells = [cell for cell, _ in in_order(definition()) if cell.condition == "default"]
    assert cells == without


def test_a_mixed_village_is_one_model() -> None:
    minds = ("scripted:greedy", "scripted:random", "scripted:fair-share", "scripted:reciprocal", "scripted:greedy")
    runs = grid_runs(definition(models=(GridModel(label="Mixed", minds=minds),), **SMALL), usable, no_prices)
    assert [agent.mind.policy for agent in runs[0].config.agents] == [mind.partition(":")[2] for mind in minds]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"scenarios": ("moon",)}, "scenarios", "There is no scenario 'moon'"),
        ({"conditions": ("default", "war")}, "conditions", "There is no condition 'war'"),
        ({"models": (GridModel(label="G", minds=("generative:lab/gone",)),)}, "models", "G: There is no model"),
        ({"models": (GridModel(label="G", minds=("wizard",)),)}, "models", "G: 'wizard' is no mind"),
        ({"models": (GridModel(label="G", minds=("scripted:greedy",) * 3),)}, "models", "5 agents, 3 minds"),
        ({"settings": {"months": 0}}, "settings.months", "Months"),
        ({"settings": {"prompts": "No/set"}}, "settings.prompts", "no name of a prompt set"),
        (
            {"models": (GridModel(label="G", minds=("generative:lab/m",)),), "budget": {"cost": 1}},
            "budget.cost",
            "price",
        ),
    ],
)
def test_what_cannot_be_played_is_named_by_its_place(changes: dict[str, object], place: str, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        grid_runs(definition(**changes), usable, no_prices)
    assert said in caught.value.fields[place]
