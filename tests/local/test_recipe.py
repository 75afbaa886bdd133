"""LayerSkip's numbers: dropout rates, weights of exit losses, curricula."""

import pytest

pytest.importorskip("torch")

import itertools

from app.local.recipe import NONE, Recipe

LAYERS, STEPS = 8, 100


def test_dropout_grows_exponentially_from_nothing_at_the_first_layer_to_the_most_at_the_last() -> None:
    rates = Recipe(dropout=0.2, rising=False).rates(LAYERS, 0, STEPS)
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0.2)
    # e^(l ln 2 / (L - 1)) - 1 at l = 3 of L = 8
    assert rates[3] == pytest.approx(0.2 * (2 ** (3 / 7) - 1))
    steps = [later - earlier for earlier, later in itertools.pairwise(rates)]
    assert steps == sorted(steps)


def test_from_scratch_dropout_rises_with_the_steps() -> None:
    recipe = Recipe(dropout=0.2)
    assert recipe.rates(LAYERS, 0, STEPS) == [0.0] * LAYERS
    assert recipe.rates(LAYERS, STEPS - 1, STEPS)[-1] == pytest.approx(0.2)
    assert 0 < recipe.rates(LAYERS, 50, STEPS)[-1] < 0.1


@pytest.mark.parametrize("curriculum", ["rotational", "gradual", "all"])
def test_weights_sum_to_one_grow_with_depth_and_always_count_the_last_layer(curriculum: str) -> None:
    recipe = Recipe(curriculum=curriculum)  # type: ignore[arg-type]
    for step in range(STEPS):
        weights = recipe.weights(LAYERS, step, STEPS)
        assert sum(weights) == pytest.approx(1)
        counted = [weight for weight in weights if weight]
        assert weights[-1] == max(weights) > 0
        assert counted == sorted(counted)


def test_the_rotational_curriculum_comes_round_to_every_layer_equally_often() -> None:
    recipe = Recipe(rotation=4)
    turns = [recipe.counted(LAYERS, step, STEPS) for step in range(4)]
    assert [sum(turn[layer] for turn in turns) for layer in range(LAYERS)] == [1] * 7 + [4]
    assert turns == [recipe.counted(LAYERS, step, STEPS) for step in range(4, 8)]


def test_the_gradual_curriculum_opens_from_the_last_layer_backwards_and_is_open_half_way_on() -> None:
    recipe = Recipe(curriculum="gradual")
    opened = [sum(recipe.counted(LAYERS, step, STEPS)) for step in range(STEPS)]
    assert opened == sorted(opened)
    assert opened[0] == 1
    assert opened[STEPS // 2] == LAYERS
    assert recipe.counted(LAYERS, 7, STEPS) == [False] * 6 + [True] * 2


def test_without_the_recipe_nothing_is_dropped_and_only_the_last_layer_learns() -> None:
    assert NONE.rates(LAYERS, 50, STEPS) == [0.0] * LAYERS
    assert NONE.weights(LAYERS, 50, STEPS) == [0.0] * 7 + [1.0]


@pytest.mark.parametrize("wrong", [{"dropout": 1.0}, {"dropout": -0.1}, {"exit_scale": -1.0}, {"rotation": 0}])
def test_impossible_numbers_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|takes at least"):
        Recipe(**wrong)  # type: ignore[arg-type]
