"""A plan of an experiment: what is expected and how it will be judged, written down before the runs are seen.

A plan names contrasts by the cells of the experiment, not by labels of a table, so that it means the same runs however
a comparison groups them. Its hash names it; what was frozen is never changed, only followed by another version.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, field_validator, model_validator

from app.commons.frozen import Frozen, content_hash

PlanMetric = Literal[
    "survival_rate", "survival_time", "gain", "efficiency", "equality", "over_usage", "over_usage_asked"
]
PLAN_METRICS: tuple[PlanMetric, ...] = get_args(PlanMetric)
Direction = Literal["either", "higher", "lower"]
Unreadable = Literal["with", "without", "worst"]
MOST_CONTRASTS = 50

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class PlannedGroup(Frozen):
    """Runs of an experiment by their cells: all that have what is named; what is left out may be anything.

    `model` is the label of the experiment's definition, or the names of the models where it has none; `condition` and
    `scenario` are ids, such as "universalization" and "fishery".
    """

    model: Name | None = None
    condition: Name | None = None
    scenario: Name | None = None

    def has(self, model: str, condition: str, scenario: str) -> bool:
        """Tell whether a run of this model, condition and scenario belongs to the group."""
        given = ((self.model, model), (self.condition, condition), (self.scenario, scenario))
        return all(wanted is None or wanted == value for wanted, value in given)

    @property
    def words(self) -> str:
        """The group in words: "universalization, fishery"; "all runs" where nothing is named."""
        return ", ".join(name for name in (self.model, self.condition, self.scenario) if name) or "all runs"


class PlannedContrast(Frozen):
    """A difference that the plan is about: a group minus its reference in one metric.

    `direction` is what is expected of the group. Tests stay two-sided, so an expectation buys no smaller p.
    """

    metric: PlanMetric = "survival_rate"
    group: PlannedGroup
    reference: PlannedGroup
    direction: Direction = "either"

    @model_validator(mode="after")
    def _two_groups(self) -> "PlannedContrast":
        if self.group == self.reference:
            raise ValueError("a contrast needs two different groups")
        sides = zip(dict(self.group).values(), dict(self.reference).values(), strict=True)
        if not any(one is not None and other is not None and one != other for one, other in sides):
            raise ValueError("group and reference share runs: let them name different models, conditions or scenarios")
        return self


class ExperimentPlan(Frozen):
    """What is expected, how it is judged, how many runs there will be, and which of them will not count.

    `unreadable` says what harvests that cannot be read count as: `with` (0, as played), `without` (runs that have any
    are left out), `worst` (they asked for everything). `exclusions` are reasons to leave a run out, in words.
    """

    hypotheses: tuple[Sentence, ...] = Field(min_length=1, max_length=20)
    primary: PlanMetric = Field(default="survival_rate", description="the metric that decides")
    contrasts: tuple[PlannedContrast, ...] = Field(min_length=1, max_length=MOST_CONTRASTS)
    runs_per_cell: int = Field(ge=1, le=200, description="n: one run a seed in each cell")
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="the level of the tests, after Holm's procedure")
    unreadable: Unreadable = "with"
    exclusions: tuple[Sentence, ...] = Field(default=(), max_length=20)
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000)] = ""

    @field_validator("contrasts")
    @classmethod
    def _each_once(cls, given: tuple[PlannedContrast, ...]) -> tuple[PlannedContrast, ...]:
        seen: set[Any] = set()
        for contrast in given:
            key = contrast.metric, frozenset((contrast.group, contrast.reference))
            if key in seen:
                raise ValueError("a contrast is named twice")
            seen.add(key)
        return given

    @model_validator(mode="after")
    def _primary_is_tested(self) -> "ExperimentPlan":
        if all(contrast.metric != self.primary for contrast in self.contrasts):
            raise ValueError(f"no contrast is about the primary metric, {self.primary}")
        return self

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON of this plan."""
        return content_hash(self)
