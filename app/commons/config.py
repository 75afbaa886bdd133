"""The configuration of an episode: everything that decides what happens, and nothing else.

Two episodes with equal configuration and equal completions are the same episode; `EpisodeConfig.hash` names them.
"""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from app.commons.fidelity import ALL_SWITCHES, Switch
from app.commons.frozen import Frozen, content_hash

P = TypeVar("P")

MAX_AGENTS = 12
MIN_AGENTS = 2
MAX_MONTHS = 240

AllocationRule = Literal["stochastic", "proportional"]
ReportStyle = Literal["manager", "individual", "none"]
Ratings = Literal["single", "batched"]
Disclosure = Literal["allocation", "collapse_threshold", "months"]
PolicyName = Literal["fair-share", "greedy", "reciprocal", "forgetful", "random"]


class GameConfig(Frozen):
    """The game's numbers (GovSim, section 2). Stock, capacity and threshold are in whole units of the scenario."""

    months: int = Field(default=12, ge=1, le=MAX_MONTHS, description="T, the length of an episode in months")
    capacity: int = Field(default=100, ge=1, le=100_000, description="K, the carrying capacity in units")
    initial_stock: int = Field(default=100, ge=1, le=100_000, description="h(1), the stock of the first month")
    growth: float = Field(default=2.0, gt=1, le=100, description="g, what is left is multiplied by it")
    collapse_threshold: int = Field(default=5, ge=0, description="C, fewer units left after harvest: collapse")
    allocation: AllocationRule = Field(default="stochastic", description="who gets what when too much is asked")

    @model_validator(mode="after")
    def _numbers_agree(self) -> Self:
        if self.initial_stock > self.capacity:
            raise ValueError(
                f"the initial stock ({self.initial_stock}) is above the carrying capacity ({self.capacity})"
            )
        if self.collapse_threshold > self.initial_stock:
            raise ValueError(
                f"the collapse threshold ({self.collapse_threshold}) is above the initial stock "
                f"({self.initial_stock}): the episode would end before it starts"
            )
        return self


class ObservePhase(Frozen):
    """Each agent learns the stock, and under universalization what everybody taking too much would do."""

    type: Literal["observe"] = "observe"
    universalization: bool = False


class HarvestPhase(Frozen):
    """Each agent decides, privately and at the same time, how much to take."""

    type: Literal["harvest"] = "harvest"


class SettlePhase(Frozen):
    """The stock is shared out and each agent learns its own result."""

    type: Literal["settle"] = "settle"


class TalkPhase(Frozen):
    """The agents talk in turn, after a report of what everybody got.

    The report is the overseer's (*manager*), or each says its own (*individual*, all together one contribution), or
    there is *none*.
    """

    type: Literal["talk"] = "talk"
    report: ReportStyle = "manager"
    max_contributions: int = Field(default=10, ge=1, le=100, description="the opening report included")


class TakeAwayPhase(Frozen):
    """The talk is summed up, the agreed limit read from it, and each agent keeps two thoughts."""

    type: Literal["take_away"] = "take_away"


class OthersPhase(Frozen):
    """At the end of the month each agent learns what everybody got; meant for months without talk."""

    type: Literal["others"] = "others"


class HomePhase(Frozen):
    """Each agent looks back on its memories and writes insights."""

    type: Literal["home"] = "home"


class RegrowPhase(Frozen):
    """What is left grows, up to the carrying capacity."""

    type: Literal["regrow"] = "regrow"


PhaseConfig = Annotated[
    ObservePhase | HarvestPhase | SettlePhase | TalkPhase | TakeAwayPhase | OthersPhase | HomePhase | RegrowPhase,
    Field(discriminator="type"),
]

STANDARD_PHASES: tuple[PhaseConfig, ...] = (
    ObservePhase(), HarvestPhase(), SettlePhase(), TalkPhase(), TakeAwayPhase(), HomePhase(), RegrowPhase(),
)  # fmt: skip


class SamplingConfig(Frozen):
    """What is asked of a model besides the text. None means "not sent"."""

    temperature: float | None = Field(default=0.0, ge=0, le=2)
    top_p: float | None = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=8000, ge=1, le=1_000_000)
    seed: int | None = Field(default=None, description="the request seed; recorded apart from the environment's")


class ScriptedMind(Frozen):
    """A mind that follows a fixed policy: no language model, no cost."""

    type: Literal["scripted"] = "scripted"
    policy: PolicyName


class GenerativeMind(Frozen):
    """A mind of the Generative Agents kind: a language model with a memory stream."""

    type: Literal["generative"] = "generative"
    model: str = Field(pattern=r"^[A-Za-z0-9_.-]+/\S+$", max_length=200, description="ENDPOINT/MODEL")
    prompts: str = Field(default="base", pattern=r"^[a-z0-9_-]+$", max_length=60)
    sampling: SamplingConfig = SamplingConfig()
    retrieved_for_harvest: int = Field(default=10, ge=1, le=100)
    retrieved_for_utterance: int = Field(default=5, ge=1, le=100)
    retrieved_at_home: int = Field(default=10, ge=1, le=100)
    # Left out of the canonical form at their default, so that episodes keep the names they had without them.
    ratings: Ratings = Field(
        default="single",
        exclude_if=lambda ratings: ratings == "single",
        description="one call rates one new memory, or all those of an agent at once",
    )
    embedding: str | None = Field(
        default=None,
        exclude_if=lambda embedding: embedding is None,
        pattern=r"^[A-Za-z0-9_.-]+/\S+$",
        max_length=200,
        description="ENDPOINT/MODEL that relevance is measured with; None: hashed n-grams, without a model",
    )


