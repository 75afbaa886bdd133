"""The game of a launch: its scenario, its condition with what the plan says otherwise, its numbers, checked."""

from collections.abc import Sequence

from pydantic import ValidationError

from app.commons.config import MIN_AGENTS, AgentConfig, GameConfig
from app.commons.scenario import Condition, Scenario, UnknownName, get_condition, get_scenario, scenarios
from app.jobs.complaints import complaint
from app.jobs.launch_plan import LaunchPlan


def scenario_of(plan: LaunchPlan, errors: dict[str, str]) -> Scenario | None:
    """Return the scenario of a plan; *errors* then say what is wrong with it."""
    try:
        scenario = get_scenario(plan.scenario)
    except UnknownName as error:
        errors["scenario"] = str(error)
        return None
    if not scenario.playable:
        playable = ", ".join(item.id for item in scenarios().values() if item.playable)
        errors["scenario"] = f"'{plan.scenario}' runs can be imported, not played. Choose one of: {playable}."
    return scenario


def condition_of(plan: LaunchPlan, errors: dict[str, str]) -> Condition | None:
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


def check_arrivals(agents: Sequence[AgentConfig], game: GameConfig, errors: dict[str, str]) -> None:
    """Name agents who never come, and a village that is too small to begin with."""
    late = [agent for agent in agents if agent.joins > game.months]
    if late:
        errors["months"] = f"{late[0].name} joins in month {late[0].joins}: play at least that many months."
    present = sum(agent.joins == 1 for agent in agents)
    if agents and present < MIN_AGENTS:
        there = "nobody is" if present == 0 else "only one is"
        errors.setdefault("agents", f"An episode starts with {MIN_AGENTS} agents at least; {there} there in month 1.")


def game_of(plan: LaunchPlan, condition: Condition | None, errors: dict[str, str]) -> GameConfig | None:
    """Return the numbers of the game; *errors* then name those that are wrong."""
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
