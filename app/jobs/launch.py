"""From what a person asks for (a form, the command line, the API) to stored runs: one set of rules for all three."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.commons.config import (
    MAX_AGENTS,
    MIN_AGENTS,
    AgentConfig,
    AllocationRule,
    Disclosure,
    EpisodeConfig,
    FrameworkConfig,
    GameConfig,
    GenerativeFramework,
    GenerativeMind,
    MindConfig,
    PolicyName,
    Ratings,
    ReportStyle,
    SamplingConfig,
    ScriptedFramework,
    ScriptedMind,
)
from app.commons.fidelity import ALL_SWITCHES, Switch
from app.commons.scenario import Condition, Role, Scenario, UnknownName, get_condition, get_scenario, scenarios
from app.engine.version import ENGINE_VERSION
from app.jobs.complaints import complaint, sentence, wrong_names
from app.minds.build import load_prompt_sets, require_pieces
from app.minds.prompt_folders import SET_NAME
from app.minds.prompts import PromptError
from app.models.hub import Kind
from app.models.prices import Price
from app.store.connect import Database
from app.store.purse import PriceOf, models_of, no_price, unpriced_models
from app.store.records import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    MAX_COST,
    MAX_TOKENS,
    NO_BUDGET,
    Amount,
    Budget,
    Tokens,
)
from app.store.runs import launch, prompt_names

MAX_RUNS = 200
MAX_NAMES = 1000
"""How many agents a plan may name before their number is looked at, which then says how many there may be."""
POLICIES: tuple[PolicyName, ...] = ("fair-share", "greedy", "reciprocal", "forgetful", "random")


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


class LaunchPlan(BaseModel):
    """What to launch: one run a seed. Names of agents and numbers of the game default to the scenario's.

    `minds` holds one entry for all agents or one for each: `scripted:POLICY` or `generative:ENDPOINT/MODEL`.
    `framework` is `scripted` or `generative:ENDPOINT/MODEL`; by default it follows the agents. `months`, `talk`,
    `report`, `observe_others`, `home` and who the agents are (`personas`, by name) default to the condition's.
    """

    model_config = ConfigDict(extra="forbid")

    scenario: str = "fishery"
    condition: str = "default"
    minds: list[str] = Field(default=["scripted:fair-share"], min_length=1, max_length=MAX_NAMES)
    agents: list[str] | None = Field(default=None, max_length=MAX_NAMES)
    framework: str | None = None
    seeds: list[int] = Field(default=[42], min_length=1, max_length=MAX_RUNS)
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
    name: str | None = Field(default=None, max_length=200)
    pace_ms: int = Field(default=0, ge=0, le=10_000, description="scripted minds wait this long, to be watched")
    priority: int = Field(
        default=0, ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY, description="queued runs of a higher one are played first"
    )
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


def plan_configs(plan: LaunchPlan, check_model: CheckModel) -> list[EpisodeConfig]:
    """Return the configurations of a plan, one a seed.

    Args:
        plan: what is asked for.
        check_model: raises an exception with a sentence for a model that cannot be used.

    Raises:
        LaunchError: naming every field that is wrong.
    """
    errors: dict[str, str] = {}
    scenario = _scenario(plan, errors)
    condition = _condition(plan, errors)
    agents = _agents(plan, scenario, condition, check_model, errors)
    framework = _framework(plan, agents, check_model, errors)
    if not SET_NAME.fullmatch(plan.prompts):
        errors["prompts"] = f"'{plan.prompts[:60]}' is no name of a prompt set: small letters, digits, - and _."
    game = _game(plan, condition, errors)
    if game is not None:
        _arrivals(agents, game, errors)
    if len(set(plan.seeds)) != len(plan.seeds):
        errors["seeds"] = "A seed is named twice; equal seeds with equal answers are one run counted twice."
    if any(not 0 <= seed < 2**31 for seed in plan.seeds):
        errors["seeds"] = "A seed is a whole number from 0 to 2147483647."
    if errors or game is None or framework is None or condition is None:
        raise LaunchError(errors)
    try:
        return [
            EpisodeConfig(
                scenario=plan.scenario,
                condition=plan.condition,
                game=game,
                agents=tuple(agents),
                framework=framework,
                phases=condition.phases(),
                seed=seed,
                disclose=tuple(plan.disclose),
                fidelity=ALL_SWITCHES if plan.fidelity == "research" else tuple(plan.fidelity),
            )
            for seed in plan.seeds
        ]
    except ValidationError as error:
        raise LaunchError({"agents": sentence(error)}) from None


def no_prices(name: str) -> Price | None:
    """Know no price: every budget in dollars is refused."""
    return None


def require_prices(plan: LaunchPlan, configs: Sequence[EpisodeConfig], price_of: PriceOf) -> None:
    """Do nothing if a budget in dollars can be kept, or none is asked for.

    Raises:
        LaunchError: if the price of a model is unknown.
    """
    asked = [name for name in ("budget_cost", "experiment_budget_cost") if getattr(plan, name) is not None]
    models = frozenset().union(*(models_of(config) for config in configs))
    if asked and (unknown := unpriced_models(models, price_of)):
        raise LaunchError({name: no_price(unknown) for name in asked})


async def launch_plan(
    database: Database,
    plan: LaunchPlan,
    *,
    check_model: CheckModel,
    prompt_folders: Sequence[Path],
    price_of: PriceOf = no_prices,
    submission: str | None = None,
    owner: str | None = None,
) -> tuple[str | None, list[str]]:
    """Store the runs of a plan and return the experiment's id (None for a single run without a name) and the runs'.

    Args:
        database: where.
        plan: what is asked for.
        check_model: as for `plan_configs`.
        prompt_folders: where prompt sets lie.
        price_of: what a model costs; a budget in dollars needs it.
        submission: a form's token; the same again launches nothing new.
        owner: who plays the runs at once; None leaves them to the workers.

    Raises:
        LaunchError: if the plan is wrong; nothing is stored.
    """
    configs = plan_configs(plan, check_model)
    require_prices(plan, configs, price_of)
    try:
        load_prompt_sets(prompt_folders, {plan.prompts})
    except PromptError as error:
        raise LaunchError({"prompts": str(error)}) from error
    return await launch_configs(
        database,
        configs,
        prompt_folders=prompt_folders,
        experiment=plan.name or (default_name(plan) if len(configs) > 1 or submission or plan.shared else None),
        submission=submission,
        owner=owner,
        pace_ms=plan.pace_ms,
        priority=plan.priority,
        budget=plan.budget,
        shared=plan.shared,
    )


async def launch_configs(
    database: Database,
    configs: Sequence[EpisodeConfig],
    *,
    prompt_folders: Sequence[Path],
    experiment: str | None = None,
    submission: str | None = None,
    owner: str | None = None,
    pace_ms: int = 0,
    priority: int = 0,
    budget: Budget = NO_BUDGET,
    shared: Budget = NO_BUDGET,
) -> tuple[str | None, list[str]]:
    """Store one run a configuration, with the prompt sets they use, all or none."""
    wanted = set().union(*(prompt_names(config) for config in configs))
    prompt_sets = load_prompt_sets(prompt_folders, wanted)
    for config in configs:
        require_pieces(config, prompt_sets)
    return await launch(
        database,
        configs,
        prompt_sets=prompt_sets,
        engine_version=ENGINE_VERSION,
        experiment=experiment,
        submission=submission,
        owner=owner,
        pace_ms=pace_ms,
        priority=priority,
        budget=budget,
        shared=shared,
    )


def default_name(plan: LaunchPlan) -> str:
    """Return a name for a plan's experiment, such as "Fishery, universalization: 3 runs"."""
    label = get_scenario(plan.scenario).label
    condition = get_condition(plan.condition).label.lower()
    count = len(plan.seeds)
    return f"{label}, {condition}: {count} run{'s' if count > 1 else ''}"