class RecordedMind(Frozen):
    """The mind of an imported run: what it did is known, and nothing can be asked of it."""

    type: Literal["recorded"] = "recorded"
    model: str | None = None


MindConfig = Annotated[ScriptedMind | GenerativeMind | RecordedMind, Field(discriminator="type")]


class ScriptedFramework(Frozen):
    """Reads the talk of scripted minds by their own plain sentences."""

    type: Literal["scripted"] = "scripted"


class GenerativeFramework(Frozen):
    """Reads the talk with a language model: one for the summary and the agreed limit."""

    type: Literal["generative"] = "generative"
    model: str = Field(pattern=r"^[A-Za-z0-9_.-]+/\S+$", max_length=200, description="ENDPOINT/MODEL")
    prompts: str = Field(default="base", pattern=r"^[a-z0-9_-]+$", max_length=60)
    sampling: SamplingConfig = SamplingConfig()


class RecordedFramework(Frozen):
    """The framework of an imported run."""

    type: Literal["recorded"] = "recorded"
    model: str | None = None


FrameworkConfig = Annotated[ScriptedFramework | GenerativeFramework | RecordedFramework, Field(discriminator="type")]


def _is_default(value: Any) -> bool:
    """Tell whether a setting that came later stands where it always stood: then it is no part of the hash."""
    return value in (1, "", ())


class AgentConfig(Frozen):
    """One agent: its name, which is its identity within the episode, its mind, and who it is.

    `description` and `goals` are told to the agent itself, as its own; they are empty by default.
    """

    name: str = Field(min_length=1, max_length=40, pattern=r"^[^\s/\x00-\x1f][^/\x00-\x1f]*$")
    mind: MindConfig
    joins: int = Field(default=1, ge=1, le=MAX_MONTHS, description="first month it is there", exclude_if=_is_default)
    description: str = Field(default="", max_length=2000, exclude_if=_is_default)
    goals: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(
        default=(), max_length=10, exclude_if=_is_default
    )


class EpisodeConfig(Frozen):
    """Everything that decides what happens in an episode. Its `hash` names it."""

    scenario: str = Field(pattern=r"^[a-z0-9_-]+$", max_length=40)
    condition: str = Field(default="default", pattern=r"^[a-z0-9_+-]+$", max_length=80)
    game: GameConfig = GameConfig()
    agents: tuple[AgentConfig, ...] = Field(min_length=MIN_AGENTS, max_length=MAX_AGENTS)
    framework: FrameworkConfig = ScriptedFramework()
    phases: tuple[PhaseConfig, ...] = STANDARD_PHASES
    seed: int = Field(default=42, ge=0, le=2**31 - 1, description="the environment seed")
    disclose: tuple[Disclosure, ...] = Field(
        default=(), description="what the rules tell beyond the usual", exclude_if=_is_default
    )
    fidelity: tuple[Switch, ...] = Field(
        default=(),
        description="where this is played as the research code does; 'research' is all",
        exclude_if=_is_default,
    )

    @field_validator("fidelity", mode="before")
    @classmethod
    def _all_switches(cls, switches: object) -> object:
        return ALL_SWITCHES if switches == "research" else switches

    @field_validator("disclose", "fidelity")
    @classmethod
    def _in_order(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(names)))

    @field_validator("agents")
    @classmethod
    def _names_differ(cls, agents: tuple[AgentConfig, ...]) -> tuple[AgentConfig, ...]:
        names = [agent.name for agent in agents]
        if len(set(names)) != len(names):
            raise ValueError("two agents have the same name")
        if {"framework"} & {name.lower() for name in names}:
            raise ValueError("no agent may be called 'framework'")
        return agents

    @field_validator("phases")
    @classmethod
    def _month_is_playable(cls, phases: tuple[PhaseConfig, ...]) -> tuple[PhaseConfig, ...]:
        order = [phase.type for phase in phases]
        required = [kind for kind in order if kind in ("observe", "harvest", "settle", "regrow")]
        if required != ["observe", "harvest", "settle", "regrow"]:
            raise ValueError("a month needs observe, harvest, settle and regrow, once each and in this order")
        return phases

    @model_validator(mode="after")
    def _everybody_comes(self) -> Self:
        if not self.present(1):
            raise ValueError("nobody is there in month 1")
        for agent in self.agents:
            if agent.joins > self.game.months:
                raise ValueError(
                    f"{agent.name} joins in month {agent.joins}, and the episode has only {self.game.months} months"
                )
        return self

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON of this configuration."""
        return content_hash(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The agents' names, in their fixed order."""
        return tuple(agent.name for agent in self.agents)

    def present(self, month: int) -> tuple[str, ...]:
        """Return the names of the agents who are there in *month*, in their fixed order."""
        return tuple(agent.name for agent in self.agents if agent.joins <= month)

    def phase(self, kind: type[P]) -> P | None:
        """Return this episode's phase of class *kind*, or None if its months have none."""
        return next((phase for phase in self.phases if isinstance(phase, kind)), None)
