"""`govsim run`: one condition from options, or a whole experiment from its definition."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.command_line import (
    collect_seldom,
    fail,
    hub_of,
    keeping,
    number_or_none,
    prompt_folders,
    serving_local,
    settings_and_schema,
)
from app.experiments_cli import run_definition

if TYPE_CHECKING:
    from app.commons.config import AllocationRule
    from app.jobs.launch_plan import LaunchPlan


def plan_or_fail(**fields: object) -> "LaunchPlan":
    """Return the plan of these fields, or say which of them cannot be one."""
    from pydantic import ValidationError

    from app.jobs.complaints import sentence
    from app.jobs.launch_plan import LaunchPlan

    try:
        return LaunchPlan.model_validate(fields)
    except ValidationError as error:
        fail(f"{str(error.errors()[0]['loc'][0]).capitalize().replace('_', ' ')}: {sentence(error)}")


def run(
    context: typer.Context,
    scenario: Annotated[str, typer.Option(help="fishery, pasture or pollution.")] = "fishery",
    condition: Annotated[
        str,
        typer.Option(help="default, universalization, no_communication, newcomer, ...; a wrong one lists them all."),
    ] = "default",
    mind: Annotated[
        list[str] | None,
        typer.Option(help="scripted:POLICY or generative:ENDPOINT/MODEL; one for all agents or one for each."),
    ] = None,
    agent: Annotated[list[str] | None, typer.Option(help="An agent's name; as often as there are agents.")] = None,
    framework: Annotated[
        str | None, typer.Option(help="scripted or generative:ENDPOINT/MODEL; follows the agents by default.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Environment seed; one run for each.")] = None,
    months: Annotated[
        int | None, typer.Option(help="Length of the episode in months; by default the condition's, mostly 12.")
    ] = None,
    talk: Annotated[bool | None, typer.Option(help="Whether the agents talk; by default the condition's.")] = None,
    report: Annotated[
        str | None, typer.Option(help="Who reports the catches before the talk: manager, individual or none.")
    ] = None,
    observe_others: Annotated[
        bool | None, typer.Option(help="Whether everybody learns all catches at the month's end.")
    ] = None,
    home: Annotated[bool | None, typer.Option(help="Whether the agents look back at home.")] = None,
    disclose: Annotated[
        list[str] | None, typer.Option(help="Tell the agents: months, collapse_threshold or allocation; repeatable.")
    ] = None,
    fidelity: Annotated[
        list[str] | None,
        typer.Option(help="Play as the research code does: research for all, or a switch; repeatable."),
    ] = None,
    personas: Annotated[
        Path | None, typer.Option(help="A TOML file: a table for each agent, with joins, description and goals.")
    ] = None,
    capacity: Annotated[int, typer.Option(help="Carrying capacity in units.")] = 100,
    growth: Annotated[float, typer.Option(help="What is left is multiplied by this.")] = 2.0,
    collapse_threshold: Annotated[int, typer.Option(help="Fewer units left after the harvest: collapse.")] = 5,
    allocation: Annotated[str, typer.Option(help="stochastic or proportional.")] = "stochastic",
    temperature: Annotated[str, typer.Option(help="Sampling temperature of generative minds; none: not sent.")] = "0",
    top_p: Annotated[str, typer.Option(help="Nucleus sampling of generative minds; none: not sent.")] = "1",
    prompts: Annotated[str, typer.Option(help="Prompt set of generative minds; see `govsim prompts list`.")] = "base",
    ratings: Annotated[str, typer.Option(help="single, or batched: one call rates all new memories.")] = "single",
    embedding: Annotated[
        str | None, typer.Option(help="ENDPOINT/MODEL that relevance is measured with; without a model by default.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name for the experiment.")] = None,
    priority: Annotated[int, typer.Option(help="-100 to 100: counts while a run waits, such as when resumed.")] = 0,
    budget_tokens: Annotated[
        int | None, typer.Option(help="Each run pauses at the end of a month after so many tokens, in and out.")
    ] = None,
    budget_cost: Annotated[float | None, typer.Option(help="Each run pauses after so many US dollars.")] = None,
    experiment_budget_tokens: Annotated[
        int | None, typer.Option(help="All runs together pause after so many tokens.")
    ] = None,
    experiment_budget_cost: Annotated[
        float | None, typer.Option(help="All runs together pause after so many US dollars.")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say what the runs would use; store and play nothing.")
    ] = False,
    experiment: Annotated[
        str | None,
        typer.Option(help="A definition of an experiment: a TOML file, or a name of `govsim experiments list`."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --experiment: say which runs it makes; store nothing.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="With --experiment: queue the runs for a server or worker, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each finished run as one JSON object.")] = False,
) -> None:
    """Play episodes here and now; they are stored like those launched in the browser.

    With --experiment the runs are those of a definition; --mind then names other models for it.
    """
    if experiment is not None:
        raise typer.Exit(
            run_definition(
                context, experiment, mind or [], dry_run=dry_run, estimate=estimate, detach=detach, as_json=as_json
            )
        )
    if dry_run or detach:
        fail(f"{'--dry-run' if dry_run else '--detach'} goes with --experiment.")
    from app.console_play import play_here, print_estimate
    from app.jobs.choices import read_choices

    if allocation not in ("stochastic", "proportional"):
        fail(f"There is no allocation rule '{allocation}'. Choose stochastic or proportional.")
    rule: AllocationRule = "proportional" if allocation == "proportional" else "stochastic"
    if ratings not in ("single", "batched"):
        fail(f"Memories are rated single or batched, not '{ratings}'.")
    chosen = read_choices(report, disclose or [], fidelity or [], personas.read_text("utf-8") if personas else "")
    plan = plan_or_fail(
        scenario=scenario,
        condition=condition,
        minds=mind or ["scripted:fair-share"],
        agents=agent or None,
        framework=framework,
        seeds=seed or [42],
        months=months,
        talk=talk,
        observe_others=observe_others,
        home=home,
        **chosen,
        capacity=capacity,
        growth=growth,
        collapse_threshold=collapse_threshold,
        allocation=rule,
        temperature=number_or_none("--temperature", temperature),
        top_p=number_or_none("--top-p", top_p),
        prompts=prompts,
        ratings="batched" if ratings == "batched" else "single",
        embedding=embedding,
        name=name,
        priority=priority,
        budget_tokens=budget_tokens,
        budget_cost=budget_cost,
        experiment_budget_tokens=experiment_budget_tokens,
        experiment_budget_cost=experiment_budget_cost,
    )
    settings = settings_and_schema()
    if estimate:
        asyncio.run(print_estimate(settings, plan, hub=hub_of(settings), as_json=as_json))
        return
    collect_seldom()
    named = (*plan.minds, plan.framework or "", plan.embedding or "")
    settings, server = serving_local(settings, [name.removeprefix("generative:") for name in named])

    async def play() -> int:
        async with keeping(server):
            hub = hub_of(settings)
            return await play_here(settings, plan, hub=hub, prompt_folders=prompt_folders(settings), as_json=as_json)

    raise typer.Exit(asyncio.run(play()))
