"""Who decides in a launch: minds, the reader of the talk and the model that relevance is measured with, checked."""

from pydantic import ValidationError

from app.commons.config import (
    MAX_AGENTS,
    MIN_AGENTS,
    AgentConfig,
    FrameworkConfig,
    GenerativeFramework,
    GenerativeMind,
    MindConfig,
    PolicyName,
    SamplingConfig,
    ScriptedFramework,
    ScriptedMind,
)
from app.commons.scenario import Condition, Role, Scenario
from app.jobs.complaints import complaint, sentence, wrong_names
from app.jobs.launch_plan import CheckModel, LaunchPlan
from app.minds.prompt_folders import SET_NAME

POLICIES: tuple[PolicyName, ...] = ("fair-share", "greedy", "reciprocal", "forgetful", "random")


def parse_mind(text: str, sampling: SamplingConfig, check_model: CheckModel, prompts: str = "base") -> MindConfig:
    """Read `scripted:POLICY` or `generative:ENDPOINT/MODEL`; a language model is prompted by the set *prompts*.

    Raises:
        ValueError: with a sentence that says what can be written.
    """
    kind, _, rest = text.partition(":")
    if kind == "scripted":
        if rest not in POLICIES:
            raise ValueError(f"There is no policy '{rest[:80]}'. Choose one of: {', '.join(POLICIES)}.")
        return ScriptedMind(policy=rest)
    if kind == "generative" and rest:
        _check(rest, check_model)
        return GenerativeMind(model=rest, sampling=sampling, prompts=prompts)
    raise ValueError(f"'{text[:80]}' is no mind. Write scripted:POLICY or generative:ENDPOINT/MODEL.")


def _check(model: str, check_model: CheckModel) -> None:
    try:
        check_model(model)
    except Exception as error:
        raise ValueError(str(error)) from None


def agents_of(
    plan: LaunchPlan,
    scenario: Scenario | None,
    condition: Condition | None,
    check_model: CheckModel,
    errors: dict[str, str],
) -> list[AgentConfig]:
    """Return the agents of a plan; *errors* then name what is wrong with them."""
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


def framework_of(
    plan: LaunchPlan, agents: list[AgentConfig], check_model: CheckModel, errors: dict[str, str]
) -> FrameworkConfig | None:
    """Return who reads the talk, None where the plan names nobody who can; *errors* then say so."""
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
