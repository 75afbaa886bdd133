"""Plans: what they may say, and that equal plans have one hash."""

import tomllib

import pytest
from pydantic import ValidationError

from app.commons.plan import ExperimentPlan, PlannedContrast, PlannedGroup
from app.commons.toml_text import toml_text

PLAN = """
hypotheses = ["Universalization makes more runs survive"]
runs_per_cell = 5

[[contrasts]]
group = { condition = "universalization" }
reference = { condition = "default" }
direction = "higher"

[[contrasts]]
metric = "gain"
group = { model = "greedy", condition = "default" }
reference = { model = "fair", condition = "default" }
"""


def plan() -> ExperimentPlan:
    return ExperimentPlan.model_validate(tomllib.loads(PLAN))


def test_a_plan_is_a_table_of_toml_and_comes_back_from_its_canonical_text() -> None:
    read = plan()
    again = ExperimentPlan.model_validate(tomllib.loads(toml_text(read.model_dump(mode="json"))))
    assert again == read
    assert again.hash == read.hash
    assert read.contrasts[0].direction == "higher"
    assert (read.primary, read.alpha, read.unreadable) == ("survival_rate", 0.05, "with")


def test_a_group_is_all_runs_that_have_what_it_names() -> None:
    group = PlannedGroup(condition="universalization")
    assert group.has("greedy", "universalization", "fishery")
    assert not group.has("greedy", "default", "fishery")
    assert PlannedGroup(model="a", scenario="fishery").words == "a, fishery"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hypotheses": []}, "hypotheses"),
        ({"hypotheses": ["  "]}, "hypotheses"),
        ({"primary": "efficiency"}, "no contrast is about the primary metric"),
        ({"runs_per_cell": 0}, "runs_per_cell"),
        ({"alpha": 0.7}, "alpha"),
        ({"contrasts": [{"group": {"model": "a"}, "reference": {"model": "a"}}]}, "two different groups"),
        ({"contrasts": [{"group": {"model": "a"}, "reference": {"condition": "b"}}]}, "share runs"),
        (
            {
                "contrasts": [
                    {"group": {"model": "a"}, "reference": {"model": "b"}},
                    {"group": {"model": "b"}, "reference": {"model": "a"}},
                ]
            },
            "named twice",
        ),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_no_plan_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ExperimentPlan.model_validate(plan().model_dump() | change)


def test_a_contrast_says_what_it_is_between() -> None:
    one = PlannedContrast(group=PlannedGroup(scenario="fishery"), reference=PlannedGroup(scenario="pasture"))
    assert (one.group.words, one.reference.words, one.metric) == ("fishery", "pasture", "survival_rate")