def parse_mind(text: str, sampling: SamplingConfig, check_model: CheckModel, prompts: str = "base") -> MindConfig:
    """Read `scripted:POLICY` or `generative:ENDPOINT/MODEL`; a language model is prompted by the set *prompts*.

    Raises:
        ValueError: with a sentence that says what can be written.
    """
    kind, _, rest = text.partition(":")
    if kind == "scripted":
        if rest not in POLICIES:
            raise ValueError(f"There is no policy '{rest}'. Choose one of: {', '.join(POLICIES)}.")
        return ScriptedMind(policy=rest)
    if kind == "generative" and rest:
        _check(rest, check_model)
        return GenerativeMind(model=rest, sampling=sampling, prompts=prompts)
    raise ValueError(f"'{text}' is no mind. Write scripted:POLICY or generative:ENDPOINT/MODEL.")


def _check(model: str, check_model: CheckModel) -> None:
    try:
        check_model(model)
    except Exception as error:
        raise ValueError(str(error)) from None


def _scenario(plan: LaunchPlan, errors: dict[str, str]) -> Scenario | None:
    try:
        scenario = get_scenario(plan.scenario)
    except UnknownName as error:
        errors["scenario"] = str(error)
        return None
    if not scenario.playable:
        playable = ", ".join(item.id for item in scenarios().values() if item.playable)
        errors["scenario"] = f"'{plan.scenario}' runs can be imported, not played. Choose one of: {playable}."
    return scenario


