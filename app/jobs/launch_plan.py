"""What to launch, as a person asks for it: the settings that runs share, and a plan of one run a seed."""

from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from app.commons.config import MAX_AGENTS, AllocationRule, Disclosure, Ratings, ReportStyle
from app.commons.fidelity import Switch
from app.commons.scenario import Role
from app.models.hub import Kind
from app.store.records import HIGHEST_PRIORITY, LOWEST_PRIORITY, MAX_COST, MAX_TOKENS, Amount, Budget, Tokens

MAX_RUNS = 200
MAX_NAMES = 1000
"""How many agents a plan may name before their number is looked at, which then says how many there may be."""


class CheckModel(Protocol):
    """Raises an exception with a sentence for a model that cannot be used; `ModelHub.check_name` is one."""

    def __call__(self, name: str, kind: Kind = "chat", /) -> None:
        """Do nothing if *name* can be asked for completions, or for embeddings."""
        ...


class LaunchError(ValueError):
    """A plan that cannot be launched: a message for each field that is wrong ("" for the plan as a whole)."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


class RunSettings(BaseModel):
    """What runs that are launched together share. Names of agents and numbers of the game default to the scenario's.

    `framework` is `scripted` or `generative:ENDPOINT/MODEL`; by default it follows the agents. `months`, `talk`,
    `report`, `observe_others`, `home` and who the agents are (`personas`, by name) default to the condition's.
    """

    model_config = ConfigDict(extra="forbid")

    agents: list[str] | None = Field(default=None, max_length=MAX_NAMES)
    framework: str | None = None
    months: int | None = Field(default=None, description="T; the condition's if not given")
    talk: bool | None = Field(default=None, description="whether the agents talk")
    report: ReportStyle | None = Field(default=None, description="who reports the catches before the talk")
    observe_others: bool | None = Field(default=None, description="everybody learns all catches at the month's end")
    home: bool | None = Field(default=None, description="whether the agents look back at home")
    disclose: list[Disclosure] = Field(default=[], max_length=3, description="what the rules tell beyond the usual")
    fidelity: Literal["research"] | list[Switch] = Field(
        default=[], description="where to play as the research code does; `research` is all"
    )
    personas: dict[str, Role] = Field(default={}, max_length=MAX_AGENTS, description="who agents are, by name")
    capacity: int = 100
    initial_stock: int | None = Field(default=None, description="units in month 1; the capacity if not given")
    growth: float = 2.0
    collapse_threshold: int = 5
    allocation: AllocationRule = "stochastic"
    temperature: float | None = 0.0
    top_p: float | None = 1.0
    max_tokens: int = 8000
    prompts: str = Field(default="base", description="the prompt set of language models; scripted minds need none")
    ratings: Ratings = Field(default="single", description="batched: one call rates all new memories of an agent")
    embedding: str | None = Field(
        default=None, max_length=200, description="ENDPOINT/MODEL that relevance is measured with; none: without one"
    )
    pace_ms: int = Field(default=0, ge=0, le=10_000, description="scripted minds wait this long, to be watched")
    priority: int = Field(
        default=0, ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY, description="queued runs of a higher one are played first"
    )


class LaunchPlan(RunSettings):
    """What to launch: one run a seed.

    `minds` holds one entry for all agents or one for each: `scripted:POLICY` or `generative:ENDPOINT/MODEL`.
    """

    scenario: str = "fishery"
    condition: str = "default"
    minds: list[str] = Field(default=["scripted:fair-share"], min_length=1, max_length=MAX_NAMES)
    seeds: list[int] = Field(default=[42], min_length=1, max_length=MAX_RUNS)
    name: str | None = Field(default=None, max_length=200)
    budget_tokens: Tokens | None = Field(
        default=None, ge=1, le=MAX_TOKENS, description="each run pauses after this many tokens, in and out together"
    )
    budget_cost: Amount | None = Field(
        default=None, gt=0, le=MAX_COST, allow_inf_nan=False, description="each run pauses after this many US dollars"
    )
    experiment_budget_tokens: Tokens | None = Field(
        default=None, ge=1, le=MAX_TOKENS, description="all runs together pause after this many tokens"
    )
    experiment_budget_cost: Amount | None = Field(
        default=None, gt=0, le=MAX_COST, allow_inf_nan=False, description="all runs together: US dollars"
    )

    @property
    def budget(self) -> Budget:
        """What each run may spend."""
        return Budget(tokens=self.budget_tokens, cost=self.budget_cost)

    @property
    def shared(self) -> Budget:
        """What all runs may spend together."""
        return Budget(tokens=self.experiment_budget_tokens, cost=self.experiment_budget_cost)
