"""From what a person asks for (a form, the command line, the API) to stored runs: one set of rules for all three."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from app.commons.config import EpisodeConfig
from app.commons.fidelity import ALL_SWITCHES
from app.commons.plan import ExperimentPlan
from app.commons.scenario import get_condition, get_scenario
from app.engine.version import ENGINE_VERSION
from app.jobs.complaints import sentence
from app.jobs.launch_game import check_arrivals, condition_of, game_of, scenario_of
from app.jobs.launch_minds import agents_of, framework_of
from app.jobs.launch_plan import CheckModel, LaunchError, LaunchPlan
from app.minds.build import load_prompt_sets, require_pieces
from app.minds.prompt_folders import SET_NAME
from app.minds.prompts import PromptError
from app.models.prices import Price
from app.store.connect import Database
from app.store.purse import PriceOf, models_of, no_price, unpriced_models
from app.store.records import NO_BUDGET, Budget
from app.store.runs import launch, prompt_names


def plan_configs(plan: LaunchPlan, check_model: CheckModel) -> list[EpisodeConfig]:
    """Return the configurations of a plan, one a seed.

    Args:
        plan: what is asked for.
        check_model: raises an exception with a sentence for a model that cannot be used.

    Raises:
        LaunchError: naming every field that is wrong.
    """
    errors: dict[str, str] = {}
    scenario = scenario_of(plan, errors)
    condition = condition_of(plan, errors)
    agents = agents_of(plan, scenario, condition, check_model, errors)
    framework = framework_of(plan, agents, check_model, errors)
    if not SET_NAME.fullmatch(plan.prompts):
        errors["prompts"] = f"'{plan.prompts[:60]}' is no name of a prompt set: small letters, digits, - and _."
    game = game_of(plan, condition, errors)
    if game is not None:
        check_arrivals(agents, game, errors)
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
    definition: str | None = None,
    labels: Sequence[str] = (),
    plan: ExperimentPlan | None = None,
    into: str | None = None,
) -> tuple[str | None, list[str]]:
    """Store one run a configuration, with the prompt sets they use, all or none; see `app.store.runs.launch`."""
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
        definition=definition,
        labels=labels,
        plan=plan,
        into=into,
    )


def default_name(plan: LaunchPlan) -> str:
    """Return a name for a plan's experiment, such as "Fishery, universalization: 3 runs"."""
    label = get_scenario(plan.scenario).label
    condition = get_condition(plan.condition).label.lower()
    count = len(plan.seeds)
    return f"{label}, {condition}: {count} run{'s' if count > 1 else ''}"
