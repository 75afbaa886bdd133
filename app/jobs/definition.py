"""The definition of an experiment: models x conditions x scenarios x seeds, and what all its runs share.

One definition is one file (`definition_text.py` reads and writes it), one form, one object of the API. Its canonical
text is stored with the experiment, so that what was launched can be launched again elsewhere.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from app.commons.frozen import Frozen
from app.commons.plan import ExperimentPlan
from app.jobs.launch_plan import MAX_NAMES, MAX_RUNS, RunSettings
from app.jobs.seeds import HIGHEST_SEED, read_seeds
from app.store.records import MAX_COST, MAX_TOKENS, Amount, Budget, Tokens

MAX_LABEL = 80
MAX_NOTE = 5000


def _on_one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("write it on one line, without control characters")
    return text


OneLine = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_on_one_line)]


class GridModel(Frozen):
    """One model of a grid: who decides, under a label that tables and pages call it by.

    `minds` holds one entry for all agents or one for each (a mixed village): `scripted:POLICY` or
    `generative:ENDPOINT/MODEL`.
    """

    label: OneLine = Field(min_length=1, max_length=MAX_LABEL)
    minds: tuple[str, ...] = Field(min_length=1, max_length=MAX_NAMES)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        """Read "scripted:greedy" as the model of that name, and name after its minds what has no label."""
        if isinstance(given, str):
            given = {"minds": [given]}
        if not isinstance(given, dict) or not isinstance(minds := given.get("minds"), list | tuple):
            return given
        named = {"label": label_of(minds)} if minds and all(isinstance(mind, str) for mind in minds) else {}
        return named | given | {"minds": tuple(minds)}


class DefinitionBudget(Frozen):
    """What may be spent: by all runs together, and by each; tokens in and out together, US dollars."""

    tokens: Tokens | None = Field(default=None, ge=1, le=MAX_TOKENS, description="all runs together")
    cost: Amount | None = Field(
        default=None, gt=0, le=MAX_COST, allow_inf_nan=False, description="all runs: US dollars"
    )
    run_tokens: Tokens | None = Field(default=None, ge=1, le=MAX_TOKENS, description="each run")
    run_cost: Amount | None = Field(
        default=None, gt=0, le=MAX_COST, allow_inf_nan=False, description="each run: US dollars"
    )

    @property
    def shared(self) -> Budget:
        """What all runs may spend together."""
        return Budget(tokens=self.tokens, cost=self.cost)

    @property
    def each(self) -> Budget:
        """What each run may spend."""
        return Budget(tokens=self.run_tokens, cost=self.run_cost)


class Definition(Frozen):
    """An experiment as it is asked for. Every model plays every condition in every scenario with every seed."""

    name: OneLine = Field(min_length=1, max_length=200)
    note: str | None = Field(default=None, max_length=MAX_NOTE, description="what it is about, plain text")
    scenarios: tuple[str, ...] = Field(default=("fishery",), min_length=1, max_length=MAX_RUNS)
    conditions: tuple[str, ...] = Field(default=("default",), min_length=1, max_length=MAX_RUNS)
    seeds: tuple[int, ...] = Field(min_length=1, max_length=MAX_RUNS, description='a list, or a text such as "1-5"')
    order_seed: int = Field(
        default=1, ge=0, le=HIGHEST_SEED, description="of the random order in which runs are played"
    )
    models: tuple[GridModel, ...] = Field(min_length=1, max_length=MAX_RUNS)
    settings: RunSettings = RunSettings()
    budget: DefinitionBudget = DefinitionBudget()
    plan: ExperimentPlan | None = Field(default=None, description="what is expected, and how it will be judged")

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, given: Any) -> Any:
        found = read_seeds(given) if isinstance(given, str) else given
        return tuple(found) if isinstance(found, list) else found

    @field_validator("scenarios", "conditions", "seeds", "models")
    @classmethod
    def _each_once(cls, given: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        names = [item.label if isinstance(item, GridModel) else item for item in given]
        if twice := [name for name, number in Counter(names).items() if number > 1]:
            raise ValueError(f"'{twice[0]}' is named twice; equal runs are one run counted twice")
        if twice := [label for label, number in Counter(_minds(given)).items() if number > 1]:
            raise ValueError(f"two models are the same: {', '.join(twice[0])}")
        return given

    @field_validator("seeds")
    @classmethod
    def _bounded(cls, given: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 0 <= seed <= HIGHEST_SEED for seed in given):
            raise ValueError(f"a seed is a whole number from 0 to {HIGHEST_SEED}")
        return given

    @model_validator(mode="after")
    def _not_too_many(self) -> "Definition":
        if self.runs > MAX_RUNS:
            raise ValueError(f"at most {MAX_RUNS} runs at once; this grid has {self.size} = {self.runs}")
        return self

    @property
    def models_named(self) -> list[str]:
        """The models that are asked, as ENDPOINT/MODEL, each once: of agents, of the framework, for embeddings."""
        minds = [mind for model in self.models for mind in model.minds] + [self.settings.framework or ""]
        asked = [mind.removeprefix("generative:") for mind in minds if mind.startswith("generative:")]
        return list(dict.fromkeys([*asked, *([self.settings.embedding] if self.settings.embedding else [])]))

    @property
    def cells(self) -> int:
        """How many cells the grid has: models x conditions x scenarios."""
        return len(self.models) * len(self.conditions) * len(self.scenarios)

    @property
    def runs(self) -> int:
        """How many runs it has: one a seed in each cell."""
        return self.cells * len(self.seeds)

    @property
    def size(self) -> str:
        """Its size in words: "2 models x 3 scenarios x 2 conditions x 5 seeds"."""
        parts = (
            (self.models, "model"),
            (self.scenarios, "scenario"),
            (self.conditions, "condition"),
            (self.seeds, "seed"),
        )
        return " × ".join(f"{len(items)} {word}{'' if len(items) == 1 else 's'}" for items, word in parts)


def label_of(minds: Sequence[str]) -> str:
    """Return a label for a model without one: its mind's name, or the names of a mixed village with their numbers."""
    names = Counter(mind.removeprefix("generative:").replace("scripted:", "scripted ") for mind in minds)
    if len(names) == 1:
        return next(iter(names))[:MAX_LABEL]
    return ", ".join(f"{name} ×{number}" if number > 1 else name for name, number in names.items())[:MAX_LABEL]


def _minds(models: Sequence[Any]) -> list[tuple[str, ...]]:
    return [item.minds for item in models if isinstance(item, GridModel)]