def _condition(plan: LaunchPlan, errors: dict[str, str]) -> Condition | None:
    """Return the plan's condition with what the plan says otherwise."""
    try:
        condition = get_condition(plan.condition)
    except UnknownName as error:
        errors["condition"] = str(error)
        return None
    given: dict[str, object] = {
        "talk": plan.talk,
        "report": plan.report,
        "observe_others": plan.observe_others,
        "home": plan.home,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    if plan.talk and not condition.talk:
        changed.setdefault("report", "manager")  # a condition without talk has no report to keep to
    condition = condition.model_copy(update=changed)
    if not condition.talk and plan.report not in (None, "none"):
        errors["report"] = "Without talk nobody reports the catches. Let everybody see them at home instead."
    return condition


def _agents(
    plan: LaunchPlan,
    scenario: Scenario | None,
    condition: Condition | None,
    check_model: CheckModel,
    errors: dict[str, str],
) -> list[AgentConfig]:
    names = list(plan.agents or (scenario.agents if scenario else ()))
    if not names:
        return []  # the scenario is wrong, and has been named
    if strangers := [name for name in plan.personas if name not in names]:
        errors["personas"] = f"There is no agent called '{strangers[0]}'. The agents are {', '.join(names)}."
    minds = plan.minds * len(names) if len(plan.minds) == 1 else plan.minds
    if not MIN_AGENTS <= len(names) <= MAX_AGENTS:
        errors.setdefault("agents", f"An episode has {MIN_AGENTS} to {MAX_AGENTS} agents, not {len(names)}.")
        return []
    if len(minds) != len(names):
        errors["minds"] = f"Give one mind for all agents or one for each: {len(names)} agents, {len(minds)} minds."
        return []
    agents = []
    try:
        sampling = SamplingConfig(temperature=plan.temperature, top_p=plan.top_p, max_tokens=plan.max_tokens)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            field = str(problem["loc"][0])
            errors[field] = f"{field.replace('_', ' ').capitalize()}: {complaint(problem)}."
        return []
    if (wrong := wrong_names(names, scenario.words.overseer if scenario else "")) is not None:
        errors["agents"] = wrong
        return []
    prompts = _set_name(plan)
    embedding = _embedding(plan, check_model, errors)
    for index, (name, text) in enumerate(zip(names, minds, strict=True)):
        role = plan.personas.get(name)
        if role is None:
            role = condition.role(index, len(names), scenario.words) if condition and scenario else Role()
        try:
            mind = parse_mind(text, sampling, check_model, prompts)
            if isinstance(mind, GenerativeMind):
                mind = mind.model_copy(update={"ratings": plan.ratings, "embedding": embedding})
            agents.append(AgentConfig(name=name, mind=mind, **dict(role)))
        except ValidationError as error:
            if error.errors()[0]["loc"][:1] == ("name",):
                errors["agents"] = f"'{name[:40]}' is no name for an agent. {sentence(error)}"
            else:
                errors["personas"] = f"{name}: {sentence(error)}"
        except ValueError as error:
            errors["minds"] = str(error)
    return agents


def _embedding(plan: LaunchPlan, check_model: CheckModel, errors: dict[str, str]) -> str | None:
    if plan.embedding is None:
        return None
    try:
        check_model(plan.embedding, "embeddings")
    except Exception as error:
        errors["embedding"] = str(error)
        return None
    return plan.embedding


def _framework(
    plan: LaunchPlan, agents: list[AgentConfig], check_model: CheckModel, errors: dict[str, str]
) -> FrameworkConfig | None:
    if plan.framework is None:
        for agent in agents:
            if isinstance(agent.mind, GenerativeMind):
                return GenerativeFramework(
                    model=agent.mind.model, sampling=agent.mind.sampling, prompts=_set_name(plan)
                )
        return ScriptedFramework()
    if plan.framework == "scripted":
        return ScriptedFramework()
    try:
        mind = parse_mind(plan.framework, SamplingConfig(), check_model)
    except ValueError as error:
        errors["framework"] = str(error)
        return None
    if not isinstance(mind, GenerativeMind):
        errors["framework"] = "The framework is 'scripted' or 'generative:ENDPOINT/MODEL'."
        return None
    return GenerativeFramework(model=mind.model, sampling=mind.sampling, prompts=_set_name(plan))


def _set_name(plan: LaunchPlan) -> str:
    """Return the plan's prompt set; where its name is none, which is an error of its own, the others can be checked."""
    return plan.prompts if SET_NAME.fullmatch(plan.prompts) else "base"


def _arrivals(agents: Sequence[AgentConfig], game: GameConfig, errors: dict[str, str]) -> None:
    """Name agents who never come, and a village that is too small to begin with."""
    late = [agent for agent in agents if agent.joins > game.months]
    if late:
        errors["months"] = f"{late[0].name} joins in month {late[0].joins}: play at least that many months."
    present = sum(agent.joins == 1 for agent in agents)
    if agents and present < MIN_AGENTS:
        there = "nobody is" if present == 0 else "only one is"
        errors.setdefault("agents", f"An episode starts with {MIN_AGENTS} agents at least; {there} there in month 1.")


def _game(plan: LaunchPlan, condition: Condition | None, errors: dict[str, str]) -> GameConfig | None:
    usual = condition.months if condition else get_condition("default").months
    try:
        return GameConfig(
            months=usual if plan.months is None else plan.months,
            capacity=plan.capacity,
            initial_stock=plan.capacity if plan.initial_stock is None else plan.initial_stock,
            growth=plan.growth,
            collapse_threshold=plan.collapse_threshold,
            allocation=plan.allocation,
        )
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            field = str(problem["loc"][0]) if problem["loc"] else "capacity"
            if field == "initial_stock" and plan.initial_stock is None:
                continue  # It follows the capacity, which is what has to be mended.
            if not problem["loc"] and plan.initial_stock is not None:
                field = "initial_stock"
            errors[field] = f"{field.replace('_', ' ').capitalize()}: {complaint(problem)}."
        return None
