"""Definitions of experiments: written canonically, read strictly, bounded."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commons.scenario import Role
from app.jobs.definition import Definition, GridModel
from app.jobs.definition_text import (
    DefinitionError,
    definition_from,
    definition_hash,
    read_definition,
    write_definition,
)

WHOLE = """
name = "A table"
note = \"\"\"
Two lines;
months = 99
\"\"\"
scenarios = ["fishery", "pasture"]
conditions = ["default", "universalization"]
seeds = "1-3, 9"
order_seed = 5
models = ["scripted:greedy", { label = "Mixed", minds = ["scripted:random", "scripted:fair-share"] }]

[settings]
agents = ["Ada", "Bo"]
months = 3
temperature = "none"
fidelity = ["naive_sentences"]

[settings.personas.Bo]
joins = 2
goals = ["say \\"hi\\"", "A\\tB"]

[budget]
cost = 2.5
run_tokens = 1000
"""


def problems(text: str) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        read_definition(text)
    return caught.value.fields


def test_a_definition_reads_as_it_is_written() -> None:
    found = read_definition(WHOLE.replace('"naive_sentences"', '"' + switch() + '"'))
    assert found.note == "Two lines;\nmonths = 99\n"
    assert found.seeds == (1, 2, 3, 9)
    assert [model.label for model in found.models] == ["scripted greedy", "Mixed"]
    assert found.settings.temperature is None and found.settings.top_p == 1
    assert found.settings.personas["Bo"] == Role(joins=2, goals=('say "hi"', "A\tB"))
    assert found.budget.shared.cost == 2.5 and found.budget.each.tokens == 1000
    assert (found.cells, found.runs) == (8, 32)
    assert found.size == "2 models × 2 scenarios × 2 conditions × 4 seeds"


def switch() -> str:
    from app.commons.fidelity import ALL_SWITCHES

    return ALL_SWITCHES[0]


def test_the_canonical_text_is_a_fixed_point() -> None:
    found = read_definition(WHOLE.replace('"naive_sentences"', '"' + switch() + '"'))
    text = write_definition(found)
    assert read_definition(text) == found
    assert write_definition(read_definition(text)) == text
    assert definition_hash(found) == definition_hash(read_definition(text))


NAMES = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text.strip() == text)


@given(
    name=NAMES,
    note=st.text(min_size=1, max_size=50),
    labels=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    seeds=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=5, unique=True),
    goals=st.lists(st.text(max_size=20), max_size=2),
    cost=st.floats(0.01, 1e6),
)
def test_any_definition_survives_its_text(
    name: str, note: str, labels: list[str], seeds: list[int], goals: list[str], cost: float
) -> None:
    minds = ["scripted:greedy", "scripted:random", "scripted:fair-share"]
    found = definition_from(
        {
            "name": name,
            "note": note,
            "seeds": seeds,
            "models": [{"label": label, "minds": [mind]} for label, mind in zip(labels, minds, strict=False)],
            "settings": {"personas": {name: {"goals": goals}}, "temperature": None},
            "budget": {"cost": cost},
        }
    )
    assert read_definition(write_definition(found)) == found


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (("months = 3\n", "monts = 3\n"), "settings.monts", "settings.monts (line 14): there is no such setting."),
        (("[budget]", "[budgets]"), "budgets", "budgets (line 22): there is no such setting."),
        (("[budget]", "extra = 1\n[budget]"), "settings.personas.Bo.extra", "line 22"),
        (("order_seed = 5", "order_seed = true"), "order_seed", "order_seed (line 9): give a whole number."),
        (("order_seed = 5", 'order_seed = "5"'), "order_seed", "give a whole number"),
        (('seeds = "1-3, 9"', "seeds = [1, 1]"), "seeds", "'1' is named twice"),
        (('seeds = "1-3, 9"', "seeds = [-1]"), "seeds", "from 0 to 2147483647"),
        (('seeds = "1-3, 9"', 'seeds = "3-1"'), "seeds", "runs backwards"),
        (('seeds = "1-3, 9"', 'seeds = "1-60"'), "", "at most 200 runs at once; this grid has 2 models"),
        (('"fishery", "pasture"', '"fishery", "fishery"'), "scenarios", "named twice"),
        (('label = "Mixed"', 'label = "scripted greedy"'), "models", "named twice"),
        (('label = "Mixed"', 'lable = "Mixed"'), "models[2].lable", "there is no such setting"),
        (("cost = 2.5", "cost = nan"), "budget.cost", "US dollars"),
        (("cost = 2.5", "cost = -1"), "budget.cost", "give more than 0"),
        (('name = "A table"', 'name = "  "'), "name", "at least 1 character"),
        (('name = "A table"', 'name = "A\\ntable"'), "name", "on one line"),
        (('name = "A table"', "name = 2024-01-01"), "", "nothing else"),
        (("months = 3\n", "months = 3\nmonths = 4\n"), "", "at line 15"),
        (('name = "A table"', "name = "), "", "is no TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: tuple[str, str], place: str, said: str) -> None:
    text = WHOLE.strip().replace('"naive_sentences"', '"' + switch() + '"')
    assert change[0] in text
    fields = problems(text.replace(*change, 1))
    assert said in fields[place]


@pytest.mark.parametrize(
    "rubbish", ["", "[", "\0", "[" * 5000, "a = " + "[" * 5000, "x = " + "9" * 5000, "<html>", "x" * 200_000, "\ud800"]
)
def test_rubbish_is_refused_in_a_sentence(rubbish: str) -> None:
    assert all(text.endswith(".") for text in problems(rubbish).values())


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(DefinitionError, match="UTF-8"):
        read_definition(b"name = \xff")


@pytest.mark.parametrize("data", [None, [], "x", 3, {"name": {"a": 1}}, {"models": [[[]]]}, {"settings": []}])
def test_data_of_any_shape_is_refused_in_sentences(data: Any) -> None:
    with pytest.raises(DefinitionError):
        definition_from(data)


def test_two_labels_for_the_same_minds_are_one_model_counted_twice() -> None:
    with pytest.raises(ValueError, match="two models are the same: scripted:greedy"):
        Definition(
            name="x",
            seeds=(1,),
            models=(
                GridModel(label="a", minds=("scripted:greedy",)),
                GridModel(label="b", minds=("scripted:greedy",)),
            ),
        )


def test_a_file_that_was_spoilt_is_refused_or_read_as_it_stands() -> None:
    rng = Random(1)
    pieces = [
        "[",
        "{",
        '"',
        "'''",
        "\n",
        "=",
        "[[a]]",
        "1e999",
        "true",
        "-",
        "\u202e",
        "\0",
        "\n[settings.personas.x]\n",
    ]
    refused = 0
    for _ in range(600):
        text = list(WHOLE.replace('"naive_sentences"', f'"{switch()}"'))
        for _ in range(rng.randint(1, 5)):
            place = rng.randrange(len(text))
            text[place : place + rng.randint(0, 2)] = rng.choice(pieces)
        try:
            found = read_definition("".join(text))
        except DefinitionError as error:
            refused += 1
            assert all(error.fields.values())
        else:
            assert read_definition(write_definition(found)) == found
    assert 100 < refused < 600
